"""Managing streams, as receivers ask for it (SSF 1.0, 8.1): what they send is judged here, what
they are answered is written here. Requests and responses themselves are the views'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.connectors.addresses import checked_url
from tenure.connectors.base import StopApplication
from tenure.infra.clock import now
from tenure.signals import emitting, events, pushing, subjects
from tenure.signals.events import EventType
from tenure.signals.models import Delivery, LeftOut, Receiver, Signal, Status, Stream
from tenure.vault.services import put_ours

#: Between two verifications.
VERIFY_EVERY: Final = timedelta(seconds=10)
_POLL: Final = Delivery.POLL.value
_READ_ONLY: Final = (
    "iss",
    "aud",
    "events_supported",
    "events_delivered",
    "min_verification_interval",
    "inactivity_timeout",
)
_MOST_EVENTS: Final = 100


class Refused(ValueError):
    """A request that is not granted, with its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def metadata() -> dict[str, Any]:
    """What a receiver finds us by (SSF 1.0, 7.1)."""
    return {
        "spec_version": "1_0",
        "issuer": settings.TENURE_URL,
        "jwks_uri": _address("signals:jwks"),
        "delivery_methods_supported": [Delivery.PUSH.value, _POLL],
        "configuration_endpoint": _address("signals:streams"),
        "status_endpoint": _address("signals:status"),
        "add_subject_endpoint": _address("signals:add_subject"),
        "remove_subject_endpoint": _address("signals:remove_subject"),
        "verification_endpoint": _address("signals:verify"),
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6750"}],
        "default_subjects": "ALL",
    }


def document(stream: Stream) -> dict[str, Any]:
    """A stream as its receiver sees it (SSF 1.0, 8.1.1)."""
    poll = _address("signals:poll", stream.uid)
    address = poll if stream.method == Delivery.POLL else stream.address
    shown = {
        "stream_id": stream.uid,
        "iss": settings.TENURE_URL,
        "aud": stream.receiver.audience,
        "delivery": {"method": stream.method, "endpoint_url": address},
        "events_supported": events.uris(events.SENT),
        "events_requested": stream.requested,
        "events_delivered": [one for one in events.uris(events.SENT) if one in stream.requested],
        "min_verification_interval": int(VERIFY_EVERY.total_seconds()),
    }
    return {**shown, "description": stream.description} if stream.description else shown


def stream_of(receiver: Receiver, uid: object) -> Stream:
    """The receiver's own stream of this id. Raises `Refused`: 404 for any other."""
    if not isinstance(uid, str) or not uid:
        raise Refused(400, "stream_id is missing.")
    found = Stream.objects.filter(receiver=receiver, uid=uid).select_related("receiver").first()
    if found is None:
        raise Refused(404, "There is no such stream.")
    return found


@transaction.atomic
def create(receiver: Receiver, asked: Mapping[str, Any]) -> Stream:
    """A new stream. Raises `Refused`: 409 where there is one."""
    Receiver.objects.select_for_update().get(pk=receiver.pk)
    if Stream.objects.filter(receiver=receiver).exists():
        raise Refused(409, "This receiver has a stream already: read it, and change that one.")
    stream = Stream(receiver=receiver, method=_POLL, requested=events.uris(events.SENT))
    _set(stream, {"delivery": {"method": _POLL}, **asked})
    _record(Action.SIGNAL_STREAM_OPENED, stream)
    return stream


@transaction.atomic
def change(stream: Stream, asked: Mapping[str, Any], *, whole: bool) -> Stream:
    """PATCH, or PUT where `whole`: what is not given then has its default. Raises `Refused`."""
    for name in _READ_ONLY:
        if name in asked and asked[name] != document(stream).get(name):
            raise Refused(400, f"{name} is the transmitter's to say.")
    if whole:
        everything = events.uris(events.SENT)
        defaults = {"delivery": {"method": _POLL}, "events_requested": everything}
        asked = {**defaults, "description": "", **asked}
    before = stream.method
    _set(stream, asked)
    if stream.method != before:
        _carry_over(stream)
    _record(Action.SIGNAL_STREAM_CHANGED, stream)
    return stream


@transaction.atomic
def delete(stream: Stream) -> None:
    """It ends, with all that waits in it."""
    emitting.drop(stream, "the receiver ended the stream")
    put_ours(pushing.header_place(stream), "")
    _record(Action.SIGNAL_STREAM_ENDED, stream)
    stream.delete()


@transaction.atomic
def set_status(
    stream: Stream, status: object, reason: object = "", *, by_receiver: bool = True
) -> Stream:
    """On, paused (what happens is held back) or off (it is not told). Raises `Refused`."""
    if status not in Status.values:
        raise Refused(400, f"status is one of {', '.join(Status.values)}.")
    if not isinstance(reason, str):
        raise Refused(400, "reason is a text.")
    stream.status, stream.status_reason = Status(status), reason[:500]
    stream.save(update_fields=["status", "status_reason"])
    if stream.status == Status.ENABLED:
        emitting.release(stream)
    elif stream.status == Status.DISABLED:
        emitting.drop(stream, "the stream was turned off")
    if not by_receiver:
        members = {"status": stream.status, **({"reason": reason} if reason else {})}
        emitting.about_the_stream(stream, EventType.STREAM_UPDATED, members)
    _record(Action.SIGNAL_STREAM_CHANGED, stream, reason)
    return stream


