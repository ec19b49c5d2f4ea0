"""What people decide about what a guard holds.

An approval is for what was seen. What changed since is planned anew in the same transaction: the
same, or less, goes ahead; what is new is held again and told. A rejection stands until what is due
changes, or until somebody approves the rejected operation after all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce

from tenure.applications.finding import application_named
from tenure.applications.models import Application
from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.core import owners
from tenure.core.guard import covers
from tenure.core.model import OperationState
from tenure.infra.bulk import one_of
from tenure.infra.clock import now as clock_now
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import ledger, orphans, plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.records import losses, settling
from tenure.provisioning.records.plan import Seen
from tenure.provisioning.records.stored import with_owners
from tenure.provisioning.records.waking import queue_drain
from tenure.runs import services as runs_services
from tenure.runs.models import Run, RunState

_NEW = "New since somebody looked at what is held here: it was not part of what they approved."

_DECIDABLE = (OperationState.HELD, OperationState.REJECTED)
#: So many ids of operations are named in the audit trail; beyond, their number says enough.
_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a decision. `count` operations follow it; `again` wait for another one, being
    new since the decider looked; `gone` were not due any more. `never`: why others stay as they
    are, whoever approves them. `taken_over`: names of applications that were in use before us and
    are like any other from here on."""

    count: int = 0
    again: int = 0
    gone: int = 0
    never: tuple[str, ...] = ()
    taken_over: tuple[str, ...] = ()


@transaction.atomic
def approve(
    *,
    reason: str,
    application: str | None = None,
    operations: Sequence[int] | None = None,
    seen: Seen | None = None,
) -> Decided:
    """Let held operations go, by whoever is acting: everything, an application's, or some by id,
    rejected ones too then. `seen` says what the approver looked at: what is held since is not
    approved, nor what somebody else has rejected meanwhile. None: what is held now."""
    at = clock_now()
    named = operations is not None and seen is None
    states = [*_DECIDABLE] if named else [OperationState.HELD]
    rows = _held(application, operations, states)
    chosen = _as_seen(rows, seen)
    _operations(chosen).update(state=OperationState.HELD.value, finished_at=None)
    off = orphans.withdraw(chosen, at)
    moves: list[tuple[Counter[int], Run]] = []
    fresh = _plan_anew([row for row in chosen if _is_stale(row)], reason, at, moves)
    before = {ledger.key(row): row for row in chosen if row.person_id is not None}
    less = [row for row in fresh if _is_covered(row, before.get(ledger.key(row)))]
    new = [row for row in fresh if row not in less]
    _operations(new).filter(state=OperationState.PLANNED.value).update(
        state=OperationState.HELD.value, hold_reason=_NEW, held_at=at
    )
    kept = _operations(chosen).filter(state=OperationState.HELD.value)
    never = {pk: why for pk, why in kept.values_list("pk", "hold_reason") if owners.is_reason(why)}
    kept = kept.exclude(pk__in=never)
    # What was planned anew and is the same goes on in the run of that plan.
    runs = dict(kept.values_list("pk", "run_id"))
    still = [row for row in chosen if row.pk in runs]
    for row in still:
        row.run_id = runs[row.pk]
    approved = [*still, *(row for row in less if not owners.is_reason(row.hold_reason))]
    _operations(approved).update(
        state=OperationState.PLANNED.value,
        decided_by=actor()[:200],
        decided_reason=reason,
        hold_reason="",
    )
    owned = [row for row in chosen if row.pk in never]
    replaced = {ledger.key(row) for row in [*still, *fresh, *owned]}
    decided = Decided(
        count=len(approved),
        again=len(new) + len(rows) - len(chosen),
        gone=sum(key not in replaced for key in before) + len(off),
        never=tuple(sorted(set(never.values()))),
    )
    for moved, run in moves:
        settling.went_on(moved, run)
    losses.tell_of(_operations(approved))
    _go_on(approved, at)
    _close_held([row for row in chosen if row.pk in off], "What was held is not due any more.")
    _record(Action.PLAN_APPROVED, approved, decided, reason)
    return decided


