"""Tasks: operations that an application has no way to do, done by a person instead.

A task is an operation in state `manual`. Whoever does it says so, with a note; that is the
evidence, and what the task wanted counts as observed until the application is read and says
otherwise. A task is withdrawn, or another one takes its place, when what its person should have
changes meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from django.db import transaction
from django.db.models import Q, QuerySet

from tenure.applications.connecting import connector_for
from tenure.applications.finding import application_named
from tenure.applications.models import Application
from tenure.audit.models import Action
from tenure.audit.services import actor, record, record_many
from tenure.connectors.base import Connector, ConnectorError, NotFound, RemoteAccount
from tenure.core.model import OperationKind, OperationState, Value
from tenure.infra.clock import now as clock_now
from tenure.infra.paging import Page, page
from tenure.people import looks
from tenure.people.models import Person
from tenure.provisioning.decisions import task_words
from tenure.provisioning.execution import claiming
from tenure.provisioning.execution.owning import Owners
from tenure.provisioning.execution.seeking import identity
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.records import lasting, settling, veiling
from tenure.provisioning.records.waking import queue_reconcile
from tenure.provisioning.records.work import Outcome, Result, Work

#: When an application says nothing else.
REMIND_AFTER = timedelta(days=2)
ADMINISTRATORS = "administrators"
#: In evidence, in place of what was sent.
BY_HAND = "by hand"


class TaskRefused(ValueError):
    """It cannot be settled like this. `str()` says why and what to do."""


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do by hand. `how` says where and how such is done there, as far as somebody has
    written it down; `steps` say what in detail, `check` what to look at before it is
    said to be done, `why` what it is for, `cause` why it has to be done by hand. `assignee` is the
    application's owner, or the administrators."""

    number: int
    application: str
    application_name: str
    person: str
    person_id: int | None
    what: str
    how: str
    steps: tuple[str, ...]
    check: str
    why: str
    cause: str
    assignee: str
    since: datetime
    overdue: bool
    #: It makes an account, which has to be known afterwards.
    makes: bool = False
    #: Nothing is to be made any more: whether there is an account has to be found out.
    looks: bool = False
    #: Some of its values are sensitive, and not in `steps`.
    sensitive: bool = False
    #: It is about what somebody is signed in to, and not about an account: see `sso.by_hand`. What
    #: that is ends by itself at `ends_at` (None: not known). `could_not`: who could not do it, why.
    signs_out: bool = False
    ends_at: datetime | None = None
    could_not: str = ""

    @property
    def key(self) -> str:
        """What it is called by: 1204; S12 where it is about sessions."""
        return f"S{self.number}" if self.signs_out else str(self.number)

    def as_json(self) -> dict[str, object]:
        return {
            "task": self.key if self.signs_out else self.number,
            "about": "sessions" if self.signs_out else "account",
            "application": self.application,
            "person": self.person,
            "what": self.what,
            "how": self.how,
            "steps": list(self.steps),
            "check": self.check,
            "why": self.why,
            "cause": self.cause,
            "assignee": self.assignee,
            "since": self.since,
            "overdue": self.overdue,
            "looks": self.looks,
            "sensitive": self.sensitive,
            "ends_at": self.ends_at,
            "could_not": self.could_not,
        }


@dataclass(frozen=True, slots=True)
class Failing:
    """What closes a leaver's access, fails, and comes back by itself at `again` (None: it is being
    tried). `what` says which, `check` what to look at before somebody says that they did it."""

    number: int
    application: str
    application_name: str
    person: Person
    what: str
    check: str
    error: str
    again: datetime | None


def failing(
    *, application: str | None = None, person: Person | None = None, limit: int = 20
) -> list[Failing]:
    """Leavers' removals that fail and are not given up, the oldest first."""
    rows = Operation.objects.filter(lasting.WAITING | lasting.BACK, person__isnull=False)
    if application is not None:
        rows = rows.filter(application__slug=application)
    if person is not None:
        rows = rows.filter(person=person)
    rows = rows.select_related("application", "person", "account").order_by("finished_at", "pk")
    return [
        Failing(
            number=row.pk,
            application=row.application.slug,
            application_name=row.application.name,
            person=row.person,
            what=task_words.what(row),
            check=task_words.check(row),
            error=row.error,
            again=row.not_before if _fails(row) else None,
        )
        for row in rows[:limit]
        if row.person is not None
    ]


