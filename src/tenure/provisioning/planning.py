"""Plans: the same computation for preview and for the real run.

`preview` reads only. `store` writes operations, lets the guards judge them, raises what was
planned and queues the work, all in one transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from tenure.applications.models import Account, Application
from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.core.guard import WINDOW, judge, limit_from
from tenure.core.model import (
    ApplicationMode,
    Change,
    Observed,
    OperationKind,
    OperationState,
    Problem,
    Situation,
)
from tenure.core.model import Operation as Step
from tenure.infra.clock import now as clock_now
from tenure.people import services as people
from tenure.people.models import Person
from tenure.provisioning import first_contact, ledger, memory, orphans
from tenure.provisioning.accounts import agree
from tenure.provisioning.costs import costs
from tenure.provisioning.drafting import Draft, Drafting, Scope
from tenure.provisioning.models import Operation
from tenure.provisioning.plan import Plan, PlanLine, ProblemLine
from tenure.runs import services as runs
from tenure.runs.models import Run, RunKind, RunState

_ORDER = {kind: position for position, kind in enumerate(OperationKind)}


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan whose operations are stored. `released` of them may go now, `held` wait."""

    run: Run
    released: int
    held: int
    held_reasons: tuple[str, ...]
    applications: tuple[str, ...]
    problems: tuple[ProblemLine, ...] = ()


def preview(scope: Scope, *, now: datetime | None = None) -> Plan:
    """What would be done and why, stored operations that still wait included. Reads only."""
    at = now or clock_now()
    drafting = Drafting(scope, at)
    lines: list[PlanLine] = []
    problems: list[ProblemLine] = []
    closed: set[str] = set()
    planned_pairs: set[tuple[int | None, str]] = set()
    held_back = first_contact.held_back(drafting.applications.values())
    for chunk in drafting.chunks():
        busy = ledger.busy_pairs([draft.person.pk for draft in chunk])
        decided = ledger.decided_pairs([draft.person.pk for draft in chunk])
        for draft in chunk:
            names = _user_names(draft.observed)
            planned_pairs |= {
                (draft.person.pk, slug)
                for slug in drafting.applications
                if (draft.person.pk, slug) not in busy
            }
            problems += [_problem(draft.person, p) for p in draft.decision.problems]
            for step in draft.decision.operations:
                pair = (draft.person.pk, step.application)
                if pair in busy:
                    continue
                takes_it = takes_access(step, draft.observed)
                if step.kind is OperationKind.DELETE and not takes_it:
                    closed.add(f"{step.application}/{names.get(step.application)}")
                line = _line(drafting, draft.person, step, names.get(step.application))
                if pair not in decided:
                    line = _wait(line, step.hold or held_back.get(step.application, ""))
                lines.append(replace(line, takes_access=takes_it and pair not in decided))
    if scope.person is None:
        lines += orphans.lines(drafting.in_scope(), drafting.policies.applications)
    stored = ledger.waiting_lines(scope)
    lines += [line for line in stored if _still_stands(line, planned_pairs)]
    takes = Counter(line.application for line in lines if line.takes_access)
    guarded = _judge(drafting, takes, at)
    guarded |= {x.application: x.hold_reason for x in stored if x.takes_access and x.hold_reason}
    lines = [_hold(line, guarded) for line in lines]
    held = {x.application: x.hold_reason for x in lines if _waits_for_a_person(drafting, x)}
    held |= guarded
    lines.sort(key=lambda x: (x.application_name, _ORDER[x.kind], x.person_name, x.person))
    return Plan(
        lines=tuple(lines),
        problems=tuple(problems),
        held_reasons=tuple(f"{drafting.applications[s].name}: {r}" for s, r in held.items()),
        cost=costs(drafting.policies.applications, lines, closed),
        first_contact=first_contact.summaries(list(drafting.in_scope().values()), lines),
    )


