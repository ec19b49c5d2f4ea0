"""Who signed in to which application, which of those sessions live, what is to be told to others,
keys that sign, and requests that wait for somebody to sign in first."""

from __future__ import annotations

import secrets
from typing import ClassVar, Final

from django.db import models
from django.db.models.functions import Now

from tenure.applications.models import Application
from tenure.people.models import Person
from tenure.signin.models import Session


class Protocol(models.TextChoices):
    OIDC = "oidc", "OpenID Connect"
    SAML = "saml", "SAML 2.0"


class Outcome(models.TextChoices):
    ALLOWED = "allowed", "Signed in"
    REFUSED = "refused", "Refused"


class SignOn(models.Model):
    """One time that somebody wanted to sign in to an application, and what came of it. Kept for
    half a year; refusals and ends are in the audit trail too."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="sign_ons")
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="sign_ons")
    protocol = models.CharField(max_length=8, choices=Protocol.choices)
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    #: Of a refusal, see core.sign_on.Cause; and the sentence for the administrator.
    cause = models.CharField(max_length=16, blank=True)
    reason = models.TextField(blank=True)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["application", "-id"], name="sign_on_application"),
            models.Index(fields=["person", "-id"], name="sign_on_person"),
        ]

    def __str__(self) -> str:
        return f"{self.person} at {self.application}: {self.get_outcome_display()}"


def new_sid() -> str:
    """What both sides call a session (`sid`, SessionIndex). An XML name may not begin with a
    digit."""
    return "_" + secrets.token_hex(16)


#: In the details of a session by SAML: the SessionNotOnOrAfter that the application was told.
UNTIL: Final = "until"


class ApplicationSession(models.Model):
    """Somebody is signed in to an application through us. One for each session of the portal and
    application; ending the row is what logs out, and is done by `endings` alone."""

    sid = models.CharField(max_length=64, unique=True, default=new_sid, editable=False)
    person = models.ForeignKey(
        Person, on_delete=models.CASCADE, related_name="application_sessions"
    )
    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="sign_on_sessions"
    )
    #: The session of the portal that it was begun from; None once that row is tidied away, or
    #: where none was (a device).
    portal_session = models.ForeignKey(
        Session, null=True, on_delete=models.SET_NULL, related_name="application_sessions"
    )
    protocol = models.CharField(max_length=8, choices=Protocol.choices)
    #: What the application calls the person: `sub`, NameID; and what else ending it takes.
    subject = models.CharField(max_length=500, blank=True)
    details = models.JSONField(default=dict)
    began_at = models.DateTimeField(db_default=Now())
    used_at = models.DateTimeField(db_default=Now())
    #: When it was last checked that they may be there, and the person's generation then.
    checked_at = models.DateTimeField(db_default=Now())
    generation = models.BigIntegerField(default=0)
    ended_at = models.DateTimeField(null=True)
    ended_because = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["portal_session", "application", "protocol"],
                condition=models.Q(ended_at__isnull=True),
                name="application_session_once",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["person", "application"],
                condition=models.Q(ended_at__isnull=True),
                name="application_session_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} at {self.application}"


class PendingRequest(models.Model):
    """A request of an application that waits until somebody has signed in here. Its token is in
    the address that they come back to; only the digest is stored."""

    digest = models.BinaryField(max_length=32, unique=True)
    protocol = models.CharField(max_length=8, choices=Protocol.choices)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.protocol} request {self.pk}"


class Notice(models.Model):
    """Something that another system is to be told: written with what it tells of, sent later. The
    row is the evidence: when it was sent, how often, what was answered."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waits"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Not delivered"

    #: Which sender makes the request of it: `oidc.logout`; see `outbox`.
    kind = models.CharField(max_length=32)
    address = models.CharField(max_length=2000)
    payload = models.JSONField(default=dict)
    application = models.ForeignKey(
        Application, null=True, on_delete=models.CASCADE, related_name="notices"
    )
    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="notices")
    session = models.ForeignKey(
        ApplicationSession, null=True, on_delete=models.CASCADE, related_name="notices"
    )
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    created_at = models.DateTimeField(db_default=Now())
    not_before = models.DateTimeField(db_default=Now())
    give_up_at = models.DateTimeField()
    tries = models.IntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    #: HTTP status of the last answer, the beginning of what it said, or why there was none.
    status = models.IntegerField(null=True)
    answer = models.TextField(blank=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["not_before"],
                condition=models.Q(state="waiting"),
                name="notice_waiting",
            ),
            models.Index(
                fields=["settled_at"],
                condition=models.Q(state="failed"),
                name="notice_failed",
            ),
            models.Index(fields=["application", "-id"], name="notice_application"),
            models.Index(fields=["person", "-id"], name="notice_person"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.address}"


