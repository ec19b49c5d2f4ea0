"""What became of a batch: operations, accounts, evidence, audit and progress in one transaction."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain

from django.db import transaction
from django.db.models import F, Min
from django.db.models.functions import Coalesce, Greatest, Now

from tenure.applications.models import Account, Application
from tenure.audit.models import Action
from tenure.audit.services import Entry, acting, event, record_many
from tenure.core.model import OperationKind, OperationState
from tenure.infra.bulk import among, update_rows
from tenure.people.models import Person
from tenure.provisioning.models import Operation
from tenure.provisioning.records import exchanging, lasting, locks, names_held, veiling
from tenure.provisioning.records.accounts import (
    doubt,
    is_made,
    known_ones,
    look_at_unclosed,
    not_made,
    store_accounts,
    store_closed,
    touched,
)
from tenure.provisioning.records.waking import queue_drain
from tenure.provisioning.records.work import CLOSES, ONLY_LOOKS, Outcome, Result, found_out
from tenure.runs.models import Run

MOST_ATTEMPTS = 8
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 600.0
#: Seconds until whatever was sent has arrived and reads show it. Whoever looks earlier for an
#: account that may have been made finds nothing, and makes it twice where names are not unique.
SHOWN_AFTER = 5.0
_SETTLED = (
    "state",
    "account",
    "progress",
    "attempts",
    "not_before",
    "error",
    "evidence",
    "finished_at",
    "asked_at",
    "sealed",
)

_ACTIONS = {
    OperationKind.CREATE: Action.ACCOUNT_CREATED,
    OperationKind.UPDATE: Action.ACCOUNT_UPDATED,
    OperationKind.DISABLE: Action.ACCOUNT_DISABLED,
    OperationKind.ENABLE: Action.ACCOUNT_ENABLED,
    OperationKind.TRANSFER: Action.ACCOUNT_TRANSFERRED,
    OperationKind.DELETE: Action.ACCOUNT_DELETED,
    OperationKind.GRANT: Action.ENTITLEMENT_GRANTED,
    OperationKind.REVOKE: Action.ENTITLEMENT_REVOKED,
}
#: No longer tried by itself.
_OVER_NOW = frozenset(
    {OperationState.DONE.value, OperationState.CANCELLED.value, OperationState.MANUAL.value}
)
#: The trail says already what came of these.
_TOLD = frozenset({OperationState.FAILED.value, OperationState.REJECTED.value})
#: How a run says that what it would have sent is part of a later one.
WENT_ON = "What was planned anew of it went on in run"
#: A run with one of these is not over.
_TO_COME = ("planned", "started", "retrying", "unknown", "manual")
_GOING = ("running", "paused")
_DONE = frozenset({*_ACTIONS.values(), Action.ACCOUNT_ADOPTED})


@transaction.atomic
def settle(
    application: Application,
    outcomes: Sequence[Outcome],
    operations: Mapping[int, Operation],
    now: datetime,
) -> None:
    """Store what became of a batch: operations, accounts, evidence, audit, progress of runs."""
    rows = [operations[outcome.work.operation] for outcome in outcomes]
    settled = list(zip(rows, outcomes, strict=True))
    known = known_ones(application, settled)
    for outcome, account in not_made(known, settled):
        outcome.result, outcome.account = Result.FAILED, None
        outcome.message = (
            f"The application made no account, and answered with {account}, which is somebody "
            "else's here: one of the two needs another name."
        )
        outcome.work.progress = {}
    said = exchanging.wait(application, settled, _FIRST_WAIT)
    names_held.explain(application, settled, now, but=said)
    before = {row.pk for row in rows if row.finished_at is not None}
    for row, outcome in settled:
        _outcome(row, outcome, now)
    done = [(r, o) for r, o in settled if o.result is Result.DONE]
    made = [(r, o) for r, o in settled if is_made(r, o)]
    store_accounts(application, known, made, now)
    closed = {row.pk for row in store_closed(settled, now)}
    look_at_unclosed(application, rows)
    doubt(
        (row, touched(row, known=None if outcome.may_be_done else row.progress))
        for row, outcome in settled
        if outcome.result is not Result.DONE
    )
    for row in rows:
        if row.state in veiling.OVER:
            row.sealed = ""
    locks.take_operations({row.pk for row in rows})
    update_rows(rows, _SETTLED)
    exchanging.wake(application, settled)
    with acting(_actor(rows)):
        record_many(
            [
                _event(
                    _action(row, outcome),
                    application,
                    row,
                    _told(row, outcome),
                    outcome.evidence,
                )
                for row, outcome in done
            ]
            + [
                _event(Action.ACCOUNT_DISABLED, application, row, row.reason, outcome.closed)
                for row, outcome in settled
                if row.pk in closed
            ]
            + failed(
                application,
                [r for r in rows if r.state == OperationState.FAILED and r.pk not in before],
            )
            + replaced([row for row in rows if row.state == OperationState.CANCELLED])
        )
    finished = Counter(
        row.run_id for row in rows if row.finished_at and row.run_id and row.pk not in before
    )
    late = {r.run_id for r in rows if r.run_id and r.pk in before and r.state in _OVER_NOW}
    # In one order, whoever settles: two never wait for each other.
    for run in sorted({*finished, *late}):
        found = Run.objects.filter(pk=run)
        found.update(done=F("done") + finished[run], touched_at=now)
        if run in late:
            # What it said of them when it ended is no longer so: it ends once more.
            found.filter(kind="execute", state="failed").update(state="running", finished_at=None)


def behind(rows: Sequence[Operation]) -> list[str]:
    """Applications in which something may have waited for what these operations did."""
    people = [row.person_id for row in rows if row.finished_at and row.person_id]
    if not people or not Application.objects.exclude(requires=[]).exists():
        return []
    waiting = Operation.objects.filter(
        state=OperationState.PLANNED.value,
        after__contains=rows[0].application_id,
        person_id__in=among(people),
    )
    return list(waiting.order_by().values_list("application__slug", flat=True).distinct())


def wake_those_behind(rows: Sequence[Operation]) -> None:
    """Operations of other applications may have waited for these."""
    for slug in behind(rows):
        queue_drain(slug)


def went_on(moved: Mapping[int, int], run: Run) -> None:
    """So many operations of these earlier runs that were to be sent are part of `run` now. A run
    that keeps nothing is over, and says where the rest is: nobody waits at a page for it."""
    for pk in sorted(moved.keys() - {run.pk}):
        found = Run.objects.filter(pk=pk, kind="execute")
        found.update(
            total=Greatest(Coalesce(F("total"), 0) - moved[pk], F("done")),
            message=f"{WENT_ON} {run.pk}.",
        )
        for before in found.filter(state__in=["running", "held"]):
            if not has_any(pk, *_TO_COME, "held"):
                _close(before, Now())


def close_runs(now: datetime) -> None:
    """Finish the execution runs that have nothing left to settle, those too that somebody paused
    when their last operations were under way."""
    # Each by the index of its state: asked for together they would cost a look at all runs.
    unfinished = [Run.objects.filter(kind="execute", state=state) for state in _GOING]
    for run in chain.from_iterable(unfinished):
        if not has_any(run.pk, *_TO_COME):
            _close(run, now)


def has_any(run: int, *states: str) -> bool:
    """Whether the run has an operation in one of these states. By index, one after the other: of
    all together PostgreSQL expects to come upon one soon, and reads all that is done first."""
    rows = Operation.objects.filter(run=run)
    return any(rows.filter(state=state).aggregate(least=Min("kind"))["least"] for state in states)


def _close(run: Run, at: datetime | Now) -> None:
    """What its operations say that it came to."""
    failures = Operation.objects.filter(run=run, state=OperationState.FAILED.value)
    failed, still = failures.count(), failures.filter(lasting.WAITING).count()
    held = Operation.objects.filter(run=run, state=OperationState.HELD.value).count()
    said = [f"{failed} failed."] if failed else []
    if still:
        said.append(f"{still} of them a leaver's, tried again by itself until it is done.")
    if run.message.startswith(WENT_ON):
        said.append(run.message)
    Run.objects.filter(pk=run.pk, state__in=[*_GOING, "held"]).update(
        state="failed" if failed else ("held" if held else "done"),
        message=" ".join(said),
        finished_at=at,
        touched_at=at,
    )


def back_off(attempts: int) -> float:
    """Seconds until the next attempt: doubling, with jitter, never over ten minutes."""
    doubled: int = 2 ** max(0, attempts - 1)
    return min(_LONGEST_WAIT, _FIRST_WAIT * doubled) * random.uniform(0.7, 1.3)


def _outcome(row: Operation, outcome: Outcome, now: datetime) -> None:
    not_before, error = row.not_before, row.error
    row.progress = outcome.work.progress
    row.attempts += 1
    # Not found out yet whether an earlier attempt made it: that stays the first question.
    unlearnt = row.state == OperationState.UNKNOWN and outcome.account is None
    looks = ONLY_LOOKS in row.progress
    row.error = outcome.message
    row.not_before = None
    match outcome.result:
        case Result.DONE:
            row.state, row.finished_at = OperationState.DONE.value, now
            row.evidence = outcome.evidence
        case Result.STOPPED:
            # Nothing was done and it is not this operation's fault: it waits for the application.
            row.attempts -= 1
            row.state = (OperationState.UNKNOWN if unlearnt else OperationState.PLANNED).value
        case Result.PAUSED:
            # Never begun: it is what it was before it was claimed.
            row.attempts, row.not_before, row.error = row.attempts - 1, not_before, error
        case Result.NOT_MADE:
            row.state, row.finished_at = OperationState.CANCELLED.value, now
        case Result.MANUAL:
            row.state, row.asked_at = OperationState.MANUAL.value, row.asked_at or now
        case Result.FAILED if looks:
            row.error = f"Whether it was made cannot be found out. {outcome.message}"
            row.state, row.asked_at = OperationState.MANUAL.value, row.asked_at or now
        case Result.FAILED:
            _failed(row, now, refused=True)
        case Result.RETRY if outcome.after is not None:
            # It asked us to come back later: that is no attempt that failed.
            row.attempts -= 1
            row.state = (OperationState.UNKNOWN if unlearnt else OperationState.RETRYING).value
            row.not_before = now + timedelta(seconds=outcome.after)
        case Result.UNKNOWN | Result.RETRY if row.attempts >= MOST_ATTEMPTS and not looks:
            tried = f"Given up after {row.attempts} attempts."
            row.error = outcome.message if lasting.lasts(row) else f"{tried} {outcome.message}"
            _failed(row, now)
        case Result.UNKNOWN:
            row.state = OperationState.UNKNOWN.value
            wait = back_off(row.attempts)
            if row.kind == OperationKind.CREATE:
                wait = max(wait, SHOWN_AFTER)
            row.not_before = now + timedelta(seconds=wait)
        case Result.RETRY:
            row.state = (OperationState.UNKNOWN if unlearnt else OperationState.RETRYING).value
            row.not_before = now + timedelta(seconds=back_off(row.attempts))


def _failed(row: Operation, now: datetime, *, refused: bool = False) -> None:
    """For good; what closes a leaver's access comes back."""
    row.state, row.finished_at = OperationState.FAILED.value, row.finished_at or now
    if lasting.lasts(row):
        row.not_before = lasting.comes_back(row.attempts - MOST_ATTEMPTS, now, refused=refused)
        row.error = f"{lasting.STILL_OPEN} {row.error}"


