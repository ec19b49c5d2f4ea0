"""Administrators, and how they and people come in: links, passkeys, recovery codes, sessions.
There is no password anywhere. Coming in for the first time is in `onboarding_models`."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Now

from tenure.people.models import Person


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMINISTRATOR = "administrator", "Administrator"
    HELP_DESK = "help_desk", "Help desk"
    AUDITOR = "auditor", "Auditor"


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(name=username)


class User(AbstractBaseUser):
    """Somebody who can sign in. The inherited password is never usable."""

    name = models.CharField(max_length=200, unique=True)
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.ADMINISTRATOR)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "name"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.name


class OneTimeLink(models.Model):
    """A link that signs one administrator in once. Only its digest is stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="links")
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    used_from = models.GenericIPAddressField(null=True)

    def __str__(self) -> str:
        return f"link for {self.user_id}"


class How(models.TextChoices):
    """How somebody came in."""

    LINK = "link", "One-time link"
    PASSKEY = "passkey", "Passkey"
    QR = "qr", "Phone, by QR code"
    RECOVERY_CODE = "recovery_code", "Recovery code"
    ONBOARDING = "onboarding", "Onboarding"


def _one_owner(name: str) -> models.CheckConstraint:
    one = models.Q(user__isnull=False, person__isnull=True)
    other = models.Q(user__isnull=True, person__isnull=False)
    return models.CheckConstraint(condition=one | other, name=name)


class Passkey(models.Model):
    """A public key of an administrator or of a person. `handle` is the user handle of WebAuthn
    (section 5.4.3): random, one for each owner, and says nothing about them. A row outlives the
    key's removal, so that the trail can be read."""

    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="passkeys")
    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="passkeys")
    handle = models.BinaryField(max_length=64)
    credential_id = models.BinaryField(max_length=1023, unique=True)
    public_key = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)
    #: How the browser said that the authenticator is reached: internal, hybrid, usb, ...
    transports = models.JSONField(default=list)
    backed_up = models.BooleanField(default=False)
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(db_default=Now())
    used_at = models.DateTimeField(null=True)
    used_from = models.GenericIPAddressField(null=True)
    removed_at = models.DateTimeField(null=True)
    removed_because = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["created_at", "id"]
        constraints: ClassVar = [_one_owner("passkey_has_one_owner")]

    def __str__(self) -> str:
        return self.name


class Challenge(models.Model):
    """What an authenticator is asked to sign. Bound to one browser's session by its number there,
    and deleted by whoever uses it, so it is used once."""

    value = models.BinaryField(max_length=64)
    purpose = models.CharField(max_length=16)
    #: Whose key is being made, or which pairing is being confirmed: `person:7`, `pairing:12`.
    about = models.CharField(max_length=64, blank=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.purpose} {self.about}"


class RecoveryCode(models.Model):
    """One of a set of codes that let an owner in once each. Keyed digests only."""

    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="codes")
    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="codes")
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [_one_owner("recovery_code_has_one_owner")]

    def __str__(self) -> str:
        return f"recovery code {self.pk}"


class Session(models.Model):
    """Somebody signed in somewhere. The browser's own session names it; ending the row ends it."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="sessions")
    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="sessions")
    #: The one that began it; and that which signed in it last, where another did.
    passkey = models.ForeignKey(Passkey, null=True, on_delete=models.SET_NULL)
    confirmed_with = models.ForeignKey(
        Passkey, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    how = models.CharField(max_length=16, choices=How.choices)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=100, blank=True)
    #: When a passkey of theirs last signed in it; None where none did.
    passkey_at = models.DateTimeField(null=True)
    began_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    ended_because = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["-seen_at", "-id"]
        constraints: ClassVar = [_one_owner("session_has_one_owner")]
        indexes: ClassVar = [
            models.Index(
                fields=["person"],
                condition=models.Q(ended_at__isnull=True),
                name="session_open_person",
            ),
        ]

    @property
    def signed_last(self) -> Passkey | None:
        """The passkey that signed in it last; None where none did."""
        return self.confirmed_with or self.passkey

    def __str__(self) -> str:
        return f"{self.browser} {self.address}"


class Device(models.Model):
    """A browser that its owner has signed in with, known by a cookie of its own."""

    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="devices")
    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="devices")
    digest = models.BinaryField(max_length=32)
    browser = models.CharField(max_length=100)
    address = models.GenericIPAddressField(null=True)
    #: The last way by which they came in with it.
    how = models.CharField(max_length=16, choices=How.choices)
    first_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-seen_at", "-id"]
        constraints: ClassVar = [
            _one_owner("device_has_one_owner"),
            models.UniqueConstraint(
                fields=["digest", "user", "person"],
                name="device_once_for_each_owner",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.browser} {self.address}"


class Throttle(models.Model):
    """How often something was tried within the window that began at `since`."""

    key = models.CharField(max_length=100, unique=True)
    since = models.DateTimeField()
    count = models.IntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"


# Django looks for the tables of an app in this module.
from tenure.signin.onboarding_models import (  # noqa: E402
    Invitation,
    Letter,
    OneTimeCode,
    Pairing,
    Review,
    WalletRequest,
)

__all__ = [
    "Challenge",
    "Device",
    "How",
    "Invitation",
    "Letter",
    "OneTimeCode",
    "OneTimeLink",
    "Pairing",
    "Passkey",
    "RecoveryCode",
    "Review",
    "Role",
    "Session",
    "Throttle",
    "User",
    "WalletRequest",
]
