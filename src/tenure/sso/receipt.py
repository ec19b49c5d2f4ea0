"""A leaver's receipt: for each application of one person, whether the account is gone and what they
were signed in to has ended, with the proof, or what is to be done by hand. What was done is read
from the audit trail, which stays; what is under way, from its tables. Only reads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db.models import Q

from tenure.applications.models import Account, Application
from tenure.audit.models import Event
from tenure.core import owners
from tenure.core import receipt as core
from tenure.core.model import OperationKind, OperationState, Situation
from tenure.core.receipt import AccountFacts, Message, Part, Verdict
from tenure.core.veiling import is_veiled
from tenure.infra.clock import now
from tenure.people.endings import CLOSED
from tenure.people.models import Person, PlanMode
from tenure.people.services import company
from tenure.provisioning.decisions.byhand import BY_HAND
from tenure.provisioning.execution.proving import KEPT
from tenure.provisioning.models import Operation
from tenure.provisioning.questions.explain import Explanation
from tenure.provisioning.questions.opened import never_open
from tenure.provisioning.questions.standing import Standings
from tenure.provisioning.records.loading import Protecting
from tenure.provisioning.records.work import IDENTIFYING, SENT
from tenure.signin.administrators import called_as
from tenure.sso import heard
from tenure.sso.models import SignOut
from tenure.sso.session_facts import LIVE, SessionsOf

_CLOSING: Final = (OperationKind.DISABLE.value, OperationKind.DELETE.value)
_OVER: Final = (
    OperationState.DONE.value,
    OperationState.CANCELLED.value,
    OperationState.REJECTED.value,
)
#: Sent, and not heard of.
_UNHEARD: Final = (OperationState.STARTED.value, OperationState.UNKNOWN.value)


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account of theirs there, and what is to be said of it."""

    user_name: str
    remote_id: str
    part: Part
    name: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One application."""

    application: Application
    accounts: tuple[AccountLine, ...]
    sessions: Part
    messages: tuple[Message, ...]
    #: Of signing them out by hand: what waits, else what was done last.
    task: SignOut | None = None
    ends_at: datetime | None = None

    @property
    def open_task(self) -> SignOut | None:
        """The one that waits for somebody."""
        return self.task if self.task and self.task.state in LIVE else None

    @property
    def parts(self) -> list[Part]:
        return [*(one.part for one in self.accounts), self.sessions]

    @property
    def verdict(self) -> Verdict:
        return core.worst(self.parts)

    def as_json(self) -> dict[str, Any]:
        return {
            "application": self.application.slug,
            "name": self.application.name,
            "verdict": self.verdict.value,
            "accounts": [
                {
                    "name": one.name,
                    "user_name": one.user_name,
                    "remote_id": one.remote_id,
                    **_part_json(one.part),
                }
                for one in self.accounts
            ],
            "sessions": {
                **_part_json(self.sessions),
                "told": [_told_json(m) for m in self.messages],
                "ends_at": self.ends_at,
                "task": _task_json(self.task) if self.task else None,
            },
        }


@dataclass(frozen=True, slots=True)
class Receipt:
    """All of one person, at an instant. `ended`: what was ended here, at the door, the last time
    that their access ended. `sealed`: how far the audit trail is chained. `administrators`: names
    of those who may be them and still come in to the console, which knows no HR."""

    person: Person
    made_at: datetime
    gone: bool
    ended_at: datetime | None
    ended: Mapping[str, int]
    lines: tuple[Line, ...]
    sealed: tuple[int, str]
    administrators: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        if self.administrators:
            return Verdict.BY_HAND
        return core.worst([part for line in self.lines for part in line.parts])

    @property
    def as_administrator(self) -> str:
        """What is to be done about that; "" for nothing."""
        names = ", ".join(self.administrators)
        return (
            f"An administrator of their name may come in to the console: {names}. If that is them, "
            "deactivate it in Settings, Administrators."
            if names
            else ""
        )

    @property
    def left(self) -> list[Line]:
        """The applications where a person has to do something."""
        return [line for line in self.lines if line.verdict is Verdict.BY_HAND]

    def as_json(self) -> dict[str, Any]:
        return {
            "person": {
                "uid": str(self.person.uid),
                "employee_number": self.person.employee_number,
                "name": self.person.display_name,
                "email": self.person.email,
                "state": self.person.state,
                "since": self.person.state_since,
            },
            "made_at": self.made_at,
            "verdict": self.verdict.value,
            "access_ended_at": self.ended_at,
            "ended_here": dict(self.ended),
            "administrators": list(self.administrators),
            "applications": [line.as_json() for line in self.lines],
            "audit_trail": {"position": self.sealed[0], "digest": self.sealed[1]},
        }


def receipt_of(person: Person, explained: Explanation | None = None) -> Receipt:
    """Of everything that the person has or had. `explained`: their access, of all applications,
    where it is known already."""
    trail = heard.Trail(person)
    lines = lines_of(person, trail, explained)
    return Receipt(
        person=person,
        made_at=now(),
        gone=person.state in CLOSED,
        ended_at=trail.ended_at if person.state in CLOSED else None,
        ended=trail.ended if person.state in CLOSED else {},
        lines=tuple(lines),
        sealed=_sealed(),
        administrators=_administrators(person),
    )


def lines_of(
    person: Person, trail: heard.Trail, explained: Explanation | None = None
) -> list[Line]:
    """Of each application where they have, or had, something. `trail`: what the audit trail says
    of them; `explained` as in `receipt_of`."""
    every = list(explained.rows) if explained else list(Application.objects.all())
    accounts, sessions = _accounts(person, explained), SessionsOf(person, trail)
    sought = _sought(person) if person.state in CLOSED else {}
    wanted, named = {*accounts, *sessions.applications, *sought}, trail.applications
    rows = [row for row in every if row.pk in wanted or row.slug in named]
    at = now()
    due_there = explained.due if explained else _due(person, rows, at)
    waiting, closing = heard.waiting(person), _operations(person)
    unused = never_open(person, [one for own in accounts.values() for one in own])
    protecting = Protecting(rows)
    lines = []
    for row in rows:
        due = person.state not in CLOSED and row.slug in due_there
        own = accounts.get(row.pk, [])
        messages = [*waiting.get(row.pk, ()), *trail.messages.get(row.slug, ())]
        told = tuple(sorted(messages, key=lambda one: one.made_at, reverse=True))
        shown = tuple(
            AccountLine(
                one.user_name,
                one.remote_id,
                core.account(
                    _account_facts(one, row, due=due, closing=closing, protecting=protecting)
                ),
                str(one),
            )
            for one in own
        )
        shown += tuple(sought.get(row.pk, ()))
        facts = replace(
            sessions.facts(row, told, own, closing),
            never_open=bool(own) and unused.issuperset(one.pk for one in own),
        )
        part = core.sessions(facts, [one.part for one in shown])
        task = sessions.task(row)
        lines.append(Line(row, shown, part, told, task, facts.ends_at))
    return lines


def _administrators(person: Person) -> tuple[str, ...]:
    return tuple(user.name for user in called_as(person)) if person.state in CLOSED else ()


def _due(person: Person, rows: Sequence[Application], at: datetime) -> frozenset[str]:
    """Those of the applications that they are to have."""
    if person.state in CLOSED:
        return frozenset()
    standings = Standings([person], rows, at)
    found = {row.slug: standings.given(person, row) for row in rows}
    return frozenset(slug for slug, given in found.items() if given.due and not given.kept)


def _accounts(person: Person, explained: Explanation | None) -> dict[int, list[Account]]:
    """What they have, and of what is gone the last where nothing is left."""
    found: dict[int, list[Account]] = defaultdict(list)
    known = explained.accounts if explained else Account.objects.filter(person=person)
    for row in sorted(known, key=lambda row: (row.created_at, row.pk), reverse=True):
        row.person = person
        found[row.application_id].append(row)
    deleted = Situation.DELETED.value
    return {
        pk: [row for row in rows if row.situation != deleted] or rows[:1]
        for pk, rows in found.items()
    }


def _operations(person: Person) -> dict[int, Operation]:
    """Account -> what closes it and is not done yet, or was refused and never done; deletions that
    are to come count for less."""
    rows = Operation.objects.filter(person=person, kind__in=_CLOSING)
    found: dict[int, Operation] = {}
    latest: dict[int, Operation] = {}
    for row in rows.exclude(state=OperationState.CANCELLED.value).order_by("-id"):
        if row.account_id is not None:
            latest.setdefault(row.account_id, row)
            if row.state not in _OVER:
                found.setdefault(row.account_id, row)
    refused = OperationState.REJECTED.value
    return {key: row for key, row in latest.items() if row.state == refused} | found


def _sought(person: Person) -> dict[int, list[AccountLine]]:
    """Accounts that may have been made, though nobody answered, and are not found yet."""
    unheard = Q(state__in=_UNHEARD) | Q(progress__has_key=SENT)
    rows = Operation.objects.filter(
        unheard, person=person, kind=OperationKind.CREATE.value, account__isnull=True
    )
    found: dict[int, list[AccountLine]] = defaultdict(list)
    for row in rows.exclude(state__in=_OVER).order_by("pk"):
        names = (row.attributes.get(name, {}).get("to") for name in IDENTIFYING)
        name = str(next((one for one in names if one and not is_veiled(one)), person.display_name))
        found[row.application_id].append(
            AccountLine(name, "", core.sought(row.state, row.error), name)
        )
    return found


def _account_facts(
    row: Account,
    application: Application,
    *,
    due: bool,
    closing: Mapping[int, Operation],
    protecting: Protecting,
) -> AccountFacts:
    proof, operation = row.evidence or {}, closing.get(row.pk)
    untouched = _untouched(row, application, protecting, planned=operation is not None)
    held = operation is not None and operation.state == OperationState.HELD.value
    if held and operation is not None and owners.is_reason(operation.hold_reason):
        untouched, operation = operation.hold_reason, None
    return AccountFacts(
        due=due,
        gone=row.situation == Situation.DELETED.value,
        active=row.active,
        closing=operation.state if operation is not None else "",
        said=(_said(operation) if operation is not None else "") or untouched,
        ended_at=heard.instant(proof.get("at")) or row.deleted_at or row.disabled_at,
        read_back=str(proof.get("read_back") or ""),
        kept=proof.get("read_back") == KEPT,
        word_of=_word_of(row, proof),
        untouched=untouched,
    )


def _said(operation: Operation) -> str:
    """What is known of what closes it."""
    if operation.state == OperationState.REJECTED.value:
        return f"{operation.decided_by} ({operation.decided_reason})"
    return operation.error or operation.hold_reason


def _word_of(row: Account, proof: Mapping[str, Any]) -> str:
    """Whose word is all that there is for it: a task was done, and nothing was read since."""
    said_at = heard.instant(proof.get("at"))
    read = row.observed_at is not None and said_at is not None and row.observed_at > said_at
    return str(proof.get("by") or "") if proof.get("sent") == BY_HAND and not read else ""


def _untouched(
    row: Account, application: Application, protecting: Protecting, *, planned: bool
) -> str:
    """Why nothing is done to an account that is open; "" where it is."""
    if row.active is not False and (why := protecting.why(row)):
        return f"protected: {why}"
    if row.situation != Situation.LINKED.value:
        return "it is not certain whose it is"
    if application.mode != "live":
        return f"mode is {application.mode}; close it there, or set mode to live"
    if application.removal == "keep":
        return "removal is keep"
    if not planned and company().plan_mode == PlanMode.REVIEW:
        return "plans wait until somebody applies them (tenure apply, or the console's plan)"
    return ""


def _sealed() -> tuple[int, str]:
    last = Event.objects.filter(position__isnull=False).order_by("-position").first()
    return (last.position or 0, bytes(last.digest or b"").hex()) if last else (0, "")


def _told_json(message: Message) -> dict[str, Any]:
    return {
        "how": message.how,
        "state": message.told.value,
        "written_at": message.made_at,
        "at": message.at,
        "answer": message.answer,
        "tries": message.tries,
        "event": message.event,
    }


def _task_json(task: SignOut) -> dict[str, Any]:
    return {
        "task": f"S{task.pk}",
        "state": task.state,
        "asked_at": task.asked_at,
        "by": task.settled_by,
        "at": task.settled_at,
        "note": task.note,
    }


def _part_json(part: Part) -> dict[str, Any]:
    return {
        "verdict": part.verdict.value,
        "words": part.words,
        "at": part.at,
        "event": part.event,
    }