@transaction.atomic
def store(
    scope: Scope,
    *,
    now: datetime | None = None,
    reason: str = "",
    decided: bool = False,
    take_over: bool = False,
) -> StoredPlan:
    """Store the plan. `decided`: a person asked for exactly this, the guards do not hold it.
    `take_over`: what earlier runs left undone in this scope goes on as part of this one.

    Applications in report mode are looked at, never written to: nothing is stored for them.
    """
    at = now or clock_now()
    drafting = Drafting(scope, at)
    live = {
        slug: row
        for slug, row in drafting.applications.items()
        if row.mode == ApplicationMode.LIVE.value
    }
    run = runs.start(RunKind.EXECUTE, scope.application or "", reason=reason)
    problems: list[ProblemLine] = []
    for chunk in drafting.chunks():
        memory.keep(
            {draft.person.pk: draft.remembered for draft in chunk},
            {draft.person.pk: draft.decision.memory for draft in chunk},
        )
        generations: dict[int, int] = {}
        looks: dict[int, datetime | None] = {}
        wanted: list[ledger.Wanted] = []
        for draft in chunk:
            problems += [_problem(draft.person, p) for p in draft.decision.problems]
            generations[draft.person.pk] = draft.person.generation
            looks[draft.person.pk] = draft.decision.next_look
            wanted += [
                _row(draft, step, run, live, at, decided)
                for step in draft.decision.operations
                if step.application in live
            ]
            agree(draft.decision.agreed)
        settled = ledger.replace(
            people=list(generations),
            wanted=wanted,
            run=run,
            applications=[live[scope.application].pk] if scope.application in live else None,
        )
        if scope.application is None:
            people.planned({pk: generations[pk] for pk in settled}, looks)
    if take_over:
        ledger.take_over(scope, run)
    if scope.person is None:
        here = {slug: row for slug, row in live.items() if slug in drafting.in_scope()}
        orphans.store(here, drafting.policies.applications, run, at)
    held = _judge(drafting, ledger.waiting_removals(), at)
    ledger.hold({live[slug].pk: why for slug, why in held.items() if slug in live})
    held_back = first_contact.held_back(live.values())
    first_contact.hold({live[slug].pk: why for slug, why in held_back.items()})
    if scope.person is None:
        first_contact.pass_what_agrees(held_back)
    held |= {s: why for s, why in held_back.items() if ledger.holds_any(run, s)}
    return _stored(run, held, drafting, problems)


def store_lagging() -> StoredPlan | None:
    """What plans that go ahead by themselves do: only when somebody lags, and without sending
    failed operations again for ever."""
    if not Person.objects.filter(people.lagging()).exists():
        return None
    return store(Scope(failed_too=False), reason="automatic")


def takes_access(step: Step, accounts: Sequence[Observed]) -> bool:
    """Whether the step closes or deletes an account that is open now."""
    if step.kind is OperationKind.DISABLE:
        return True
    if step.kind is not OperationKind.DELETE:
        return False
    return any(a.account == step.account and a.active is not False for a in accounts)


def _stored(
    run: Run, held: dict[str, str], drafting: Drafting, problems: Sequence[ProblemLine]
) -> StoredPlan:
    counts = ledger.counts(run)
    released = sum(counts.get(state, 0) for state in ledger.PENDING)
    waiting = counts.get(OperationState.HELD.value, 0)
    summary = ledger.summary(run)
    run = _begin(run, released, summary)
    reasons = tuple(f"{drafting.applications[s].name}: {why}" for s, why in held.items())
    if summary:
        record(
            Action.PLAN_HELD if waiting else Action.PLAN_STORED,
            subject_kind="run",
            subject_key=str(run.pk),
            subject_label=f"Plan {run.pk}",
            reason=" ".join(reasons),
            after=summary,
            run=run.pk,
        )
    slugs = ledger.queue(run)
    return StoredPlan(run, released, waiting, reasons, slugs, tuple(problems))


def _begin(run: Run, released: int, summary: dict[str, int]) -> Run:
    if released:
        Run.objects.filter(pk=run.pk).update(total=released, counters=summary)
        run.refresh_from_db()
        return run
    message = "Nothing to do." if not summary else "Everything is held."
    state = RunState.HELD if summary else RunState.DONE
    return runs.finish(run, state, message=message, total=0)


