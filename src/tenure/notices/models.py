"""Who is told, and what they were told."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now


class Channel(models.TextChoices):
    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook"


class Target(models.Model):
    """An address or a URL. `kinds`: what is told there, chosen among those that were `known`: see
    `collecting.newer`. The key that webhooks are signed with is in the vault, by the target's
    number."""

    channel = models.CharField(max_length=16, choices=Channel.choices)
    address = models.CharField(max_length=500)
    kinds = models.JSONField(default=list)
    known = models.JSONField(default=list)
    added_by = models.CharField(max_length=200)
    added_at = models.DateTimeField(db_default=Now())
    #: What went wrong when it was told last, "" where nothing did.
    error = models.TextField(blank=True)
    told_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.address


class Told(models.Model):
    """One thing that waits, told to one target, or being tried. `key` names the thing as long as it
    waits, so that it is told once. Once it was told, `tries` and `not_before` are about telling
    that it is over; `kind` and `about` say what that is of."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="told")
    key = models.CharField(max_length=300)
    kind = models.CharField(max_length=32, db_default="")
    about = models.CharField(max_length=100, db_default="")
    sent_at = models.DateTimeField(null=True)
    tries = models.IntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["target", "key"], name="told_once")
        ]

    def __str__(self) -> str:
        return self.key