def tasks(
    *, application: str | None = None, person: Person | None = None, limit: int = 1000
) -> list[Task]:
    """What waits to be done by hand, the oldest first."""
    rows = _open().order_by("asked_at", "pk")
    if application is not None:
        rows = rows.filter(application=application_named(application))
    if person is not None:
        rows = rows.filter(person=person)
    at = clock_now()
    return [_task(row, at) for row in rows[:limit]]


def whose(found: Iterable[Task]) -> dict[str, str]:
    """Assignee -> how people call them: by name, where it is somebody's employee number."""
    given = {task.assignee for task in found}
    rows = Person.objects.filter(employee_number__in=given).order_by("pk")
    names = {row.employee_number: f"{row.display_name} ({row.employee_number})" for row in rows}
    return {assignee: names.get(assignee, assignee) for assignee in given}


def tasks_page(
    *, application: str | None = None, cursor: str = "", size: int = 25
) -> tuple[list[Task], Page[Operation]]:
    """One page of them, in the order in which they were planned."""
    rows = _open()
    if application is not None:
        rows = rows.filter(application=application_named(application))
    found, at = page(rows, order=("id",), cursor=cursor, size=size), clock_now()
    return [_task(row, at) for row in found.rows], found


def task(number: int) -> Task:
    """One that waits. Raises `LookupError`."""
    return _task(_found(number), clock_now())


def task_in_clear(number: int) -> Task:
    """The same with its sensitive values, for whoever does it; that they were looked at is
    recorded. Raises `LookupError`."""
    row = _found(number)
    values = veiling.private(row)
    if values and row.person is not None:
        looks.record(row.person, values, where=f"task {row.pk} in {row.application.name}")
    return _task(row, clock_now(), {name: change.after for name, change in values.items()})


def done(number: int, *, note: str = "", account: str = "") -> None:
    """Somebody did it. An account that was made is looked for in the application by its names, or
    is the one with this remote id (`account`). A leaver's removal that fails, and is tried again
    and again, is settled like this too: then a note is asked for, and the application is read again
    to see. Raises `LookupError` and `TaskRefused`."""
    row = _found(number, failing=True)
    if _fails(row) and not note.strip():
        raise TaskRefused(
            "Say what was done there, and by whom: it is all that is known of it until "
            f"{row.application.name} is read."
        )
    made = None
    if row.kind == OperationKind.CREATE.value and row.account is None:
        made = _look_for(row, account)
        objection = Owners(row.application).objection(made, str(_owner(row).uid))
        if objection:
            raise TaskRefused(f"That account cannot be theirs. {objection}")
    looks = task_words.only_looks(row)
    _settle(number, note, made)
    if looks and row.person_id is not None:
        # It is not due: whatever the plan mode, it is closed.
        plans.store(Scope(person=row.person_id), reason="what may have been made was found")


@transaction.atomic
def none_there(number: int, *, note: str) -> None:
    """Somebody looked for an account that may have been made and is no longer due, and there is
    none. Raises `LookupError`, and `TaskRefused` where it is still wanted or no reason is given."""
    row = _locked(number)
    if not task_words.only_looks(row):
        raise TaskRefused(f"What task {number} asks for is still wanted: it is done, or cannot be.")
    if not note.strip():
        raise TaskRefused("Say where you looked: it is all that is known of it.")
    row.state, row.finished_at = OperationState.CANCELLED.value, clock_now()
    row.error, row.sealed = f"{actor()} looked, and there is none: {note}", ""
    row.save(update_fields=["state", "finished_at", "error", "sealed"])
    _record(Action.TASK_DONE, row, f"There is none: {note}")
    settling.close_runs(clock_now())


@transaction.atomic
def cannot(number: int, *, note: str) -> None:
    """It cannot be done by hand either: it failed, and stays on the list of what did until it is
    planned anew. Raises `LookupError`, and `TaskRefused` where no reason is given."""
    if not note.strip():
        raise TaskRefused("Say why it cannot be done: whoever looks next has to know.")
    row = _locked(number)
    row.state, row.finished_at = OperationState.FAILED.value, clock_now()
    row.error = f"{actor()} could not do it by hand: {note}"
    row.save(update_fields=["state", "finished_at", "error"])
    _record(Action.TASK_NOT_DONE, row, note)
    record_many(settling.failed(row.application, [row]))
    settling.close_runs(clock_now())


