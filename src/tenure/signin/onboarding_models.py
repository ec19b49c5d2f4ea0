"""Coming in for the first time, and by the phone: invitations, pairings of a computer with a phone,
codes that prove an address, claims that a person has to look at, and the letters that go out."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from tenure.people.models import Person


class Invitation(models.Model):
    """The right to make the first passkey. The token in the letter is stored as a digest only, and
    made when the letter is sent: nobody who reads the database can use it."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="invitations")
    digest = models.BinaryField(max_length=32, unique=True, null=True)
    sent_to = models.CharField(max_length=254)
    reason = models.TextField(blank=True)
    invited_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_because = models.CharField(max_length=200, blank=True)
    #: An administrator has confirmed who this is: the claims are not asked again.
    vouched = models.BooleanField(default=False)
    claim_tries = models.IntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person"],
                condition=models.Q(used_at__isnull=True, withdrawn_at__isnull=True),
                name="invitation_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"invitation of {self.person_id}"


class Pairing(models.Model):
    """A computer that waits for a phone. `token` is in the QR code, `browser_secret` only in the
    session of the browser that started it, `phone_secret` only in that of the phone that took it:
    each alone is worth nothing."""

    class Purpose(models.TextChoices):
        WELCOME = "welcome", "Onboarding"
        SIGN_IN = "sign_in", "Signing in"

    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    invitation = models.ForeignKey(Invitation, null=True, on_delete=models.CASCADE)
    #: Who may go on, on the computer: known from the invitation, or once the phone has signed.
    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE)
    user = models.ForeignKey("signin.User", null=True, on_delete=models.CASCADE)
    passkey = models.ForeignKey("signin.Passkey", null=True, on_delete=models.SET_NULL)
    token_digest = models.BinaryField(max_length=32, unique=True)
    browser_digest = models.BinaryField(max_length=32)
    phone_digest = models.BinaryField(max_length=32, null=True)
    #: Shown on both screens.
    matching = models.CharField(max_length=8)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=100, blank=True)
    next_path = models.CharField(max_length=500, blank=True)
    started_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_index=True)
    confirmed_at = models.DateTimeField(null=True)
    #: The code that was sent to the person has come back.
    address_proven_at = models.DateTimeField(null=True)
    claims_proven_at = models.DateTimeField(null=True)
    approved_at = models.DateTimeField(null=True)
    redeemed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    @property
    def is_verified(self) -> bool:
        """The address and the claims, in whichever order they were proven."""
        return self.address_proven_at is not None and self.claims_proven_at is not None

    def __str__(self) -> str:
        return f"{self.purpose} {self.matching}"


class WalletRequest(models.Model):
    """What a wallet is asked, for a computer that waits. Its address is stored as a digest, its key
    is not stored at all. It is answered once."""

    class Outcome(models.TextChoices):
        VERIFIED = "verified", "What HR has"
        DIFFERS = "differs", "Not what HR has"
        REFUSED = "refused", "Not believed"
        DECLINED = "declined", "Nothing was shown"

    pairing = models.ForeignKey(Pairing, on_delete=models.CASCADE, related_name="wallet_requests")
    token_digest = models.BinaryField(max_length=32, unique=True)
    nonce = models.CharField(max_length=64)
    state = models.CharField(max_length=64)
    started_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    fetched_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True)

    def __str__(self) -> str:
        return f"wallet for pairing {self.pairing_id}"


class OneTimeCode(models.Model):
    """Six digits that go to an address which HR has. Made when they are sent; a keyed digest that
    is bound to the pairing is all that is stored."""

    pairing = models.ForeignKey(Pairing, on_delete=models.CASCADE, related_name="codes")
    digest = models.BinaryField(max_length=32, null=True)
    sent_to = models.CharField(max_length=254)
    expires_at = models.DateTimeField()
    tries = models.IntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"code for pairing {self.pairing_id}"


class Review(models.Model):
    """Claims that were not what HR has: a person decides whether it is them all the same."""

    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="reviews")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="reviews")
    #: attribute -> what was typed.
    given = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=200, blank=True)
    approved = models.BooleanField(null=True)
    reason = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person"],
                condition=models.Q(decided_at__isnull=True),
                name="review_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"review of {self.person_id}"


class Letter(models.Model):
    """An e-mail that is to go out. What is secret in it is made when it is sent, never stored."""

    class Kind(models.TextChoices):
        INVITATION = "invitation", "Invitation"
        CODE = "code", "One-time code"
        ADMINISTRATOR = "administrator", "Invitation of an administrator"
        NOTICE = "notice", "Notice"
        TASKS = "tasks", "Reminder of tasks"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    to = models.CharField(max_length=254)
    invitation = models.ForeignKey(Invitation, null=True, on_delete=models.CASCADE)
    code = models.ForeignKey(OneTimeCode, null=True, on_delete=models.CASCADE)
    user = models.ForeignKey("signin.User", null=True, on_delete=models.CASCADE)
    #: What a notice says.
    words = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    not_before = models.DateTimeField(null=True)
    tries = models.IntegerField(default=0)
    error = models.TextField(blank=True)
    sent_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(
                fields=["id"],
                condition=models.Q(sent_at__isnull=True, given_up_at__isnull=True),
                name="letter_waits",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.to}"
