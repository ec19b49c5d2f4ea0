"""What other systems tell us: checked, kept once, and followed as the policy says. By the type of
event it is only reported, or ends every session of the person here and at applications, or suspends
the person. So many people may be suspended in a day and no more: whoever tells us wrongly of
everybody must not close the company."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Final

import orjson
from django.db import transaction

from tenure.audit.models import Action
from tenure.audit.services import acting, actor, record
from tenure.connectors import fetching
from tenure.connectors.addresses import checked_url
from tenure.connectors.base import StopApplication
from tenure.connectors.fetching import CannotFetch, Document
from tenure.infra.clock import now
from tenure.people.decisions import DecisionRefused
from tenure.people.models import Person
from tenure.provisioning.decisions import lives
from tenure.signals import events, sets, subjects
from tenure.signals.events import EventType
from tenure.signals.models import Heard, Transmitter
from tenure.signin import endings as portal
from tenure.signin.tokens import digest, same
from tenure.sso import endings as applications

#: People whom one transmitter may have suspended within a day.
MOST_SUSPENDED: Final = 5
_DAY: Final = timedelta(days=1)
_PREFIX: Final = "tnr_heard_"
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_KEY_SET: Final = Document(largest=256 * 1024)
#: Keys are asked for again after so long, and sooner, but not more often than this, for a key that
#: is not among them.
_FRESH: Final = timedelta(hours=1)
_SOON: Final = timedelta(seconds=30)
_known: dict[str, tuple[datetime, Mapping[str, Any]]] = {}


class Doing(StrEnum):
    """What an event of another system brings about here."""

    REPORT = "report"
    END_SESSIONS = "end_sessions"
    SUSPEND = "suspend"


DEFAULT_POLICY: Final[Mapping[str, str]] = {
    EventType.SESSION_REVOKED: Doing.END_SESSIONS,
    EventType.CREDENTIAL_CHANGE: Doing.REPORT,
    EventType.RISK_LEVEL_CHANGE: Doing.REPORT,
    EventType.ACCOUNT_DISABLED: Doing.END_SESSIONS,
    EventType.ACCOUNT_PURGED: Doing.REPORT,
    EventType.CREDENTIAL_COMPROMISE: Doing.END_SESSIONS,
    EventType.CREDENTIAL_CHANGE_REQUIRED: Doing.END_SESSIONS,
}


class TryLater(Exception):
    """The keys of the issuer cannot be had now: nothing was kept, send it again."""


@transaction.atomic
def trust(
    slug: str,
    *,
    issuer: str,
    jwks_address: str,
    audience: str,
    name: str = "",
    policy: Mapping[str, str] | None = None,
) -> tuple[Transmitter, str]:
    """Listen to another system. Returns it with the token that it has to send along, which is not
    kept. Raises `ValueError` saying what cannot be."""
    if not _SLUG.fullmatch(slug):
        raise ValueError(
            f"{slug!r} is no name of a transmitter. Expected lower-case letters, digits, - and _."
        )
    if Transmitter.objects.filter(slug=slug).exists():
        raise ValueError(f"We listen to a {slug!r} already. Remove it, or choose another name.")
    if not issuer or not audience:
        raise ValueError("The issuer and the audience are in each token: say what they are.")
    try:
        checked_url(jwks_address, allow_http=False)
    except StopApplication as error:
        raise ValueError(f"The address of the keys: {error}") from None
    _check(policy or {})
    token = _PREFIX + secrets.token_urlsafe(32)
    row = Transmitter.objects.create(
        slug=slug,
        name=name.strip()[:200] or slug,
        issuer=issuer.strip(),
        jwks_address=jwks_address.strip(),
        audience=audience.strip(),
        policy=dict(policy or {}),
        digest=digest(token),
        created_by=actor(),
    )
    _record(Action.SIGNAL_TRANSMITTER_ADDED, row, {"policy": row.policy, "issuer": row.issuer})
    return row, token


@transaction.atomic
def distrust(slug: str) -> None:
    """Listen to it no more. Raises `LookupError`."""
    row = named(slug)
    _record(Action.SIGNAL_TRANSMITTER_REMOVED, row)
    row.delete()


def named(slug: str) -> Transmitter:
    """Raises `LookupError` naming those that there are."""
    row = Transmitter.objects.filter(slug=slug).first()
    if row is None:
        known = ", ".join(Transmitter.objects.values_list("slug", flat=True)) or "nobody"
        raise LookupError(f"We do not listen to {slug!r}. We listen to: {known}.")
    return row


def let_in(slug: str, token: str) -> Transmitter | None:
    """The transmitter, where this is its token."""
    row = Transmitter.objects.filter(slug=slug).first()
    if row is None or not same(row.digest, digest(token)):
        return None
    return row


def take(transmitter: Transmitter, text: bytes) -> None:
    """One token. Raises `sets.SetRefused` and `TryLater`. The same one again does nothing more."""
    at = now()
    event = _checked(transmitter, text, at)
    kind = events.of_uri(event.uri)
    if not subjects.readable(event.subject, event.members.get("critical_subject_members")):
        raise sets.SetRefused("invalid_request", "The subject has a critical member unknown here.")
    with acting(f"transmitter {transmitter.slug}"), transaction.atomic():
        row, fresh = Heard.objects.get_or_create(
            transmitter=transmitter,
            jti=event.jti,
            defaults={
                "kind": kind.value if kind else event.uri[:300],
                "subject": dict(event.subject),
                "members": dict(event.members),
                "person": subjects.found(event.subject),
                "at": at,
            },
        )
        Transmitter.objects.filter(pk=transmitter.pk).update(last_heard_at=at)
        if fresh:
            row.done, row.detail = _follow(transmitter, row, kind, at)
            row.save(update_fields=["done", "detail"])
            _tell(row)


def note_refusal(transmitter: Transmitter, why: str) -> None:
    """For its administrator: what came was not taken."""
    Transmitter.objects.filter(pk=transmitter.pk).update(
        last_refused_at=now(), last_refusal=why[:500]
    )


def policy_of(transmitter: Transmitter) -> dict[str, str]:
    """Every type of event that is understood, and what is done."""
    return {**DEFAULT_POLICY, **transmitter.policy}


def _follow(
    transmitter: Transmitter, row: Heard, kind: EventType | None, at: datetime
) -> tuple[str, str]:
    """What was done, and how it went."""
    if kind is EventType.VERIFICATION:
        return "verified", "the stream works"
    if kind not in events.UNDERSTOOD:
        return Doing.REPORT, "nothing is done about events of this type"
    if row.person is None:
        return Doing.REPORT, "nobody here is known by this name"
    doing = Doing(policy_of(transmitter)[kind])
    if kind is EventType.RISK_LEVEL_CHANGE and row.members.get("current_level") != "HIGH":
        return Doing.REPORT, "the risk is not high"
    because = f"{transmitter.name} says: {kind.value}"
    if doing is Doing.SUSPEND:
        return _suspend(transmitter, row.person, because, at)
    if doing is Doing.END_SESSIONS:
        return doing, _end_sessions(row.person, because)
    return doing, ""


def _suspend(
    transmitter: Transmitter, person: Person, because: str, at: datetime
) -> tuple[str, str]:
    Transmitter.objects.select_for_update().get(pk=transmitter.pk)
    lately = Heard.objects.filter(transmitter=transmitter, done=Doing.SUSPEND, at__gt=at - _DAY)
    if lately.count() >= MOST_SUSPENDED:
        ended = _end_sessions(person, because)
        return Doing.END_SESSIONS, (
            f"{ended}; not suspended: {MOST_SUSPENDED} people were within a day, and no more are "
            "without somebody looking"
        )
    try:
        lives.suspend(person, reason=because)
    except DecisionRefused as error:
        return Doing.REPORT, str(error)
    return Doing.SUSPEND, "suspended"


def _end_sessions(person: Person, because: str) -> str:
    count = portal.end_sessions(person, because=because)
    count += applications.end_people([person], because)
    return f"{count} session{'' if count == 1 else 's'} ended"


def _checked(transmitter: Transmitter, text: bytes, at: datetime) -> sets.Event:
    """By the keys that are known, or, where none has signed it, by those that there are now."""
    checked = partial(
        sets.checked, text, issuer=transmitter.issuer, audience=transmitter.audience, at=at
    )
    asked_at, jwks = _known.get(transmitter.jwks_address, (None, {}))
    if asked_at is None or at - asked_at > _FRESH:
        asked_at, jwks = _ask(transmitter, at)
    try:
        return checked(jwks=jwks)
    except sets.SetRefused as error:
        if error.code != "authentication_failed" or at - asked_at < _SOON:
            raise
    return checked(jwks=_ask(transmitter, at)[1])


def _ask(transmitter: Transmitter, at: datetime) -> tuple[datetime, Mapping[str, Any]]:
    try:
        found = orjson.loads(fetching.fetch(transmitter.jwks_address, _KEY_SET))
    except (CannotFetch, orjson.JSONDecodeError) as error:
        raise TryLater(f"The issuer's keys cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise TryLater("The issuer's keys cannot be read: it is no key set.")
    _known[transmitter.jwks_address] = (at, found)
    return at, found


def _check(policy: Mapping[str, str]) -> None:
    understood = [kind.value for kind in events.UNDERSTOOD]
    for kind, doing in policy.items():
        if kind not in understood:
            raise ValueError(f"{kind!r} is no event that is understood: {', '.join(understood)}.")
        if doing not in list(Doing):
            raise ValueError(f"{kind}: {doing!r} is not one of {', '.join(Doing)}.")


def _tell(row: Heard) -> None:
    record(
        Action.SIGNAL_HEARD,
        subject_kind="person" if row.person else "signal_transmitter",
        subject_key=str(row.person.uid) if row.person else row.transmitter.slug,
        subject_label=row.person.display_name if row.person else row.transmitter.name,
        person=str(row.person.uid) if row.person else "",
        reason=f"{row.kind}: {row.detail}" if row.detail else row.kind,
        after={"done": row.done, "transmitter": row.transmitter.slug, "jti": row.jti},
    )


def _record(action: Action, row: Transmitter, after: Mapping[str, Any] | None = None) -> None:
    record(
        action,
        subject_kind="signal_transmitter",
        subject_key=row.slug,
        subject_label=row.name,
        after=dict(after) if after else None,
    )
