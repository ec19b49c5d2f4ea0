"""One person decided: rules, mappings, state and accounts together, to operations and problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from tenure.core import situations, transfers
from tenure.core.access import (
    Access,
    AccessException,
    Having,
    Memory,
    RuleBook,
    with_exceptions,
)
from tenure.core.drift import Baseline
from tenure.core.groups import ATTRIBUTE, GroupBook
from tenure.core.mapping import AccountMapping, MappingBook, MappingProblem
from tenure.core.model import (
    ApplicationPolicy,
    Attributes,
    Desired,
    Observed,
    Operation,
    OperationKind,
    PersonFacts,
    Problem,
    Situation,
)
from tenure.core.planner import GONE, entitled, may_be_there, plan_person
from tenure.core.requirements import unmet


@dataclass(frozen=True, slots=True)
class Policies:
    """Everything that a decision needs besides the person: compiled once for many people."""

    rules: RuleBook
    mappings: Mapping[str, AccountMapping]
    applications: Mapping[str, ApplicationPolicy]
    groups: GroupBook = field(default_factory=GroupBook)
    #: The mappings, compiled together.
    book: MappingBook = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "book", MappingBook(self.mappings))


@dataclass(frozen=True, slots=True)
class Due:
    """What the rules, and a person's exceptions to them, give. `attributes` are those that the
    rules saw, groups included; `withheld` says why an application is not to be had at all."""

    attributes: Attributes
    access: Mapping[str, Access]
    withheld: Mapping[str, str]
    memory: Memory
    #: Rules of which it cannot be said whether they hold.
    failing: frozenset[str] = frozenset()

    def is_only_kept(self, application: str) -> bool:
        """Whether nothing gives it for certain: it stays as it is."""
        given = self.access.get(application)
        return given is not None and all(b.rule in self.failing for b in given.because)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do for a person now, what could not be decided, when to look again, and what to
    remember of them until then. `agreed`: account -> what its baseline becomes without anything
    being sent (see `core.drift`)."""

    operations: tuple[Operation, ...]
    problems: tuple[Problem, ...] = ()
    next_look: datetime | None = None
    memory: Memory = field(default_factory=dict)
    agreed: Mapping[str, Baseline] = field(default_factory=dict)


def weigh(
    person: PersonFacts,
    policies: Policies,
    now: datetime,
    *,
    exceptions: Sequence[AccessException] = (),
    memory: Memory | None = None,
    held: Mapping[str, AbstractSet[str]] | None = None,
) -> Due:
    """What one person should have, whatever their state. `memory` is that of the last decision;
    `held`: application -> the entitlements of the account that they have there, None: that is not
    known."""
    groups: set[str] = set()
    failing: set[str] = set()
    attributes = policies.groups.extend(person.attributes, groups)
    rules = policies.rules
    kept = rules.remember(attributes, memory or {}, now) if rules.has_grace else {}
    if person.state in GONE:
        # Who comes back begins anew: a grace is for who moves.
        kept = {slug: lost for slug, lost in kept.items() if lost is not None}
    having = None if held is None else having_of(held, policies)
    access = rules.due(attributes, kept, person.local(now), failing=failing, having=having)
    if groups:
        failing |= rules.reading(ATTRIBUTE)
    if failing:
        failing -= {because.rule for one in access.values() for because in one.because}
        access = rules.keeping(access, failing, held or {})
    due, withheld = with_exceptions(access, exceptions, now)
    return Due(attributes, due, withheld, kept, frozenset(failing))


def having_of(held: Mapping[str, AbstractSet[str]], policies: Policies) -> Having:
    """What somebody has of what a rule gave. Where no accounts are made nobody knows: all of it."""

    def having(application: str, keys: frozenset[str]) -> frozenset[str] | None:
        if application not in policies.mappings:
            return keys
        return keys & held[application] if application in held else None

    return having


def held(observed: Sequence[Observed]) -> dict[str, AbstractSet[str]]:
    """Application -> the entitlements of the account that somebody has there."""
    return {a.application: a.may_hold for a in observed if a.situation is Situation.LINKED}


