"""Access rules, the groups that they may speak of, and exceptions to them.

All name applications and entitlements by slug and key, not by foreign key: a rule may be written
before what it gives exists, and checking says so."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from tenure.people.models import Person


class AccessRule(models.Model):
    """Who meets `condition` gets everything in `gives`: {application slug: [entitlement key]}."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    condition = models.TextField()
    gives = models.JSONField(default=dict)
    #: For how long that stays once the condition is met no more.
    grace = models.DurationField(null=True)
    enabled = models.BooleanField(default=True)
    position = models.IntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["position", "slug"]

    def __str__(self) -> str:
        return self.name


class RuleDraft(models.Model):
    """A rule as somebody means it to be, not in force: `definition` is as the document writes it.
    `base` is the version of the rule when the draft was begun ("": a new one) and `began` what it
    said. `version` counts how often it was saved, so that two who write it see each other."""

    slug = models.SlugField(max_length=100, unique=True)
    definition = models.JSONField(default=dict)
    base = models.CharField(max_length=64, blank=True)
    began = models.JSONField(null=True)
    version = models.IntegerField(default=1)
    saved_by = models.CharField(max_length=200)
    saved_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["slug"]

    def __str__(self) -> str:
        return str(self.definition.get("name") or self.slug)


class PeopleGroup(models.Model):
    """Who meets `condition`, and everybody named by employee number: `slug in user.groups`."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    condition = models.TextField(blank=True)
    people = models.JSONField(default=list)
    position = models.IntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["position", "slug"]

    def __str__(self) -> str:
        return self.name


class AccessException(models.Model):
    """Gives or withholds an application, or one entitlement in it, for one person. One that was
    ended stays as a record of what was decided."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="exceptions")
    application = models.SlugField(max_length=100)
    entitlement = models.CharField(max_length=309, blank=True)
    gives = models.BooleanField()
    reason = models.TextField()
    decided_by = models.CharField(max_length=200)
    #: An administrator decided it who may be the person.
    by_themselves = models.BooleanField(db_default=False)
    until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person", "application", "entitlement"],
                condition=models.Q(ended_at__isnull=True),
                name="access_exception_once",
            )
        ]

    def __str__(self) -> str:
        return self.in_words(self.application)

    def in_words(self, application: str) -> str:
        """`gives Chat group:all`, where the application is called so."""
        what = " ".join(part for part in (application, self.entitlement) if part)
        return f"{'gives' if self.gives else 'withholds'} {what}"
