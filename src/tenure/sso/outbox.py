"""Notices to other systems: written in the transaction that they tell of, sent by the worker. A
kind says how the request is made when it is sent (what is signed has a time in it) and which
answers mean that it arrived. Knows nothing of protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal, runtime_checkable
from typing import Protocol as Shape

from tenure.applications.models import Application
from tenure.infra.clock import now
from tenure.infra.jobs import defer_once
from tenure.people.models import Person
from tenure.sso.models import ApplicationSession, Notice

#: What cannot be delivered for so long is given up, and told.
PATIENCE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request, as it goes out. `address`: where to, if not where the notice says (what is said
    stands in the address)."""

    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    method: Literal["POST", "GET"] = "POST"
    address: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered: the status, the body, and where the answer leads (never followed)."""

    status: int
    body: str
    location: str = ""


class Sender(Shape):
    """How notices of one kind are sent."""

    def prepare(self, notice: Notice) -> Prepared:
        """The request. Asked at every try."""

    def arrived(self, notice: Notice, reply: Reply) -> bool:
        """Whether this answer means that it was taken."""

    def hopeless(self, notice: Notice, reply: Reply) -> bool:
        """Whether the same again would be answered the same: it is given up at once."""


@runtime_checkable
class Explainer(Shape):
    """A sender whose answers are no text for people."""

    def said(self, notice: Notice, reply: Reply) -> str:
        """What was answered, in words that are kept as evidence; "": as it came."""


class Ends(StrEnum):
    """What is over at the application once it has taken a notice."""

    EVERYTHING = "everything"
    SESSION = "session"
    NOTHING = "nothing"


#: In the payload, where a notice of a kind ends something else than most of them.
ENDS: Final = "ends"
#: There too: which session is meant, where the notice has none of its own; and that it repeats what
#: was told before, when it cannot be undone any longer.
SESSION: Final = "session"
ONCE_MORE: Final = "once_more"


class Outcome(StrEnum):
    """What became of a notice this time."""

    ARRIVED = "arrived"
    LATER = "later"
    HOPELESS = "hopeless"


@dataclass(frozen=True, slots=True)
class Done:
    """What a caller came to. `status`: of an application that speaks HTTP; None: none was told."""

    outcome: Outcome
    said: str
    status: int | None = None


class Caller(Shape):
    """How notices of one kind are carried out, where that takes more than a request of ours."""

    def carry_out(self, notices: Sequence[Notice]) -> list[Done]:
        """All of them, each with its outcome, in their order. Raises nothing."""


_senders: Final[dict[str, Sender]] = {}
_callers: Final[dict[str, Caller]] = {}
_words: Final[dict[str, str]] = {}
_ends: Final[dict[str, Ends]] = {}


def register(kind: str, sender: Sender, *, words: str, ends: Ends = Ends.SESSION) -> None:
    """From now on notices of this kind can be sent. `words`: what people call them; `ends`: what,
    where a notice does not say otherwise."""
    _senders[kind], _words[kind], _ends[kind] = sender, words, ends


def register_caller(kind: str, caller: Caller, *, words: str) -> None:
    """From now on notices of this kind can be carried out: all that somebody has there is ended."""
    _callers[kind], _words[kind], _ends[kind] = caller, words, Ends.EVERYTHING


def callers() -> dict[str, Caller]:
    """All of them, by kind."""
    return dict(_callers)


def words_of(kind: str) -> str:
    """What people call notices of this kind; the kind itself for one that is spoken no more."""
    return _words.get(kind, kind)


def ends_of(kind: str, said: Mapping[str, Any]) -> Ends:
    """What a notice of this kind ends. `said`: its payload, or what the trail kept of it."""
    try:
        return Ends(str(said[ENDS]))
    except (KeyError, ValueError):
        return _ends.get(kind, Ends.NOTHING)


def session_of(notice: Notice) -> str:
    """Our name of the session that it tells of; "" where it is of none alone."""
    return notice.session.sid if notice.session else str(notice.payload.get(SESSION) or "")


def sender_of(kind: str) -> Sender | None:
    """None for a kind that nobody here sends."""
    return _senders.get(kind)


def post(
    kind: str,
    *,
    address: str,
    payload: Mapping[str, Any],
    application: Application | None = None,
    person: Person | None = None,
    session: ApplicationSession | None = None,
    patience: timedelta = PATIENCE,
    not_before: datetime | None = None,
    wakes: bool = True,
) -> Notice:
    """Write a notice in the caller's transaction, and have it sent as soon as that is committed,
    or not before an instant. `wakes` False: whoever writes several wakes once, when they are
    written."""
    at = now()
    first = not_before or at
    row = Notice.objects.create(
        kind=kind,
        address=address,
        payload=dict(payload),
        application=application,
        person=person,
        session=session,
        created_at=at,
        not_before=first,
        give_up_at=first + patience,
    )
    if wakes:
        wake(kind)
    return row


def wake_overdue() -> None:
    """Have carried out what waits for others and is due: a job that was lost, or another try."""
    due = Notice.objects.filter(state=Notice.State.WAITING, not_before__lte=now())
    kind = due.filter(kind__in=list(_callers)).values_list("kind", flat=True).first()
    if kind is not None:
        wake(kind)


def wake(kind: str = "") -> None:
    """Have what waits sent soon; one job that waits already is enough. What others carry out does
    not stand in the way of what is sent at once."""
    if kind in _callers:
        defer_once("tenure.carry_out_notices", queueing_lock="carry out notices")
    else:
        defer_once("tenure.deliver_notices", queueing_lock="send notices")
