"""What planning some people came to, before it is stored: made by whoever decides, in this process
or in one beside it, and written by whoever stores the plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tenure.core.access import Memory
from tenure.core.drift import Baseline
from tenure.core.model import ApplicationMode, Observed, OperationKind, OperationState, Problem
from tenure.core.model import Operation as Step
from tenure.people import services as people
from tenure.people.models import Person
from tenure.provisioning.planning import ledger, replacing
from tenure.provisioning.planning.drafting import Draft, Drafting
from tenure.provisioning.records import memory, remarks
from tenure.provisioning.records.accounts import agree
from tenure.provisioning.records.plan import ProblemLine
from tenure.runs.models import Run


@dataclass(frozen=True, slots=True)
class Terms:
    """What goes for all operations of a plan. `decided_by`: the person who asked for exactly
    this, so that nothing of it is held; None where nobody did."""

    run: int
    at: datetime
    decided_by: str | None
    reason: str


@dataclass(slots=True)
class Sheet:
    """`generations`: the people, each as they were when they were looked at; `standing`: what was
    stored for them then. `wanted` are the operations of those for whom others may be stored
    already, `fresh` of those who have none."""

    generations: dict[int, int] = field(default_factory=dict)
    standing: ledger.Standing = field(default_factory=dict)
    looks: dict[int, datetime | None] = field(default_factory=dict)
    problems: list[ProblemLine] = field(default_factory=list)
    #: (person, application) of which it is not known what is due.
    undecided: set[tuple[int, int]] = field(default_factory=set)
    remembered: dict[int, Memory] = field(default_factory=dict)
    memories: dict[int, Memory] = field(default_factory=dict)
    agreed: list[Mapping[str, Baseline]] = field(default_factory=list)
    wanted: list[ledger.Wanted] = field(default_factory=list)
    fresh: ledger.Fresh = field(default_factory=ledger.Fresh)


def sheet(drafting: Drafting, keys: Sequence[int], terms: Terms) -> Sheet:
    """What these people come to, in applications that are live."""
    live = {
        slug: row.pk
        for slug, row in drafting.applications.items()
        if row.mode == ApplicationMode.LIVE.value
    }
    found = Sheet(standing=ledger.standing(keys))
    for draft in drafting.drafts(keys):
        key, decision = draft.person.pk, draft.decision
        found.generations[key] = draft.person.generation
        found.looks[key] = decision.next_look
        found.problems += [problem_line(draft.person, p) for p in decision.problems]
        found.undecided |= {
            (key, drafting.applications[problem.application].pk)
            for problem in decision.problems
            if problem.application in drafting.applications
        }
        if draft.remembered or decision.memory:
            found.remembered[key], found.memories[key] = draft.remembered, decision.memory
        if decision.agreed:
            found.agreed.append(decision.agreed)
        found.wanted += _wanted(drafting, draft, live, terms)
    return found


def store(
    found: Sheet, drafting: Drafting, run: Run, *, decided: bool, moved: Counter[int]
) -> None:
    """Write it, in the caller's transaction. People for whom work is under way are left for
    later, and so are those who got operations since they were looked at. `moved` counts what was
    to be sent in earlier runs and is part of this one now."""
    # Two that plan the same people at once store one after the other.
    people.lock(found.generations)
    memory.keep(found.remembered, found.memories)
    for agreed in found.agreed:
        agree(agreed)
    only = drafting.scope.application
    applications = {slug: row.pk for slug, row in drafting.applications.items()}
    remarks.keep(found.generations.keys(), found.problems, applications, only)
    settled = ledger.insert_fresh(found.fresh)
    settled += replacing.replace(
        people=[key for key in found.generations if key not in found.fresh.people],
        wanted=found.wanted,
        run=run,
        # What another application waits for is left alone.
        applications=None if only is None else [drafting.applications[only].pk],
        undecided=found.undecided,
        decided=decided,
        standing=found.standing,
        earlier=moved,
    )
    if only is None:
        people.planned({key: found.generations[key] for key in settled}, found.looks)


def takes_access(step: Step, accounts: Sequence[Observed]) -> bool:
    """Whether the step closes or deletes an account that is open now."""
    if step.kind is OperationKind.DISABLE:
        return True
    if step.kind is not OperationKind.DELETE:
        return False
    return any(a.account == step.account and a.may_be_open for a in accounts)


def problem_line(person: Person, problem: Problem) -> ProblemLine:
    """A problem as a plan shows it."""
    return ProblemLine(
        application=problem.application,
        person=person.employee_number or str(person.uid),
        person_name=person.display_name,
        message=problem.message,
        notice=problem.notice,
        person_id=person.pk,
    )


def _wanted(
    drafting: Drafting, draft: Draft, live: Mapping[str, int], terms: Terms
) -> Iterator[ledger.Wanted]:
    for step in draft.decision.operations:
        if step.application not in live:
            continue
        hold = step.hold if terms.decided_by is None else ""
        application = drafting.applications[step.application]
        attributes, sealed = drafting.sealing.changes(
            application, str(draft.person.uid), step.attributes
        )
        yield ledger.Wanted(
            application_id=live[step.application],
            person_id=draft.person.pk,
            account_id=int(step.account) if step.account else None,
            run_id=terms.run,
            kind=step.kind.value,
            urgency=step.urgency,
            reason=step.reason,
            attributes=attributes,
            sealed=sealed,
            grant=list(step.grant),
            revoke=list(step.revoke),
            active=step.active,
            after=sorted(live[slug] for slug in step.after if slug in live),
            generation=draft.person.generation,
            takes_access=takes_access(step, draft.observed),
            state=(OperationState.HELD if hold else OperationState.PLANNED).value,
            hold_reason=hold,
            held_at=terms.at if hold else None,
            decided_by=terms.decided_by or "",
            decided_reason="" if terms.decided_by is None else terms.reason,
            created_at=terms.at,
        )