def _told(row: Operation, outcome: Outcome) -> str:
    """Why, and whatever else whoever reads what happened has to know."""
    why, more = outcome.message or row.reason, found_out(outcome)
    return f"{why.rstrip('.')}. {more}" if more else why


def _action(row: Operation, outcome: Outcome) -> Action:
    if outcome.gone:
        return Action.ACCOUNT_DELETED_THERE
    if outcome.removed:
        return Action.ACCOUNT_DELETED
    return Action.ACCOUNT_ADOPTED if outcome.adopted else _ACTIONS[OperationKind(row.kind)]


def failed(application: Application, rows: Sequence[Operation]) -> list[Entry]:
    """What to record of operations that failed: a part of what was meant may have been done."""
    return [_event(Action.OPERATION_FAILED, application, r, r.error, None) for r in rows]


def replaced(rows: Sequence[Operation]) -> list[Entry]:
    """What to record of operations that were sent before, or in part, and give way to a new plan:
    whoever reads the trail has to know what may have been done. One that failed or was rejected is
    told again only where it proved to be done all the same."""
    tried = [row for row in rows if row.attempts > 0 or row.progress]
    proofs = _proofs(tried)
    return [
        _event(
            Action.OPERATION_REPLACED,
            row.application,
            row,
            row.error or row.reason,
            proofs.get(row.pk, row.evidence),
        )
        for row in tried
        if row.state not in _TOLD or row.pk in proofs
    ]


