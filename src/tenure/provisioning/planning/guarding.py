"""What the guards say of an application now: what waits and what happened within the window,
counted in tables and judged by the core. Accounts are counted, each once; what a person approved
is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeAlias

from django.db import connection
from django.db.models import Count, Q, QuerySet

from tenure.applications.models import Application
from tenure.applications.tallies import linked_and_open
from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.core.guard import (
    PASSED,
    Counted,
    Limit,
    Verdict,
    counted,
    guard_from,
    judge,
    judge_failures,
)
from tenure.core.model import OperationKind, OperationState
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import ledger
from tenure.runs.models import Run

#: (application slug, what is counted) -> why it is held.
Held: TypeAlias = dict[tuple[str, Counted], str]

KINDS = {what: [k.value for k in OperationKind if counted(k) is what] for what in Counted}
_WAITING = Q(state__in=ledger.WAITING)
_IN_FLIGHT = Q(
    state__in=[
        OperationState.STARTED.value,
        OperationState.RETRYING.value,
        OperationState.UNKNOWN.value,
        OperationState.MANUAL.value,
    ]
)
#: Held while a plan is judged; see `_one_after_the_other`.
_JUDGING = 0x7EA
#: A failure rate is that of the last so many operations: what went well long before is no comfort.
_LAST = 1000


def of_run(run: Run, applications: Iterable[Application], at: datetime) -> Held:
    """What of the run may not go: looked at only where it brings something that nobody decided."""
    rows = {row.pk: row for row in applications}
    fresh = (
        Operation.objects.filter(run=run, state=OperationState.PLANNED.value, decided_by="")
        .order_by()
        .values_list("application_id", "kind")
        .distinct()
    )
    held: Held = {}
    for pk, what in sorted({(pk, counted(OperationKind(kind))) for pk, kind in fresh}):
        row = rows.get(pk)
        limit = guard_from(row.guard).of(what) if row else None
        if row is None or limit is None or limit.unlimited:
            continue
        _one_after_the_other(row)
        found = _counting(row, what, at, limit).aggregate(
            new=Count("person", distinct=True, filter=_WAITING),
            every=Count("person", distinct=True),
        )
        verdict = _judge(row, what, found["new"], found["every"] - found["new"], limit)
        if verdict.held:
            held[row.slug, what] = verdict.reason
    return held


def _one_after_the_other(application: Application) -> None:
    """Until this transaction ends no other plan counts what it brings to this application: two at
    the same instant would each not see the other, and stay within a limit that both are over."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_JUDGING, application.pk])


def of_preview(
    new: Mapping[tuple[str, Counted], set[int | None]],
    applications: Mapping[str, Application],
    at: datetime,
) -> Held:
    """The same for what is not stored: (application slug, what) -> ids of people."""
    held: Held = {}
    for (slug, what), people in new.items():
        row = applications[slug]
        limit = guard_from(row.guard).of(what)
        if limit.unlimited:
            continue
        happened = _counting(row, what, at, limit).exclude(_WAITING)
        recent = set(happened.values_list("person_id", flat=True).distinct()) - people
        verdict = _judge(row, what, len(people), len(recent), limit)
        if verdict.held:
            held[slug, what] = verdict.reason
    return held


def is_failing(application: Application, at: datetime) -> bool:
    """Whether too much of what was sent lately failed."""
    return _failing(application, at).held


def hold_failing(application: Application, at: datetime) -> None:
    """Hold what is left of an application where too much fails, but leavers' removals: each of
    them is tried whatever happened to the others."""
    verdict = _failing(application, at)
    count = ledger.hold_rest(application, verdict.reason, at) if verdict.held else 0
    if count:
        record(
            Action.PLAN_HELD,
            subject_kind="application",
            subject_key=application.slug,
            subject_label=f"{count} operations in {application.name}",
            application=application.slug,
            reason=verdict.reason,
            after={"operations": count},
        )


def _failing(application: Application, at: datetime) -> Verdict:
    row = Application.objects.only("name", "guard", "failures_since").get(pk=application.pk)
    limit = guard_from(row.guard).failures
    since = max(filter(None, [at - limit.window, row.failures_since]))
    failed = OperationState.FAILED.value
    states = list(
        Operation.objects.filter(
            application=row, state__in=[OperationState.DONE.value, failed], finished_at__gt=since
        )
        .order_by("-finished_at", "-id")
        .values_list("state", flat=True)[: max(_LAST, limit.least)]
    )
    return judge_failures(
        where=row.name, failed=states.count(failed), settled=len(states), limit=limit
    )


def _counting(row: Application, what: Counted, at: datetime, limit: Limit) -> QuerySet[Operation]:
    """What waits, is under way or was done within the window, and nobody decided."""
    done = Q(state=OperationState.DONE.value, finished_at__gt=at - limit.window)
    return Operation.objects.filter(
        _WAITING | _IN_FLIGHT | done, application=row, kind__in=KINDS[what], decided_by=""
    ).order_by()


def _judge(row: Application, what: Counted, new: int, recent: int, limit: Limit) -> Verdict:
    """The population is that from before anything of the window happened."""
    if not new:
        return PASSED
    population = linked_and_open(row)
    if what is Counted.REMOVALS:
        population += recent
    elif what is Counted.CREATES:
        population = max(0, population - recent)
    words = {Counted.CREATES: "new accounts"}.get(what, what.value)
    return judge(
        what=f"{words} in {row.name}", new=new, recent=recent, population=population, limit=limit
    )
