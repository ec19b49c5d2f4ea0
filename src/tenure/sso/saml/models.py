"""What SAML keeps: metadata that was read from an address, messages that were seen, and logouts
that go from application to application in somebody's browser."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from tenure.applications.models import Application


class ServiceMetadata(models.Model):
    """An application's metadata, as last read from its address. What could not be read leaves what
    was read before."""

    application = models.OneToOneField(
        Application, on_delete=models.CASCADE, related_name="saml_metadata"
    )
    address = models.CharField(max_length=2000)
    xml = models.TextField(blank=True)
    entity_id = models.CharField(max_length=1024, blank=True, db_index=True)
    read_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField()
    #: Why the last try gave nothing; "" where it did.
    problem = models.TextField(blank=True)
    remarks = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"Metadata of {self.application}"


class SeenMessage(models.Model):
    """A message of an application is taken once."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+")
    message = models.CharField(max_length=256)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["application", "message"], name="saml_seen_once")
        ]

    def __str__(self) -> str:
        return f"{self.message} of {self.application}"


class Logout(models.Model):
    """Somebody signs out, and their browser goes to one application after the other. Its token is
    the RelayState that they bring back; only the digest is stored."""

    digest = models.BinaryField(max_length=32, unique=True)
    #: Sessions at applications (their sids) that are still to be told of, and which one is now.
    left = models.JSONField(default=list)
    now_at = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=128, blank=True)
    #: Names of applications that did not confirm.
    unconfirmed = models.JSONField(default=list)
    #: Who asked, and how they are answered: {} where the person signed out here.
    asked_by = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    touched_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["touched_at"],
                condition=models.Q(finished_at__isnull=True),
                name="saml_logout_open",
            )
        ]

    def __str__(self) -> str:
        return f"Logout {self.pk}"
