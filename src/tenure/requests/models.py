"""Requests for access. Who decides about one is never stored: it is asked at every look."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from tenure.core.approval import Approver
from tenure.people.models import Person
from tenure.rules.models import AccessException


class State(models.TextChoices):
    WAITING = "waiting", "Waits"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"
    EXPIRED = "expired", "Nobody answered"
    CLOSED = "closed", "Closed"


class AccessRequest(models.Model):
    """One person asks for an application, or for an entitlement in it, for `lasts` from the moment
    of the decision on. It names both as exceptions do; `exception` is what came of it."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="requests")
    application = models.SlugField(max_length=100)
    entitlement = models.CharField(max_length=309, blank=True)
    reason = models.TextField()
    lasts = models.DurationField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    asked_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    #: Who was to decide when that was looked at last, for counting; and whom it was told.
    route = models.CharField(max_length=16, choices=[(a.value, a.value) for a in Approver])
    told = models.JSONField(default=list)
    reminded_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    #: As the audit trail has it; `decider` where that was a person.
    decided_by = models.CharField(max_length=200, blank=True)
    decider = models.ForeignKey(
        Person, null=True, on_delete=models.SET_NULL, related_name="decided_requests"
    )
    answer = models.TextField(blank=True)
    exception = models.ForeignKey(
        AccessException, null=True, on_delete=models.SET_NULL, related_name="requests"
    )
    #: What was given and is over was planned to be taken back.
    taken_back_at = models.DateTimeField(null=True)
    #: That the end is near was told.
    end_told_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person", "application", "entitlement"],
                condition=models.Q(state="waiting"),
                name="request_waits_once",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["application"],
                condition=models.Q(state="waiting"),
                name="request_waiting",
            ),
            models.Index(
                fields=["id"],
                condition=models.Q(state="approved", taken_back_at=None),
                name="request_given",
            ),
        ]

    def __str__(self) -> str:
        return " ".join(part for part in (self.application, self.entitlement) if part)
