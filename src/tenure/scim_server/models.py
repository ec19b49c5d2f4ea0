"""Who may push: bearer tokens, each for one source. Only their digests are stored."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from tenure.sources.models import Source


class Scope(models.TextChoices):
    READ = "read", "Reads"
    WRITE = "write", "Reads and writes"
    #: It says that something changed, and neither reads nor writes: see `receiving`.
    HOOK = "hook", "Says that something changed"


class PushToken(models.Model):
    """What one other system sends with each request."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="push_tokens")
    name = models.CharField(max_length=100)
    digest = models.BinaryField(max_length=32, unique=True)
    scope = models.CharField(max_length=16, choices=Scope.choices, default=Scope.WRITE)
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    #: Networks (CIDR) from which it is taken; from anywhere where there is none.
    networks = models.JSONField(default=list)
    #: How often it was shown in the minute that began then.
    shown = models.IntegerField(default=0)
    shown_since = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["source_id", "name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "name"],
                condition=models.Q(revoked_at=None),
                name="push_token_name_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} for {self.source_id}"