def _judge(drafting: Drafting, takes: Counter[str], at: datetime) -> dict[str, str]:
    """Application -> why its removals are held. Counts what was taken within the window too."""
    held: dict[str, str] = {}
    for slug, new in takes.items():
        row = drafting.applications[slug]
        recent = Operation.objects.filter(
            application=row,
            takes_access=True,
            decided_by="",
            created_at__gt=at - WINDOW,
            state__in=[OperationState.DONE.value, OperationState.STARTED.value],
        ).count()
        open_accounts = (
            Account.objects.filter(application=row, situation=Situation.LINKED.value)
            .exclude(active=False)
            .count()
        )
        verdict = judge(
            what=f"removals in {row.name}",
            new=new,
            recent=recent,
            population=open_accounts + recent,
            limit=limit_from(row.removal_limit),
        )
        if verdict.held:
            held[slug] = verdict.reason
    return held


def _row(
    draft: Draft,
    step: Step,
    run: Run,
    live: Mapping[str, Application],
    at: datetime,
    decided: bool,
) -> ledger.Wanted:
    return ledger.Wanted(
        application_id=live[step.application].pk,
        person_id=draft.person.pk,
        account_id=int(step.account) if step.account else None,
        run_id=run.pk,
        kind=step.kind.value,
        urgency=step.urgency,
        reason=step.reason,
        attributes={
            name: {"from": change.before, "to": change.after}
            for name, change in step.attributes.items()
        },
        grant=list(step.grant),
        revoke=list(step.revoke),
        active=step.active,
        after=sorted(live[slug].pk for slug in step.after if slug in live),
        generation=draft.person.generation,
        takes_access=takes_access(step, draft.observed),
        state=(OperationState.HELD if step.hold and not decided else OperationState.PLANNED).value,
        hold_reason="" if decided else step.hold,
        decided_by=actor() if decided else "",
        created_at=at,
    )


def _line(drafting: Drafting, person: Person, step: Step, account: str | None) -> PlanLine:
    application = drafting.applications[step.application]
    report = application.mode == ApplicationMode.REPORT.value
    return PlanLine(
        application=step.application,
        application_name=application.name,
        person=person.employee_number or str(person.uid),
        person_name=person.display_name,
        person_email=person.email,
        account=account,
        kind=step.kind,
        reason=step.reason,
        state=OperationState.HELD if report else OperationState.PLANNED,
        attributes=step.attributes,
        grant=step.grant,
        revoke=step.revoke,
        hold_reason="This application is in report mode: nothing is written." if report else "",
        person_id=person.pk,
    )


def _wait(line: PlanLine, reason: str) -> PlanLine:
    if not reason or line.state is not OperationState.PLANNED:
        return line
    return replace(line, state=OperationState.HELD, hold_reason=reason)


def _waits_for_a_person(drafting: Drafting, line: PlanLine) -> bool:
    live = drafting.applications[line.application].mode == ApplicationMode.LIVE.value
    return live and line.state is OperationState.HELD


def _hold(line: PlanLine, held: dict[str, str]) -> PlanLine:
    if line.application not in held or not line.takes_access:
        return line
    return replace(line, state=OperationState.HELD, hold_reason=held[line.application])


def _still_stands(line: PlanLine, planned_anew: set[tuple[int | None, str]]) -> bool:
    """Whether a stored line is part of the plan: its pair was not planned anew just now."""
    return (line.person_id, line.application) not in planned_anew


def _problem(person: Person, problem: Problem) -> ProblemLine:
    return ProblemLine(
        application=problem.application,
        person=person.employee_number or str(person.uid),
        person_name=person.display_name,
        message=problem.message,
        notice=problem.notice,
    )


def _user_names(accounts: Iterable[Observed]) -> dict[str, str]:
    return {
        a.application: str(a.attributes.get("userName") or a.remote_id)
        for a in accounts
        if a.situation is Situation.LINKED
    }


def change_from(value: dict[str, object]) -> Change:
    """A stored change as the core's."""
    return Change(value.get("from"), value.get("to"))  # type: ignore[arg-type]
