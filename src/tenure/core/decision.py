"""One person decided: rules, mappings, state and accounts together, to operations and problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tenure.core.access import RuleBook
from tenure.core.mapping import AccountMapping, MappingProblem
from tenure.core.model import (
    ApplicationPolicy,
    Desired,
    Observed,
    Operation,
    PersonFacts,
    Problem,
)
from tenure.core.planner import entitled, plan_person


@dataclass(frozen=True, slots=True)
class Policies:
    """Everything that a decision needs besides the person: compiled once for many people."""

    rules: RuleBook
    mappings: Mapping[str, AccountMapping]
    applications: Mapping[str, ApplicationPolicy]


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do for a person now, what could not be decided, and when to look again."""

    operations: tuple[Operation, ...]
    problems: tuple[Problem, ...] = ()
    next_look: datetime | None = None


def decide(
    person: PersonFacts, observed: Sequence[Observed], policies: Policies, now: datetime
) -> Decision:
    """Where a mapping fails the application is left as it is for this person: a mistake in an
    expression must neither make nor remove an account."""
    due: dict[str, Desired] = {}
    problems: list[Problem] = []
    for slug, access in policies.rules.due(person.attributes).items():
        policy = policies.applications.get(slug)
        mapping = policies.mappings.get(slug)
        if policy is None or mapping is None:
            continue
        if not entitled(person, policy, now):
            due[slug] = Desired(slug, {}, because=access.because)
            continue
        try:
            due[slug] = mapping.desired(person.attributes, access, active=True)
        except MappingProblem as error:
            problems.append(Problem(slug, person.key, str(error), error.attribute))
    undecided = {problem.application for problem in problems}
    plan = plan_person(
        person,
        due,
        [account for account in observed if account.application not in undecided],
        policies.applications,
        now,
    )
    return Decision(plan.operations, tuple(problems), plan.next_look)
