"""People, the schema of their attributes, the company that they work for, and reserved names.

`Person.generation` is raised in the same transaction as anything that may change what the person
should have; provisioning takes those whose `planned_generation` lags.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Lower, Now

from tenure.core.expressions import AttributeType
from tenure.core.model import LifecycleState


class PlanMode(models.TextChoices):
    """Whether changes wait for `tenure apply` or go ahead by themselves, guards permitting."""

    REVIEW = "review", "Wait for review"
    AUTOMATIC = "automatic", "Automatic"


class OnRename(models.TextChoices):
    """What becomes of a generated name, or of a login, when its owner is called otherwise."""

    KEEP = "keep", "It stays"
    CHANGE = "change", "It follows the name"


def contractors() -> list[str]:
    return ["contractor"]


class Company(models.Model):
    """The one company of this installation: always the row with id 1."""

    name = models.CharField(max_length=200, default="My company")
    domain = models.CharField(max_length=253, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    email_formats = models.JSONField(default=list)
    #: How user names are made where no source gives one; empty: none are made.
    user_name_formats = models.JSONField(default=list)
    #: Of the addresses and user names that are made here.
    on_rename = models.CharField(max_length=16, choices=OnRename.choices, default=OnRename.KEEP)
    #: A name is given to nobody else for so long after its owner has left. None: never.
    name_retention = models.DurationField(null=True, default=timedelta(days=365))
    #: Values of `employment_type` of which a missing last day is told.
    warn_without_end = models.JSONField(default=contractors)
    #: Whether who has something to do by hand is reminded, once a day at most; and where that goes
    #: for what is nobody's. Empty: nowhere.
    task_reminders = models.BooleanField(default=True)
    tasks_to = models.CharField(max_length=254, blank=True)
    #: #rrggbb, of invitations and the portal; empty: ours.
    colour = models.CharField(max_length=7, blank=True)
    #: See people.onboarding. What is not given has its default.
    onboarding = models.JSONField(default=dict)
    #: After somebody has left they are `leaving` for so long: closed, and nothing is deleted.
    leaver_grace = models.DurationField(null=True)
    plan_mode = models.CharField(max_length=16, choices=PlanMode.choices, default=PlanMode.REVIEW)
    writes_stopped_at = models.DateTimeField(null=True)
    writes_stopped_reason = models.TextField(blank=True)
    writes_stopped_by = models.CharField(max_length=200, blank=True)
    #: The tables are those of a backup, since then, and nobody has said yet that what was done
    #: after it is found again: see sso.restoring.
    restored_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class AttributeDefinition(models.Model):
    """One attribute that a person can have."""

    name = models.CharField(max_length=64, unique=True)
    label = models.CharField(max_length=100)
    type = models.CharField(max_length=16, choices=[(t.value, t.value) for t in AttributeType])
    standard = models.BooleanField(default=False)
    sensitive = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["-standard", "id"]

    def __str__(self) -> str:
        return self.name


class Person(models.Model):
    """One human. `attributes` is what the sources say, resolved; the columns beside it are read
    from it so that they can be searched, sorted and trusted by the lifecycle clock."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    employee_number = models.CharField(max_length=100, null=True, unique=True)
    display_name = models.CharField(max_length=300)
    email = models.CharField(max_length=254, blank=True)
    attributes = models.JSONField(default=dict)
    #: attribute -> slug of the source that it came from; "" for what was made here.
    origins = models.JSONField(default=dict)
    manager = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="reports"
    )

    state = models.CharField(
        max_length=16,
        choices=[(s.value, s.value.replace("_", " ").capitalize()) for s in LifecycleState],
        default=LifecycleState.ACTIVE.value,
    )
    state_since = models.DateTimeField(null=True)
    start_date = models.DateField(null=True)
    end_date = models.DateField(null=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    on_leave = models.BooleanField(default=False)
    suspended = models.BooleanField(default=False)
    #: The instant of an immediate or scheduled termination: wins over `end_date`.
    terminated_at = models.DateTimeField(null=True)
    termination_reason = models.TextField(blank=True)
    #: Since when nothing of theirs may be deleted, and why.
    legal_hold_since = models.DateTimeField(null=True)
    legal_hold_reason = models.TextField(blank=True)
    #: See core.model.PersonFacts. None for whoever was here before it mattered.
    admitted = models.BooleanField(null=True)
    #: HR says that they are gone (status, or disappearance where the source says so).
    ended_by_source_at = models.DateTimeField(null=True)

    generation = models.BigIntegerField(default=1)
    planned_generation = models.BigIntegerField(default=0)
    #: The next instant at which their state, or what they should have, changes by itself.
    next_look_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["display_name", "id"]
        indexes: ClassVar = [
            models.Index(
                fields=["id"],
                condition=models.Q(planned_generation__lt=models.F("generation")),
                name="person_lagging",
            ),
            models.Index(
                fields=["next_look_at"],
                condition=models.Q(next_look_at__isnull=False),
                name="person_next_look",
            ),
            models.Index(fields=["display_name", "id"], name="person_name"),
            models.Index(fields=["state", "display_name", "id"], name="person_state"),
            models.Index(
                fields=["display_name", "id"],
                condition=models.Q(email=""),
                name="person_without_email",
            ),
            models.Index(fields=["start_date"], name="person_start"),
            models.Index(
                fields=["end_date"],
                condition=models.Q(end_date__isnull=False),
                name="person_end",
            ),
            models.Index(
                fields=["terminated_at"],
                condition=models.Q(terminated_at__isnull=False),
                name="person_terminated",
            ),
            models.Index(
                Lower(KeyTextTransform("employment_type", "attributes")),
                condition=models.Q(end_date__isnull=True),
                name="person_endless",
            ),
            models.Index(
                KeyTextTransform("department", "attributes"),
                "display_name",
                "id",
                name="person_department",
            ),
        ]

    def __str__(self) -> str:
        return self.display_name

    def goes_by(self, name: str) -> bool:
        """Whether that is what an administrator would be called who is this person: as the person
        is, or by the person's address or number. Nothing else says who an administrator is in
        HR."""
        names = (self.email, self.employee_number or "", self.display_name)
        return name.casefold() in {one.casefold() for one in names if one}


class PersonChange(models.TextChoices):
    MERGED = "merged", "Merged"
    SPLIT = "split", "Split"


class PersonUnion(models.Model):
    """That two people were found to be one, or one to be two, by a human; with all that is needed
    to take it back. `person` is who stayed; the other one is gone (merged) or new (split)."""

    kind = models.CharField(max_length=8, choices=PersonChange.choices)
    person = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="unions")
    other_uid = models.UUIDField()
    other_name = models.CharField(max_length=300)
    other_number = models.CharField(max_length=100, blank=True)
    #: {"person", "other"}: the rows as they were; of a split only the first.
    before = models.JSONField(default=dict)
    #: What changed its owner, and what could not and was put away; see `people.moving`.
    moved = models.JSONField(default=dict)
    put_away = models.JSONField(default=list)
    #: Ids of accounts -> what became of them; see core.unions.
    accounts = models.JSONField(default=dict)
    reason = models.TextField()
    done_by = models.CharField(max_length=200)
    done_at = models.DateTimeField()
    undone_by = models.CharField(max_length=200, blank=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["other_uid"], name="person_union_other")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.other_name}"


class ReservedName(models.Model):
    """A generated name that is taken, whoever holds it: unique, so two workers never give it."""

    kind = models.CharField(max_length=32)
    value = models.CharField(max_length=254)
    person = models.ForeignKey(
        Person, null=True, on_delete=models.SET_NULL, related_name="reserved_names"
    )
    reserved_at = models.DateTimeField(db_default=Now())
    released_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "value"], name="reserved_name_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"
