"""Plans: the same computation for preview and for the real run.

`preview` reads only. `store` writes operations, lets the guards judge them, raises what was
planned and queues the work, all in one transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.db import connection, transaction

from tenure.applications.models import Application
from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.core import owners
from tenure.core.guard import Counted, covers
from tenure.core.model import (
    ApplicationMode,
    Change,
    Observed,
    OperationKind,
    OperationState,
    Situation,
)
from tenure.core.model import Operation as Step
from tenure.infra.bulk import check_at_once
from tenure.infra.clock import now as clock_now
from tenure.infra.machine_clock import require_right
from tenure.people import services as people
from tenure.people.models import Person
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import guarding, ledger, orphans, planners, sheets, waiting
from tenure.provisioning.planning.costs import costs
from tenure.provisioning.planning.declined import declined
from tenure.provisioning.planning.drafting import CHUNK, Draft, Drafting, Scope, batched
from tenure.provisioning.planning.sheets import Sheet, Terms, problem_line, takes_access
from tenure.provisioning.reconciliation import first_contact
from tenure.provisioning.records import losses, remarks, settling, veiling
from tenure.provisioning.records.plan import REPORT_MODE, Key, Plan, PlanLine, ProblemLine
from tenure.provisioning.records.stopping import still_of
from tenure.runs import services as runs
from tenure.runs.models import Run, RunKind, RunState

_REPORT = ApplicationMode.REPORT.value
_EARLIEST = datetime.min.replace(tzinfo=UTC)
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


class _Found:
    """What a preview finds, person by person, beside what is `stored` and waits. `pairs` (person,
    application) are planned anew; `closed` are accounts whose access had been taken before, `over`
    rejections of what is not due any more."""

    def __init__(
        self,
        scope: Scope,
        stored: Sequence[PlanLine],
        drafting: Drafting,
        drafts: Iterable[Sequence[Draft]],
    ) -> None:
        self.stored = stored
        self.lines: list[PlanLine] = []
        self.rejected: list[PlanLine] = []
        self.problems: list[ProblemLine] = []
        self.pairs: set[tuple[int | None, str]] = set()
        self.over: set[int] = set()
        self.closed: set[str] = set()
        self._asked: set[int] = set()
        self._standing = {line.key: line for line in self.stored}
        self.drafting = drafting
        self._widened = drafting.scope.everybody and not scope.everybody
        self._failed = ledger.people_with_failures() if self._widened else set()
        self._held_back = first_contact.held_back(self.drafting.applications.values())
        busy = ledger.busy_pairs(stored)
        for chunk in drafts:
            rejected = ledger.rejected([draft.person.pk for draft in chunk])
            for draft in chunk:
                pk = draft.person.pk
                free = {slug for slug in self._looked_at(draft) if (pk, slug) not in busy}
                self._add(draft, free, rejected)
            due = {line.key for line in self.rejected}
            anew = {key: row.pk for key, row in rejected.items() if key[:2] in self.pairs}
            self.over |= {pk for key, pk in anew.items() if key not in due}
        if scope.person is None and scope.people is None:
            self.problems += remarks.standing(self._asked, scope.application)

    def _looked_at(self, draft: Draft) -> Iterable[str]:
        """All applications; of who is planned already those for which nothing is ever stored."""
        every = self.drafting.applications
        if self._widened and draft.person.pk not in self._failed and not _lags(draft.person):
            return [slug for slug, row in every.items() if row.mode == _REPORT]
        return every

    def _add(self, draft: Draft, free: set[str], rejected: Mapping[Key, Operation]) -> None:
        """What is due for one person in the applications where nothing is under way."""
        self.pairs |= {(draft.person.pk, slug) for slug in free}
        self.problems += [problem_line(draft.person, p) for p in draft.decision.problems]
        self._asked.add(draft.person.pk)
        names = _user_names(draft.observed)
        for step in draft.decision.operations:
            if step.application not in free:
                continue
            line = _line(self.drafting, draft.person, step, names.get(step.application))
            no = rejected.get(line.key)
            if no is not None and covers(ledger.content_of(no), line.content):
                self.rejected.append(replace(line, state=OperationState.REJECTED))
                continue
            takes_it = takes_access(step, draft.observed)
            if step.kind is OperationKind.DELETE and not takes_it:
                self.closed.add(f"{step.application}/{names.get(step.application)}")
            line = waiting.wait(line, step.hold or self._held_back.get(step.application, ""))
            old = self._standing.get(line.key)
            same = old is not None and old.content == line.content
            # There is another owner by now: it is not held any more once it is stored.
            freed = old is not None and owners.is_reason(old.hold_reason) and not step.hold
            as_stored = replace(old, reason=line.reason) if old and same and not freed else None
            self.lines.append(as_stored or replace(line, takes_access=takes_it))


def preview(scope: Scope, *, now: datetime | None = None, guarded: bool = True) -> Plan:
    """What would be done and why, stored operations that still wait included. Reads only.
    `guarded` False: without asking what the guards would hold."""
    drafting = Drafting(_with_reported(scope), now or clock_now())
    found = _Found(scope, ledger.waiting_lines(scope), drafting, drafting.chunks())
    plan = _plan(scope, found, guarded=guarded)
    here = scope.among(drafting.applications).values()
    return replace(plan, declined=declined(scope, here, found.over, plan.rejected))


def preview_of(drafting: Drafting, draft: Draft, *, application: str | None = None) -> Plan:
    """The same for one person who is drafted already, in one application or all; without asking
    what the guards would hold."""
    return _plan(*_found_of(drafting, draft, application), guarded=False)


def lines_of(drafting: Drafting, draft: Draft, *, application: str | None = None) -> list[PlanLine]:
    """Of that the lines alone."""
    return _lines(*_found_of(drafting, draft, application))


def _found_of(drafting: Drafting, draft: Draft, application: str | None) -> tuple[Scope, _Found]:
    scope = replace(drafting.scope, application=application)
    known = {row.pk: row for row in drafting.applications.values()}
    stored = ledger.waiting_lines(scope, known)
    return scope, _Found(scope, stored, drafting, [[draft.within(application)]])


def _lines(scope: Scope, found: _Found) -> list[PlanLine]:
    """What is found and what stays of what is stored; in a plan for everybody what is nobody's."""
    drafting, lines, off = found.drafting, found.lines, set[int]()
    if scope.person is None:
        here = scope.among(drafting.applications)
        due, refused, off = orphans.lines(here, drafting.policies.applications)
        lines = [*lines, *due]
        found.rejected += refused
    stay = (
        line
        for line in found.stored
        if (line.person_id, line.application) not in found.pairs and line.operation_id not in off
    )
    return sorted([*lines, *stay], key=_place)


