"""Hints that wait: which records a webhook said to look at. What was in it is not kept."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from tenure.sources.models import Source


class SourceHint(models.Model):
    """One genuine webhook. `digest` tells it from others: the same one again is no other. It is
    taken once the records were fetched."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="hints")
    digest = models.BinaryField(max_length=32)
    ids = models.JSONField(default=list)
    event = models.CharField(max_length=200, blank=True)
    received_at = models.DateTimeField(db_default=Now())
    not_before = models.DateTimeField(null=True)
    tries = models.IntegerField(default=0)
    taken_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "digest"], name="source_hint_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["source", "id"],
                condition=models.Q(taken_at__isnull=True),
                name="source_hint_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{self.source_id}: {self.event}"