@transaction.atomic
def reject(
    *,
    reason: str,
    application: str | None = None,
    operations: Sequence[int] | None = None,
    seen: Seen | None = None,
) -> Decided:
    """Refuse held operations. The same is not planned again until what is due changes."""
    at = clock_now()
    rows = _held(application, operations, [OperationState.HELD])
    chosen = _as_seen(rows, seen)
    _operations(chosen).update(
        state=OperationState.REJECTED.value,
        decided_by=actor()[:200],
        decided_reason=reason,
        finished_at=at,
    )
    decided = Decided(count=len(chosen), again=len(rows) - len(chosen))
    _close_held(chosen, "What was held was rejected.")
    _record(Action.PLAN_REJECTED, chosen, decided, reason)
    return decided


def _held(
    application: str | None, operations: Sequence[int] | None, states: Sequence[OperationState]
) -> list[Operation]:
    rows = Operation.objects.select_for_update(of=("self",)).filter(
        state__in=[state.value for state in states]
    )
    if application is not None:
        rows = rows.filter(application=application_named(application))
    if operations is not None:
        rows = rows.filter(pk__in=operations)
    return with_owners(rows.order_by("pk"))


def _as_seen(rows: list[Operation], seen: Seen | None) -> list[Operation]:
    """Those that the decider has seen. Where more claim to be than were counted, nobody can tell
    which: all of them are shown again."""
    if seen is None:
        return rows
    chosen = [row for row in rows if seen.includes(row.held_at)]
    return chosen if len(chosen) <= seen.count else []


def _is_stale(row: Operation) -> bool:
    return row.person is not None and row.generation != row.person.generation


def _is_covered(row: Operation, seen: Operation | None) -> bool:
    return seen is not None and covers(ledger.content_of(seen), ledger.content_of(row))


def _plan_anew(
    stale: Sequence[Operation],
    reason: str,
    at: datetime,
    moves: list[tuple[Counter[int], Run]],
) -> list[Operation]:
    """Plan these people anew, where something of theirs is held. Returns what is new of it."""
    people: dict[str, set[int]] = {}
    for row in stale:
        if row.person_id is not None:
            people.setdefault(row.application.slug, set()).add(row.person_id)
    fresh: list[Operation] = []
    for slug, keys in people.items():
        scope = Scope(application=slug, people=frozenset(keys))
        run = plans.store(scope, now=at, reason=f"approved: {reason}", moves=moves).run
        fresh += with_owners(
            Operation.objects.filter(
                run=run, created_at=at, state__in=ledger.WAITING, decided_by=""
            )
        )
    return fresh


def _operations(rows: Sequence[Operation]) -> QuerySet[Operation]:
    return Operation.objects.filter(one_of("pk", (row.pk for row in rows)))


def _go_on(rows: Sequence[Operation], at: datetime) -> None:
    """Runs go on, drains wake, and what failed before does not hold the rest any more."""
    runs = Counter(row.run_id for row in rows if row.run_id)
    for run, count in runs.items():
        total = Coalesce(F("total"), 0) + count
        Run.objects.filter(pk=run).update(
            state=RunState.RUNNING, total=total, message="", finished_at=None, touched_at=at
        )
    slugs = {row.application.slug for row in rows}
    Application.objects.filter(slug__in=slugs).update(failures_since=at)
    for slug in sorted(slugs):
        queue_drain(slug)


def _close_held(rows: Sequence[Operation], why: str) -> None:
    """A run of which nothing is held any more is over."""
    for run in Run.objects.filter(pk__in={row.run_id for row in rows}, state=RunState.HELD):
        if not Operation.objects.filter(run=run, state__in=ledger.OPEN).exists():
            runs_services.finish(run, RunState.CANCELLED, message=why)
    settling.close_runs(clock_now())


def _record(action: Action, rows: Sequence[Operation], decided: Decided, reason: str) -> None:
    slugs = sorted({row.application.slug for row in rows})
    if rows:
        record(
            action,
            subject_kind="plan",
            subject_key=",".join(slugs)[:200],
            subject_label=(
                f"{decided.count} operation{'' if decided.count == 1 else 's'} in "
                f"{', '.join(slugs)}"
            ),
            application=slugs[0] if len(slugs) == 1 else "",
            reason=reason,
            after={
                "operations": decided.count,
                "applications": slugs,
                "new_since": decided.again,
                "not_due_any_more": decided.gone,
                "ids": [row.pk for row in rows[:_LISTED]],
            },
        )