@transaction.atomic
def _settle(number: int, note: str, made: RemoteAccount | None) -> None:
    row, at = _locked(number, failing=True), clock_now()
    failed = _fails(row)
    (work,) = claiming.work_for([row])
    work.progress |= {"account": True, "grant": list(row.grant), "revoke": list(row.revoke)}
    if made is not None:
        work.remote_id = work.progress["remote_id"] = made.remote_id
    said = f"Done by hand by {actor()}" + (f": {note}" if note else ".")
    evidence = {"at": at.isoformat(), "sent": BY_HAND, "by": actor(), "note": note}
    outcome = Outcome(
        work, Result.DONE, said, account=made, adopted=made is not None, evidence=evidence
    )
    settling.settle(row.application, [outcome], {row.pk: row}, at)
    _record(Action.REMOVAL_SAID_DONE if failed else Action.TASK_DONE, row, note)
    settling.close_runs(at)
    settling.wake_those_behind([row])
    if failed:
        queue_reconcile(row.application.slug)


def _look_for(row: Operation, remote_id: str) -> RemoteAccount:
    """The account that somebody made, as the application shows it."""
    application = row.application
    (work,) = claiming.work_for([row])
    try:
        connector = connector_for(application)
        if not connector.capabilities.listed:
            return _as_said(work, remote_id)
        found = asyncio.run(_candidates(connector, work, remote_id))
    except NotFound as error:
        raise TaskRefused(f"{application.name} has no account {remote_id!r}.") from error
    except (ConnectorError, ValueError, LookupError) as error:
        raise TaskRefused(
            f"{application.name} could not be asked for the account: {error}"
        ) from error
    if len(found) == 1:
        return next(iter(found.values()))
    how_many = f"{len(found)} accounts" if found else "No account"
    raise TaskRefused(
        f"{how_many} in {application.name} can be meant by it. Give its id there: --account ID."
    )


def _as_said(work: Work, remote_id: str) -> RemoteAccount:
    """Nobody can look it up there: it is as the task asked for it."""
    attributes = {k: v for k, v in work.attributes.items() if v is not None}
    return RemoteAccount(remote_id or work.external_id, attributes, work.active)


async def _candidates(connector: Connector, work: Work, remote_id: str) -> dict[str, RemoteAccount]:
    async with connector:
        if remote_id:
            return {remote_id: await connector.read(remote_id)}
        found: dict[str, RemoteAccount] = {}
        for attribute, value in identity(connector, work):
            found |= {a.remote_id: a for a in await connector.find(attribute, value)}
        return found


def _open(*, failing: bool = False) -> QuerySet[Operation]:
    manual = Q(state=OperationState.MANUAL.value)
    rows = Operation.objects.filter(manual | lasting.WAITING if failing else manual)
    return rows.select_related("application", "person", "account")


def _found(number: int, *, failing: bool = False) -> Operation:
    row = _open(failing=failing).filter(pk=number).first()
    if row is None:
        raise LookupError(
            f"There is no task {number}, or it is settled. `tenure tasks list` shows those that "
            "wait."
        )
    return row


def _locked(number: int, *, failing: bool = False) -> Operation:
    Operation.objects.select_for_update().filter(pk=number).first()
    return _found(number, failing=failing)


def _fails(row: Operation) -> bool:
    """It is no task: it closes a leaver's access, failed, and comes back."""
    return row.state == OperationState.FAILED.value


def _owner(row: Operation) -> Person:
    if row.person is None:
        raise TaskRefused("It is nobody's account: there is nobody to make one for.")
    return row.person


def _task(
    row: Operation, at: datetime, clear: Mapping[str, Value | None] = MappingProxyType({})
) -> Task:
    application: Application = row.application
    since = row.asked_at or row.created_at
    person = row.person.display_name if row.person else ""
    return Task(
        number=row.pk,
        application=application.slug,
        application_name=application.name,
        person=person,
        person_id=row.person_id,
        what=task_words.what(row),
        how=task_words.how(row),
        steps=tuple(task_words.steps(row, clear)),
        check=task_words.check(row),
        why=row.reason,
        cause=task_words.cause(row),
        assignee=application.owner or ADMINISTRATORS,
        since=since,
        overdue=at - since > (application.remind_after or REMIND_AFTER),
        makes=row.kind == OperationKind.CREATE.value and row.account is None,
        looks=task_words.only_looks(row),
        sensitive=bool(row.sealed) and not clear,
    )


def _record(action: Action, row: Operation, note: str) -> None:
    record(
        action,
        subject_kind="account",
        subject_key=str(row.account_id or f"operation {row.pk}"),
        subject_label=f"{row.account or row.person or ''} in {row.application.name}",
        application=row.application.slug,
        person=str(row.person.uid) if row.person else "",
        reason=note,
        after={"operation": row.kind, "task": row.pk, "why_by_hand": row.error},
        run=row.run_id,
    )
