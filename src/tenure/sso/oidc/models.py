"""What the OpenID Connect provider issues. Of every secret, code and token only a digest is kept;
what lives is decided by the grant that it hangs on, and by the session that the grant is for."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from tenure.applications.models import Application
from tenure.people.models import Person


class ClientSecret(models.Model):
    """What an application proves itself with. Several may be good at once, so that one can be
    replaced without a pause."""

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="client_secrets"
    )
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.CharField(max_length=200)
    #: None: until it is revoked.
    expires_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"secret {self.pk} of {self.application}"

    def is_good(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


class Grant(models.Model):
    """What an application was allowed: by a person, or (person None) by itself. All tokens that
    came of it, by refreshing too, hang on it and end with it."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="grants")
    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="grants")
    session = models.ForeignKey(
        "sso.ApplicationSession", null=True, on_delete=models.CASCADE, related_name="grants"
    )
    scope = models.CharField(max_length=1000, blank=True)
    #: How and when the person had signed in, for ID tokens that come later: `sid`, `auth_time`,
    #: `acr`, `amr`.
    told = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    revoked_at = models.DateTimeField(null=True)
    revoked_because = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["person"],
                condition=models.Q(revoked_at__isnull=True),
                name="grant_person",
            ),
        ]

    def __str__(self) -> str:
        return f"grant {self.pk} of {self.application}"


class Code(models.Model):
    """An authorization code (RFC 6749, section 4.1). Used once; shown again, everything that came
    of it is revoked."""

    digest = models.BinaryField(max_length=32, unique=True)
    grant = models.ForeignKey(Grant, on_delete=models.CASCADE, related_name="codes")
    redirect_uri = models.CharField(max_length=2000)
    challenge = models.CharField(max_length=128)
    nonce = models.CharField(max_length=1000, blank=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"code of {self.grant}"


class Token(models.Model):
    """An access or a refresh token. A refresh token is used once; shown again, somebody has stolen
    it, and everything of its grant is revoked (RFC 9700, section 4.14.2)."""

    class Kind(models.TextChoices):
        ACCESS = "access_token", "Access token"
        REFRESH = "refresh_token", "Refresh token"

    digest = models.BinaryField(max_length=32, unique=True)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    grant = models.ForeignKey(Grant, on_delete=models.CASCADE, related_name="tokens")
    scope = models.CharField(max_length=1000, blank=True)
    issued_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} of {self.grant}"


class DeviceRequest(models.Model):
    """A device without a browser waits for somebody to allow it (RFC 8628). The user code is
    short, so its digest needs the installation's key."""

    digest = models.BinaryField(max_length=32, unique=True)
    user_code = models.BinaryField(max_length=32, unique=True)
    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="device_requests"
    )
    scope = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_index=True)
    polled_at = models.DateTimeField(null=True)
    #: None until somebody has decided.
    allowed = models.BooleanField(null=True)
    grant = models.ForeignKey(Grant, null=True, on_delete=models.CASCADE)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"device of {self.application}"