def _plan(scope: Scope, found: _Found, *, guarded: bool) -> Plan:
    drafting, stored, lines = found.drafting, found.stored, _lines(scope, found)
    here = scope.among(drafting.applications)
    concerned = {line.application for line in lines}
    undecided = waiting.undecided(lines)
    held = guarding.of_preview(undecided, drafting.applications, drafting.now) if guarded else {}
    lines = waiting.held_back(lines, held)
    return Plan(
        lines=tuple(lines),
        problems=tuple(found.problems),
        held_reasons=waiting.reasons(drafting.applications, [*stored, *lines]),
        cost=costs(drafting.policies.applications, drafting.slugs, lines, found.closed),
        # Of applications as a whole: nothing that a plan for one person has to do with.
        first_contact=first_contact.summaries(list(here.values()), lines)
        if scope.person is None
        else (),
        rejected=tuple(found.rejected),
        seen=waiting.seen(stored),
        still=still_of(row for slug, row in drafting.applications.items() if slug in concerned),
        unread=first_contact.unread(here.values()),
    )


def store(
    scope: Scope,
    *,
    now: datetime | None = None,
    reason: str = "",
    decided: bool = False,
    take_over: bool = False,
    by_itself: bool = False,
    moves: list[tuple[Counter[int], Run]] | None = None,
) -> StoredPlan:
    """Store the plan. `decided`: a person asked for exactly this, the guards do not hold it.
    `take_over`: what earlier runs left undone in this scope goes on as part of this one.
    `by_itself`: nobody asked for it, so no run is kept of which nothing comes. `moves` gets what
    earlier runs gave to this one, for a caller who stores more and tells them at the end
    (`settling.went_on`).

    Applications in report mode are looked at, never written to: nothing is stored for them. Raises
    `ClockWrong` where no instant is given, and the machine's clock is wrong.
    """
    if now is None:
        require_right()
    at = now or clock_now()
    # Processes beside this one see only what is committed: the company's row, the key of digests.
    alone = connection.in_atomic_block
    people.company()
    veiling.prepare()
    with transaction.atomic():
        drafting = Drafting(scope, at)
        run = runs.start(RunKind.EXECUTE, scope.application or "", reason=reason)
        if not alone:
            check_at_once()
        terms = Terms(run.pk, at, actor()[:200] if decided else None, run.reason)
        problems: list[ProblemLine] = []
        moved: Counter[int] = Counter()
        for found in _sheets(drafting, terms, alone=alone):
            problems += found.problems
            sheets.store(found, drafting, run, decided=decided, moved=moved)
        if take_over:
            moved.update(ledger.take_over(scope, run))
        _hold_back(drafting, run)
        losses.tell(run)
        stored = _stored(run, drafting, problems)
        if moves is not None:
            moves.append((moved, run))
        else:
            # Last, as those who settle do: whoever has a run's row waits for no operation's.
            settling.went_on(moved, run)
        if by_itself and not moved and not ledger.summary(run):
            Run.objects.filter(pk=run.pk).delete()
        return stored


