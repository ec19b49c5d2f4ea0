"""What is to be written into records of sources, and whether a source takes it at present."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from tenure.people.models import Person
from tenure.sources.models import Source, SourceRecord


class WriteBack(models.Model):
    """What one record is to hold. A row for a record: what is asked for last counts, and when it
    is written what the person is called then is what is written."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        HELD = "held", "Held"
        FAILED = "failed", "Failed"
        DONE = "done", "Written"

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="write_backs")
    record = models.OneToOneField(SourceRecord, on_delete=models.CASCADE, related_name="write_back")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="write_backs")
    #: attribute -> value.
    wanted = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    #: Somebody said that it is right, so no limit counts it.
    approved = models.BooleanField(default=False)
    asked_at = models.DateTimeField()
    not_before = models.DateTimeField()
    tries = models.IntegerField(default=0)
    #: Why it waits, is held or failed.
    reason = models.TextField(blank=True)
    #: column -> what was there, kept before anything is sent; and what was there afterwards.
    was = models.JSONField(default=dict)
    found = models.JSONField(default=dict)
    sent_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["source", "not_before", "id"],
                condition=models.Q(state="waiting"),
                name="write_back_waiting",
            ),
            models.Index(fields=["source", "state", "-id"], name="write_back_state"),
        ]

    def __str__(self) -> str:
        return f"{self.source_id}: {self.person_id}"


class Pause(models.Model):
    """Nothing is written to the source until then. `refused`: it does not accept us, and somebody
    has to mend that; otherwise it only asked to be left in peace."""

    source = models.OneToOneField(Source, on_delete=models.CASCADE, related_name="write_back_pause")
    until = models.DateTimeField()
    refused = models.BooleanField(default=False)
    since = models.DateTimeField()
    tries = models.IntegerField(default=1)
    reason = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"pause of {self.source_id}"