def standing(stream: Stream) -> dict[str, str]:
    """Its status, as it is answered."""
    shown = {"stream_id": stream.uid, "status": stream.status}
    return {**shown, "reason": stream.status_reason} if stream.status_reason else shown


def add_subject(stream: Stream, subject: object) -> None:
    """It is told of them (again). Whom nobody here knows is taken all the same: a receiver learns
    nothing of who works here (SSF 1.0, 9.1)."""
    person = subjects.found(_subject(subject), stream.receiver)
    if person is not None:
        LeftOut.objects.filter(stream=stream, person=person).delete()


def remove_subject(stream: Stream, subject: object) -> None:
    """It is told of them no more."""
    person = subjects.found(_subject(subject), stream.receiver)
    if person is not None:
        LeftOut.objects.get_or_create(stream=stream, person=person)


@transaction.atomic
def verify(stream: Stream, state: object) -> None:
    """Send a verification. Raises `Refused`: 429 too soon after the last."""
    if state is not None and not isinstance(state, str):
        raise Refused(400, "state is a text.")
    row = Stream.objects.select_for_update().get(pk=stream.pk)
    at = now()
    if row.verification_at is not None and at - row.verification_at < VERIFY_EVERY:
        raise Refused(429, f"A verification every {VERIFY_EVERY.seconds} seconds is enough.")
    row.verification_at = at
    row.save(update_fields=["verification_at"])
    members = {} if state is None else {"state": state[:1000]}
    emitting.about_the_stream(stream, EventType.VERIFICATION, members)


@transaction.atomic
def poll(stream: Stream, asked: Mapping[str, Any]) -> tuple[Sequence[Signal], bool]:
    """What waits, oldest first, and whether there is more; what was taken before is settled
    (RFC 8936). Raises `Refused`."""
    most, ack, errors = asked.get("maxEvents"), asked.get("ack", []), asked.get("setErrs", {})
    if stream.method != Delivery.POLL:
        raise Refused(400, "This stream is pushed.")
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 0):
        raise Refused(400, "maxEvents is a number, 0 or more.")
    if not isinstance(ack, list) or not all(isinstance(one, str) for one in ack):
        raise Refused(400, "ack is a list of jti.")
    if not isinstance(errors, Mapping):
        raise Refused(400, "setErrs is an object of jti to an error.")
    at, waiting = now(), stream.signals.filter(state=Signal.State.WAITING)
    waiting.filter(jti__in=ack).update(state=Signal.State.DELIVERED, settled_at=at)
    for jti, error in errors.items():
        waiting.filter(jti=jti).update(
            state=Signal.State.REFUSED, settled_at=at, answer=str(error)[:500]
        )
    Stream.objects.filter(pk=stream.pk).update(polled_at=at)
    count = _MOST_EVENTS if most is None else min(most, _MOST_EVENTS)
    rows = list(waiting.select_related("stream__receiver").order_by("id")[: count + 1])
    return rows[:count], len(rows) > count


def _set(stream: Stream, asked: Mapping[str, Any]) -> None:
    if "events_requested" in asked:
        wanted = asked["events_requested"]
        if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
            raise Refused(400, "events_requested is a list of event types.")
        stream.requested = [one[:300] for one in wanted[:100]]
    if "description" in asked:
        if not isinstance(asked["description"], str):
            raise Refused(400, "description is a text.")
        stream.description = asked["description"][:500]
    header = None
    if "delivery" in asked:
        header = _deliver(stream, asked["delivery"])
    stream.save()
    if header is not None:
        put_ours(pushing.header_place(stream), header)


def _deliver(stream: Stream, asked: object) -> str | None:
    """Set how it is delivered. Returns the header that the receiver wants to see."""
    if not isinstance(asked, Mapping) or asked.get("method") not in Delivery.values:
        raise Refused(400, f"delivery.method is one of {', '.join(Delivery.values)}.")
    stream.method = str(asked["method"])
    if stream.method == Delivery.POLL:
        stream.address = ""
        return ""
    address, header = asked.get("endpoint_url"), asked.get("authorization_header", "")
    if not isinstance(header, str) or any(sign in header for sign in "\r\n\0"):
        raise Refused(400, "delivery.authorization_header is a text of one line.")
    try:
        checked_url(str(address or ""), allow_http=False)
    except StopApplication as error:
        raise Refused(400, f"delivery.endpoint_url: {error}") from None
    stream.address = str(address)[:2000]
    return header


def _carry_over(stream: Stream) -> None:
    """What waits goes the new way."""
    rows = list(stream.signals.filter(state=Signal.State.WAITING).order_by("id"))
    pushing.withdraw(stream.signals.filter(pk__in=[row.pk for row in rows]))
    if stream.method == Delivery.PUSH:
        pushing.post(stream, rows)


def _subject(given: object) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise Refused(400, "subject is missing.")
    return given


def _address(name: str, *arguments: str) -> str:
    return f"{settings.TENURE_URL}{reverse(name, args=arguments)}"


def _record(action: Action, stream: Stream, reason: str = "") -> None:
    record(
        action,
        subject_kind="signal_receiver",
        subject_key=stream.receiver.slug,
        subject_label=stream.receiver.name,
        reason=reason,
        after={"delivery": stream.get_method_display(), "status": stream.status},
    )