def _sheets(drafting: Drafting, terms: Terms, *, alone: bool) -> Iterator[Sheet]:
    """What everybody in scope comes to; many people by several processes."""
    keys = drafting.keys()
    if alone or not planners.worth_it(len(keys)):
        return (sheets.sheet(drafting, chunk, terms) for chunk in batched(keys, CHUNK))
    return planners.sheets(drafting.scope, keys, terms)


def _hold_back(drafting: Drafting, run: Run) -> None:
    """What is stored and may not go yet: nobody's accounts, first contacts, limits."""
    live = {
        slug: row
        for slug, row in drafting.applications.items()
        if row.mode == ApplicationMode.LIVE.value
    }
    at = drafting.now
    if drafting.scope.person is None:
        scope = drafting.scope
        orphans.store(
            scope.among(live),
            drafting.policies.applications,
            run,
            at,
            failed_too=scope.failed_too and scope.people is None,
            again=scope.orphans,
        )
    # Before the guards: what nobody has taken over yet is looked at as a whole.
    held_back = first_contact.held_back(live.values())
    first_contact.hold({live[slug].pk: why for slug, why in held_back.items()}, at)
    if drafting.scope.person is None:
        first_contact.pass_what_agrees(held_back)
    for (slug, what), why in guarding.of_run(run, live.values(), at).items():
        ledger.hold(guarding.KINDS[what], live[slug].pk, why, at)
        if what is Counted.REMOVALS:
            ledger.hold_handing_over(guarding.KINDS[what], live[slug].pk, why, at)


def store_lagging() -> StoredPlan | None:
    """What plans that go ahead by themselves do: only when somebody lags, and without sending
    failed operations again for ever."""
    if not Person.objects.filter(people.lagging()).exists():
        return None
    return store(Scope(failed_too=False), reason="automatic", by_itself=True)


def _stored(run: Run, drafting: Drafting, problems: Sequence[ProblemLine]) -> StoredPlan:
    counts = ledger.counts(run)
    released = sum(counts.get(state, 0) for state in ledger.PENDING)
    waiting = counts.get(OperationState.HELD.value, 0)
    summary = ledger.summary(run)
    by_hand = counts.get(OperationState.MANUAL.value, 0)
    run = _begin(run, released, summary, by_hand=by_hand)
    reasons = ledger.hold_reasons(run)
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


def _begin(run: Run, released: int, summary: dict[str, int], *, by_hand: int) -> Run:
    if released:
        # Tasks that wait already are this run's now, and done in it when somebody does them.
        Run.objects.filter(pk=run.pk).update(total=released + by_hand, counters=summary)
        run.refresh_from_db()
        return run
    message = "Nothing to do." if not summary else "Everything is held."
    state = RunState.HELD if summary else RunState.DONE
    return runs.finish(run, state, message=message, total=0)


def _with_reported(scope: Scope) -> Scope:
    """Nothing is ever stored for an application in report mode, so who lags does not say for whom
    something is due there: everybody is looked at."""
    if scope.person is not None or scope.people is not None or not in_report_mode(scope):
        return scope
    return replace(scope, everybody=True)


def _lags(person: Person) -> bool:
    return person.planned_generation < person.generation


def in_report_mode(scope: Scope) -> bool:
    """Whether an application in scope is looked at only."""
    rows = Application.objects.filter(mode=ApplicationMode.REPORT.value)
    if scope.application is not None:
        rows = rows.filter(slug=scope.application)
    return rows.exists()


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
        attributes=drafting.veil.changes(step.application, str(person.uid), step.attributes),
        grant=step.grant,
        revoke=step.revoke,
        hold_reason=REPORT_MODE if report else "",
        person_id=person.pk,
        account_id=int(step.account) if step.account else None,
        active=step.active,
    )


def _place(line: PlanLine) -> tuple[str, int, str, str, str]:
    kind = _ORDER[line.kind]
    return line.application_name, kind, line.person_name, line.person, line.account or ""


def _user_names(accounts: Iterable[Observed]) -> dict[str, str]:
    return {
        a.application: str(a.attributes.get("userName") or a.remote_id)
        for a in accounts
        if a.situation is Situation.LINKED
    }


def change_from(value: dict[str, object]) -> Change:
    """A stored change as the core's."""
    return Change(value.get("from"), value.get("to"))  # type: ignore[arg-type]
