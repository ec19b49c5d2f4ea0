"""Accounts that are nobody's, where an application's policy says what should become of them.

Their operations have no person and always wait for one: each is stored as held, and only what a
person approved is ever sent. One that failed stays until somebody asks for a plan, and is asked
about anew then; or has it tried again, and then it goes as it was approved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import QuerySet

from tenure.applications.models import Account, Application
from tenure.core.model import (
    ApplicationMode,
    ApplicationPolicy,
    OperationKind,
    OperationState,
    OrphanAction,
    Situation,
)
from tenure.core.planner import URGENCY
from tenure.core.situations import ASKS_ORPHAN, orphan_step
from tenure.infra.bulk import one_of
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import ledger
from tenure.provisioning.records import nobodys
from tenure.provisioning.records.loading import Protecting, observed_account, policy_of
from tenure.provisioning.records.plan import REPORT_MODE, PlanLine
from tenure.runs.models import Run


@dataclass(frozen=True, slots=True)
class OrphanStep:
    application: Application
    account: Account
    kind: OperationKind

    @property
    def reason(self) -> str:
        return f"nobody's account; the application's policy is orphans: {self.application.orphans}"


def steps(
    applications: Mapping[str, Application], policies: Mapping[str, ApplicationPolicy]
) -> Iterator[OrphanStep]:
    """What the policies of these applications ask for."""
    asked = [row for row in applications.values() if row.orphans != OrphanAction.REPORT.value]
    if not asked:
        return
    protecting = Protecting(asked)
    for row in asked:
        accounts = Account.objects.filter(application=row, situation=Situation.UNMATCHED.value)
        for account in accounts.defer("fingerprint", "evidence").order_by("pk").iterator(2000):
            kind = orphan_step(observed_account(account, row.slug, protecting), policies[row.slug])
            if kind is not None:
                yield OrphanStep(row, account, kind)


def lines(
    applications: Mapping[str, Application], policies: Mapping[str, ApplicationPolicy]
) -> tuple[list[PlanLine], list[PlanLine], set[int]]:
    """The steps as lines of a plan, without those that are stored and wait already; those that a
    person refused; and the ids of stored ones that are not asked for any more."""
    open_ones = _open().filter(application__in=list(applications.values()))
    stored = {_key(row): row.pk for row in open_ones.only("account_id", "kind")}
    going = set(open_ones.filter(ledger.BUSY).values_list("pk", flat=True))
    refused = set(_refused().values_list("account_id", "kind"))
    due: list[PlanLine] = []
    rejected: list[PlanLine] = []
    asked = set()
    for step in steps(applications, policies):
        key = (step.account.pk, step.kind.value)
        asked.add(key)
        if key in refused:
            rejected.append(replace(_line(step), state=OperationState.REJECTED, hold_reason=""))
        elif key not in stored:
            due.append(_line(step))
    off = {pk for key, pk in stored.items() if key not in asked and pk not in going}
    return due, rejected, off


def _line(step: OrphanStep) -> PlanLine:
    report = step.application.mode == ApplicationMode.REPORT.value
    return PlanLine(
        application=step.application.slug,
        application_name=step.application.name,
        person="",
        person_name="",
        person_email="",
        account=step.account.user_name or step.account.remote_id,
        kind=step.kind,
        reason=step.reason,
        state=OperationState.HELD,
        hold_reason=REPORT_MODE if report else ASKS_ORPHAN,
        account_id=step.account.pk,
    )


def store(
    live: Mapping[str, Application],
    policies: Mapping[str, ApplicationPolicy],
    run: Run,
    at: datetime,
    *,
    failed_too: bool = True,
    again: Collection[int] = (),
) -> None:
    """Make what waits in these applications what the policies ask for. What waits already stays,
    held or approved as it was; what is no longer asked for is cancelled. What failed is asked about
    anew if `failed_too`, and goes as it was approved where its account is among those, by id, for
    which somebody has it tried `again`."""
    wanted = {(step.account.pk, step.kind.value): step for step in steps(live, policies)}
    # Each by an index of its own: asked for together they cost a look at all that waits.
    waiting = list(_open().filter(application__in=list(live.values())).only("account_id", "kind"))
    failed = list(_failed().filter(application__in=list(live.values())).only("account_id", "kind"))
    open_ones = {_key(row) for row in waiting}
    wanted_still = wanted.keys() - open_ones
    off = [row.pk for row in waiting if _key(row) not in wanted]
    off += [
        row.pk
        for row in failed
        if failed_too or row.account_id in again or _key(row) not in wanted_still
    ]
    over = nobodys.cancel(Operation.objects.filter(one_of("pk", off))) if off else []
    cancelled = {row.pk for row in over}
    before = {_key(row): row for row in over if row.account_id in again}
    # What a person refused stays refused: the account is still what they looked at.
    kept = {_key(row) for row in (*waiting, *failed) if row.pk not in cancelled}
    kept.update(_refused().values_list("account_id", "kind"))
    ledger.insert(
        [
            _wanted(step, run, at, approved=before.get(key))
            for key, step in wanted.items()
            if key not in kept
        ]
    )


def _wanted(
    step: OrphanStep, run: Run, at: datetime, *, approved: Operation | None
) -> ledger.Wanted:
    """Held, or let go by whoever `approved` the one before it."""
    state = OperationState.PLANNED if approved else OperationState.HELD
    return ledger.Wanted(
        application_id=step.application.pk,
        person_id=None,
        account_id=step.account.pk,
        run_id=run.pk,
        kind=step.kind.value,
        urgency=URGENCY[step.kind],
        reason=step.reason,
        attributes={},
        grant=[],
        revoke=[],
        active=True,
        after=[],
        generation=0,
        # The guards count what is taken from people.
        takes_access=False,
        decided_by=approved.decided_by if approved else "",
        decided_reason=approved.decided_reason if approved else "",
        created_at=at,
        state=state.value,
        hold_reason="" if approved else ASKS_ORPHAN,
        held_at=None if approved else at,
    )


def withdraw(rows: Iterable[Operation], at: datetime) -> set[int]:
    """Cancel those of these held operations that no policy asks for any more: it was changed since
    they were stored, or somebody protected the account. Returns their ids."""
    ours = [row for row in rows if row.person_id is None]
    applications = {row.application.slug: row.application for row in ours}
    asked = {
        (step.account.pk, step.kind.value)
        for step in steps(
            applications, {slug: policy_of(row, ()) for slug, row in applications.items()}
        )
    }
    off = {row.pk for row in ours if _key(row) not in asked}
    Operation.objects.filter(one_of("pk", off)).update(
        state=OperationState.CANCELLED.value, finished_at=at, sealed=""
    )
    return off


def _open() -> QuerySet[Operation]:
    return nobodys.operations().filter(state__in=ledger.OPEN)


def _failed() -> QuerySet[Operation]:
    return nobodys.operations().filter(state=OperationState.FAILED.value)


def _refused() -> QuerySet[Operation]:
    return nobodys.operations().filter(state=OperationState.REJECTED.value)


def _key(row: Operation) -> tuple[int | None, str]:
    return row.account_id, row.kind
