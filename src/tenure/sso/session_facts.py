"""What is known of somebody's sessions at applications, put together for `core.receipt`: what they
were signed in to, for how long that can go on at most, and what people did by hand. Only reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from tenure.applications.models import Account, Application
from tenure.catalogue.entry import Off
from tenure.catalogue.loading import UnknownEntry
from tenure.catalogue.loading import entry as read_entry
from tenure.configuration.document_sessions import stored_sessions
from tenure.core.model import OperationKind, OperationState, Situation
from tenure.core.receipt import LASTS, Message, SessionFacts, Word
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import zone_of
from tenure.provisioning.decisions.byhand import BY_HAND
from tenure.provisioning.execution.proving import KEPT
from tenure.provisioning.models import Operation
from tenure.signin.endings import LONGEST
from tenure.sso import heard
from tenure.sso.models import UNTIL, ApplicationSession, Outcome, Protocol, SignOn, SignOut
from tenure.sso.ways import ways_of

#: States of a task that waits for somebody.
LIVE: Final = (SignOut.State.OPEN.value, SignOut.State.CANNOT.value)


class SessionsOf:
    """All of one person."""

    def __init__(self, person: Person, trail: heard.Trail) -> None:
        self._person, self._trail = person, trail
        self._sessions: dict[int, list[ApplicationSession]] = defaultdict(list)
        for row in ApplicationSession.objects.filter(person=person):
            self._sessions[row.application_id].append(row)
        allowed = SignOn.objects.filter(person=person, outcome=Outcome.ALLOWED).order_by("id")
        self._signed_in = dict(allowed.values_list("application_id", "at"))
        self._tasks: dict[int, SignOut] = {}
        tasks = SignOut.objects.filter(person=person, past=False).order_by("id")
        for task in tasks.exclude(state=SignOut.State.WITHDRAWN):
            self._tasks[task.application_id] = task

    @property
    def applications(self) -> set[int]:
        """Ids of those where there was a session, or somebody was asked to end some."""
        return {*self._sessions, *self._tasks}

    def task(self, row: Application) -> SignOut | None:
        """Of signing them out there by hand."""
        return self._tasks.get(row.pk)

    def facts(
        self,
        row: Application,
        told: Sequence[Message],
        accounts: Sequence[Account],
        closing: Mapping[int, Operation],
    ) -> SessionFacts:
        """`accounts` are theirs there, `closing` what closes each and is not done."""
        sessions = self._sessions.get(row.pk, [])
        last = self._last_sign_in(row, sessions)
        ends, by_hand = closing_ends(row)
        ends_at = known_end(row, sessions, accounts)
        task = self._tasks.get(row.pk)
        return SessionFacts(
            live=sum(one.ended_at is None for one in sessions),
            signed_in_at=last,
            messages=told,
            signed_out_at=_since(self._trail.signed_out(row.slug), last),
            tokens_void_at=_since(self._trail.tokens_void.get(row.slug), last),
            ways=ways_of(row),
            closing_ends=ends,
            by_hand=by_hand,
            deleted=bool(accounts) and all(_deleted(one) for one in accounts),
            words=(*self._said(task), *_looked(accounts)),
            asked=any(_asks(one, closing.get(one.pk)) for one in accounts),
            could_not=could_not(task) if task else "",
            ends_at=ends_at.astimezone(zone_of(self._person)) if ends_at else None,
            over=ends_at is not None and ends_at <= now(),
        )

    def _last_sign_in(
        self, row: Application, sessions: Sequence[ApplicationSession]
    ) -> datetime | None:
        signed_in = self._signed_in.get(row.pk)
        last = max((one.began_at for one in sessions), default=signed_in)
        return signed_in if signed_in and (last is None or signed_in > last) else last

    def _said(self, task: SignOut | None) -> list[Word]:
        if task is None or task.state != SignOut.State.DONE or task.settled_at is None:
            return []
        said = f"Signed out by hand, as {task.settled_by} said"
        said += f": {task.note}" if task.note else "."
        return [Word(task.settled_at, said, self._trail.signed_out_by_hand.get(task.pk))]


def could_not(task: SignOut) -> str:
    """Who could not do it, and why; "" where nobody has said that."""
    if task.state != SignOut.State.CANNOT:
        return ""
    return f"{task.settled_by} could not: {task.note.rstrip('.')}."


def known_end(
    row: Application, sessions: Sequence[ApplicationSession], accounts: Sequence[Account]
) -> datetime | None:
    """When the last of these sessions ends by itself at the latest; None where that is not known.
    How long the application keeps one may have been said; else it has to end what was begun by SAML
    at SessionNotOnOrAfter (Core 2.0, section 2.7.2), and of OpenID Connect nobody tells it."""
    recent = [one for one in sessions if one.ended_at is None or one.ended_at > now() - LASTS]
    longest = stored_sessions(row.sessions).longest
    if longest is not None:
        # Another way in there, if it has one, was open until the account was closed.
        closed = [one.disabled_at for one in accounts if one.active is False and one.disabled_at]
        begun = [*(one.used_at for one in recent), *closed]
        return max(begun) + longest if begun else None
    if not recent or any(one.protocol != Protocol.SAML for one in recent):
        return None
    return max(heard.instant(one.details.get(UNTIL)) or one.used_at + LONGEST for one in recent)


def closing_ends(row: Application) -> tuple[bool | None, str]:
    """Whether closing an account ends its sessions there (None: not known), and how somebody is
    signed out by hand: as is said of the application, else as the catalogue has it."""
    said = stored_sessions(row.sessions)
    off = _off(row.catalogue_entry)
    ends = said.when_closed or (off.sessions if off else None)
    how = said.sign_out or (off.sign_out if off else None) or ""
    return {None: None, "end": True, "go_on": False}[ends], how


def _off(entry: str) -> Off | None:
    try:
        return read_entry(entry).off if entry else None
    except UnknownEntry:
        return None


def _since(at: datetime | None, begin: datetime | None) -> datetime | None:
    return at if at and (begin is None or at >= begin) else None


def _deleted(row: Account) -> bool:
    """It was read as gone, by us or by whoever looked."""
    proof = row.evidence or {}
    if row.situation != Situation.DELETED.value or proof.get("read_back") == KEPT:
        return False
    return proof.get("sent") != BY_HAND or bool(proof.get("read_back"))


def _asks(row: Account, operation: Operation | None) -> bool:
    """Whoever closes it by hand is asked to look that nobody is signed in with it."""
    if operation is None or operation.state != OperationState.MANUAL.value:
        return False
    return operation.kind == OperationKind.DISABLE.value or row.active is not False


def _looked(accounts: Sequence[Account]) -> list[Word]:
    """By whom all of them were closed by hand, the last one first."""
    words = []
    for row in accounts:
        proof = row.evidence or {}
        closed = row.active is False or row.situation == Situation.DELETED.value
        at = heard.instant(proof.get("at"))
        if proof.get("sent") != BY_HAND or at is None or not closed:
            return []
        by = proof.get("by") or "whoever did it"
        said = f"{by} closed the account by hand, and was asked to look that nobody is signed in."
        words.append(Word(at, said))
    return words