class SignOut(models.Model):
    """Somebody whose access has ended may be signed in to an application still, and nothing of ours
    can end that: a person is asked to. Made, and withdrawn where it is moot, by `seeing_out`;
    settled by `by_hand`. The rows are evidence, and stay."""

    class State(models.TextChoices):
        OPEN = "open", "To be done"
        #: Somebody could not; it stays among the tasks, and nobody is reminded of it.
        CANNOT = "cannot", "Could not be done"
        DONE = "done", "Done by hand"
        WITHDRAWN = "withdrawn", "Not needed any more"

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="sign_outs")
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="sign_outs")
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    #: Why their access ended, and why a person has to do this.
    reason = models.TextField(blank=True)
    cause = models.TextField(blank=True)
    #: Until when at most what was begun through us goes on by itself; None: not known.
    ends_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(db_default=Now())
    #: Who settled it, when, and what they did, or why it was withdrawn.
    settled_by = models.CharField(max_length=200, blank=True)
    settled_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True)
    #: They had access again since: it says nothing of what was begun then.
    past = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person", "application"],
                condition=models.Q(state__in=["open", "cannot"]),
                name="sign_out_once",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["asked_at"],
                condition=models.Q(state__in=["open", "cannot"]),
                name="sign_out_live",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} out of {self.application}"


class SeenOut(models.Model):
    """Somebody whose access has ended, and who is looked at again and again until it is known of
    every application whether they are out: see `seeing_out`."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField(db_default=Now())
    next_look_at = models.DateTimeField(db_index=True, db_default=Now())

    def __str__(self) -> str:
        return f"{self.person_id} is seen out"


class Algorithm(models.TextChoices):
    RS256 = "RS256", "RSA, 2048 bits, with SHA-256"
    ES256 = "ES256", "ECDSA on P-256 with SHA-256"


class SigningKey(models.Model):
    """A key that signs what we say. The private half is in the vault, as `sso.key.KID`. It is
    published before it signs and after it has signed, so that nobody meets a key they do not
    know."""

    kid = models.CharField(max_length=64, unique=True)
    #: Each protocol has its own: a certificate that was handed out by hand lives longer.
    use = models.CharField(max_length=8, choices=Protocol.choices)
    algorithm = models.CharField(max_length=8, choices=Algorithm.choices)
    #: PEM of the public key, and of the certificate where the protocol has one.
    public = models.TextField()
    certificate = models.TextField(blank=True)
    made_at = models.DateTimeField(db_default=Now())
    signs_from = models.DateTimeField()
    #: From when on it is no longer to be used, and is not published.
    expires_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["use", "algorithm", "signs_from", "id"]

    def __str__(self) -> str:
        return self.kid


# Django looks for the tables of an app in this module.
from tenure.sso.oidc.models import (  # noqa: E402
    ClientSecret,
    Code,
    DeviceRequest,
    Grant,
    Token,
)

__all__ = [
    "UNTIL",
    "Algorithm",
    "ApplicationSession",
    "ClientSecret",
    "Code",
    "DeviceRequest",
    "Grant",
    "Notice",
    "Outcome",
    "PendingRequest",
    "Protocol",
    "SeenOut",
    "SignOn",
    "SignOut",
    "SigningKey",
    "Token",
    "new_sid",
]
