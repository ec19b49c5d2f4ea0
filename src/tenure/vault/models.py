"""Sealed values. Only the name, who entered it and when it dies are readable."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now


class Sealed(models.Model):
    """One value, sealed by the box and bound to its name. `ours`: kept by Tenure for itself (the
    tokens of an application), not entered by a person and not shown in lists; what a person calls
    the same is another value."""

    name = models.CharField(max_length=200)
    value = models.TextField()
    ours = models.BooleanField(default=False)
    #: The last day on which it works, as whoever entered it said.
    expires_on = models.DateField(null=True)
    kept_at = models.DateTimeField(db_default=Now())
    kept_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "ours"], name="sealed_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class KeptAuthorization(models.Model):
    """That somebody was authorised by OAuth; whose it is says the table that is made of this. The
    tokens are sealed."""

    #: What was granted, as the other side says; what was asked for where it does not.
    scopes = models.JSONField(default=list)
    granted_at = models.DateTimeField()
    granted_by = models.CharField(max_length=200)
    access_expires_at = models.DateTimeField(null=True)
    #: From when on the access token is renewed before it is used.
    renew_at = models.DateTimeField(null=True)
    renewed_at = models.DateTimeField(null=True)
    #: It is taken no more: somebody has to authorise again.
    refused_at = models.DateTimeField(null=True)
    refused_reason = models.TextField(blank=True)

    class Meta:
        abstract = True