def decide(
    person: PersonFacts,
    observed: Sequence[Observed],
    policies: Policies,
    now: datetime,
    *,
    exceptions: Sequence[AccessException] = (),
    memory: Memory | None = None,
) -> Decision:
    """Where a mapping fails the application is left as it is for this person, but for what they
    must no longer hold: a mistake in an expression must neither make nor remove an account, nor
    leave anybody more than is due. Where a rule cannot be decided they keep what they have by it,
    and get nothing."""
    weighed = weigh(
        person, policies, now, exceptions=exceptions, memory=memory, held=held(observed)
    )
    due, may_enter, unmapped = _due(person, policies, now, weighed)
    open_here = {slug: wanted for slug, wanted in due.items() if slug in may_enter}
    stops = situations.obstacles(person, open_here, observed, policies.applications)
    notices, agreed = situations.drifted(person, open_here, observed, policies.applications)
    plan = plan_person(
        person,
        {slug: wanted for slug, wanted in due.items() if slug not in stops.blocked},
        observed,
        policies.applications,
        now,
        withheld=weighed.withheld,
    )
    undecided = {problem.application for problem in unmapped}
    sure = [
        step
        for step in plan.operations
        if (step.application not in undecided or step.kind is OperationKind.REVOKE)
        and not (step.kind is OperationKind.ENABLE and weighed.is_only_kept(step.application))
    ]
    allowed, refusals = situations.permitted(sure, observed, stops.held)
    operations, waiting = unmet(
        person, allowed, observed, policies.applications, due=may_enter, given=due.keys()
    )
    stuck, again = transfers.waiting(person, observed, policies.applications, now)
    unclear = _unclear(person, policies, now, weighed)
    problems = [*unmapped, *unclear, *waiting, *stops.problems, *refusals, *notices, *stuck]
    looks = [
        *([again] if again else []),
        *([plan.next_look] if plan.next_look else []),
        *policies.rules.ends(weighed.memory, now),
        *(e.until for e in exceptions if e.until is not None and e.until > now),
    ]
    look = min(looks, default=None)
    return Decision(operations, tuple(problems), look, weighed.memory, agreed)


def _unclear(person: PersonFacts, policies: Policies, now: datetime, weighed: Due) -> list[Problem]:
    """Told without a value: attributes may be sensitive."""
    found = []
    for slug, rule in policies.rules.rules.items():
        if slug not in weighed.failing:
            continue
        names = ", ".join(sorted(rule.condition.attributes))
        said = (
            f"The rule {rule.name} cannot be decided for this person: its condition has no answer "
            f"for what they have as {names} (in `{rule.condition.source}`). It gives them nothing, "
            "and what they have by it stays. Correct the condition, or the attribute in the source."
        )
        for application in sorted(rule.gives):
            policy = policies.applications.get(application)
            if policy is not None and entitled(person, policy, now):
                found.append(Problem(application, person.key, said))
    return found


def _due(
    person: PersonFacts, policies: Policies, now: datetime, weighed: Due
) -> tuple[dict[str, Desired], set[str], list[Problem]]:
    """The accounts that are due, the applications that let the person in now, and the mappings that
    fail."""
    due: dict[str, Desired] = {}
    may_enter: set[str] = set()
    problems: list[Problem] = []
    mapper = policies.book.of(weighed.attributes)
    for slug, access in weighed.access.items():
        policy = policies.applications.get(slug)
        if policy is None or slug not in policies.book:
            continue
        if entitled(person, policy, now):
            may_enter.add(slug)
            if may_be_there(person, policy):
                try:
                    due[slug] = mapper.desired(access, active=True)
                    continue
                except MappingProblem as error:
                    said = error.said(policy.sensitive)
                    problems.append(Problem(slug, person.key, said, error.attribute))
        # Who is not let in needs no attributes: no mistake in a mapping may keep them inside.
        due[slug] = Desired(slug, {}, entitlements=access.entitlements, because=access.because)
    return due, may_enter, problems
