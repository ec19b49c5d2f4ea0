"""Who is told, what each of them was told, whom we listen to, and what they said."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from tenure.applications.models import Application
from tenure.people.models import Person
from tenure.sso.models import Notice


class SubjectFormat(models.TextChoices):
    """How a person is named to a receiver (RFC 9493)."""

    EMAIL = "email", "Corporate e-mail"
    ISS_SUB = "iss_sub", "Our issuer and their id here"
    ACCOUNT = "account", "User name in the application"


class Receiver(models.Model):
    """Another system that may open a stream: by a token that was shown once. One that belongs to
    an application is told of those who have, or had, an account there."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    application = models.ForeignKey(
        Application, null=True, on_delete=models.CASCADE, related_name="signal_receivers"
    )
    audience = models.CharField(max_length=500)
    subjects = models.CharField(
        max_length=16, choices=SubjectFormat.choices, default=SubjectFormat.EMAIL
    )
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["slug"]

    def __str__(self) -> str:
        return self.name


def new_id() -> str:
    return secrets.token_hex(16)


class Status(models.TextChoices):
    ENABLED = "enabled", "On"
    PAUSED = "paused", "Paused"
    DISABLED = "disabled", "Off"


class Delivery(models.TextChoices):
    PUSH = "urn:ietf:rfc:8935", "We send"
    POLL = "urn:ietf:rfc:8936", "They fetch"


class Stream(models.Model):
    """What one receiver asked for. The header that it wants to see is in the vault, as
    `signals.stream.UID`."""

    uid = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    receiver = models.OneToOneField(Receiver, on_delete=models.CASCADE, related_name="stream")
    method = models.CharField(max_length=32, choices=Delivery.choices)
    address = models.CharField(max_length=2000, blank=True)
    requested = models.JSONField(default=list)
    description = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.ENABLED)
    status_reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    #: When a verification was last asked for, and when one last arrived.
    verification_at = models.DateTimeField(null=True)
    polled_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"stream of {self.receiver_id}"


class LeftOut(models.Model):
    """A subject that a receiver has removed: it is not told of them."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="left_out")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["stream", "person"], name="signal_left_out_once")
        ]

    def __str__(self) -> str:
        return f"{self.person_id} out of {self.stream_id}"


class Signal(models.Model):
    """One event for one stream: written in the transaction of what it tells of. Pushed ones go by
    a notice of the outbox, which keeps what was answered; polled ones wait until acknowledged."""

    class State(models.TextChoices):
        #: The stream is paused.
        HELD = "held", "Held back"
        WAITING = "waiting", "On its way"
        DELIVERED = "delivered", "Delivered"
        REFUSED = "refused", "Refused"
        DROPPED = "dropped", "Not sent"

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="signals")
    jti = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    kind = models.CharField(max_length=64)
    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="signals")
    subject = models.JSONField(default=dict)
    members = models.JSONField(default=dict)
    issued_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    notice = models.OneToOneField(
        Notice, null=True, on_delete=models.SET_NULL, related_name="signal"
    )
    settled_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(
                fields=["stream", "id"],
                condition=models.Q(state__in=["waiting", "held"]),
                name="signal_waiting",
            ),
            models.Index(fields=["person", "-id"], name="signal_person"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.stream_id}"


class Told(models.Model):
    """The last that a stream was told of somebody's account. No row: that it is there."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="told")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    purged = models.BooleanField(default=False)
    #: Of those whose access has ended: since when.
    since = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["stream", "person"], name="signal_told_once")
        ]

    def __str__(self) -> str:
        return f"{self.stream_id} was told of {self.person_id}"


class Transmitter(models.Model):
    """Another system that tells us. `policy`: event type -> what is done, see `acting`."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    issuer = models.CharField(max_length=500)
    jwks_address = models.CharField(max_length=2000)
    audience = models.CharField(max_length=500)
    policy = models.JSONField(default=dict)
    #: Of the token that they send along.
    digest = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.CharField(max_length=200, blank=True)
    last_heard_at = models.DateTimeField(null=True)
    last_refused_at = models.DateTimeField(null=True)
    last_refusal = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["slug"]

    def __str__(self) -> str:
        return self.name


class Heard(models.Model):
    """One event that another system told us, once, and what was done about it."""

    transmitter = models.ForeignKey(Transmitter, on_delete=models.CASCADE, related_name="heard")
    jti = models.CharField(max_length=200)
    kind = models.CharField(max_length=300)
    subject = models.JSONField(default=dict)
    members = models.JSONField(default=dict)
    person = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="heard")
    done = models.CharField(max_length=16, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["transmitter", "jti"], name="signal_heard_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["transmitter", "done", "at"], name="signal_heard_done")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.transmitter_id}"