def _proofs(rows: Sequence[Operation]) -> dict[int, object]:
    """Operation -> what proves that it was done though nobody answered: the account that it was to
    close was read as closed since."""
    closing = [row.pk for row in rows if row.kind in CLOSES]
    if not closing:
        return {}
    closed = Account.objects.filter(
        operations__in=closing, active=False, evidence__isnull=False
    ).values_list("operations__pk", "evidence", "operations__kind")
    return {pk: proof for pk, proof, kind in closed if proof and proof["sent"] == kind}


def _event(
    action: Action, application: Application, row: Operation, reason: str, evidence: object
) -> Entry:
    person: Person | None = row.person
    account = row.account
    name = account.user_name if account else ""
    changes: dict[str, dict[str, object]] = row.attributes
    return event(
        action,
        subject_kind="account",
        subject_key=str(row.account_id or f"operation {row.pk}"),
        subject_label=f"{name or (person.display_name if person else '')} in {application.name}",
        application=application.slug,
        person=str(person.uid) if person else "",
        reason=reason,
        before={n: c.get("from") for n, c in changes.items()} or None,
        after={
            # What was meant is told also where it was not done, or not for certain.
            **({"operation": row.kind} if action not in _DONE else {}),
            **{n: c.get("to") for n, c in changes.items()},
            **({"granted": row.grant} if row.grant else {}),
            **({"revoked": row.revoke} if row.revoke else {}),
            **({"evidence": evidence} if evidence else {}),
        }
        or None,
        run=row.run_id,
    )


def _actor(rows: Sequence[Operation]) -> str:
    """Who is told as the cause: who started the run that these belong to."""
    runs = {row.run_id for row in rows if row.run_id}
    if len(runs) != 1:
        return "system"
    return Run.objects.values_list("actor", flat=True).get(pk=runs.pop())
