"""What an edit of one rule would change: for whom, in which applications, and the operations that
come of it for the first of them. Nothing is kept: rules are compared as they are and as they would
be, and a plan is made in a transaction that is rolled back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction

from tenure.core.access import Access, Rule, RuleBook, with_exceptions
from tenure.core.expressions import compile_condition
from tenure.infra.clock import now as clock_now
from tenure.people.models import Person
from tenure.people.services import schema as people_schema
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import CHUNK, Scope, batched
from tenure.provisioning.questions.matching import GONE, rule_schema, who_meets
from tenure.provisioning.questions.whatif import Effect, effect
from tenure.provisioning.records.loading import exceptions, group_book, rule_book
from tenure.provisioning.records.plan import ProblemLine
from tenure.rules.models import AccessRule
from tenure.rules.services import RuleDefinition, remove_rule, save_rule

#: For so many people the operations are worked out one by one.
SHOWN = 200


@dataclass(slots=True)
class Shift:
    """One application: how many people come to have it, lose it, or keep it with something else in
    it. `granted` and `revoked`: entitlement -> people."""

    gains: int = 0
    loses: int = 0
    changes: int = 0
    granted: dict[str, int] = field(default_factory=dict)
    revoked: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleEffect:
    """`met` and `meets`: how many meet it now, and would. `people` are touched in `accounts`
    accounts. `plan`: the operations for the first `looked_at` of the people. `unplanned`: accounts
    of theirs for which none follows though something else is due, with what to do first."""

    met: int
    meets: int
    people: int
    accounts: int
    shifts: Mapping[str, Shift]
    plan: Effect | None
    looked_at: int
    first: tuple[int, ...] = ()
    unplanned: tuple[ProblemLine, ...] = ()


def effect_of(
    slug: str, after: RuleDefinition | None, *, position: int | None = None
) -> RuleEffect:
    """What writing the rule so (None: removing it) changes. Raises `ExpressionError`."""
    schema = rule_schema()
    row = AccessRule.objects.filter(slug=slug).first()
    old = set(_ids(row.condition, enabled=row.enabled)) if row else set()
    new = set(_ids(after.condition, enabled=after.enabled)) if after else set()
    same_gift = row is not None and after is not None and _plain(row.gives) == _plain(after.gives)
    concerned = sorted(old ^ new if same_gift else old | new)
    before = rule_book(schema)
    shifts: dict[str, Shift] = {}
    touched: dict[int, frozenset[str]] = {}
    for person, was, will in _both(concerned, before, _with(before, slug, after), clock_now()):
        if where := _count(shifts, was, will):
            touched[person] = where
    first = tuple(islice(touched, SHOWN))
    plan = _plan(slug, after, frozenset(first), position) if first else None
    return RuleEffect(
        met=len(old),
        meets=len(new),
        people=len(touched),
        accounts=sum(map(len, touched.values())),
        shifts=dict(sorted(shifts.items())),
        plan=plan,
        looked_at=len(first),
        first=first,
        unplanned=_unplanned(plan, touched) if plan else (),
    )


def _ids(condition: str, *, enabled: bool) -> list[int]:
    return who_meets(compile_condition(condition, rule_schema())) if enabled else []


def _plain(gives: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {slug: sorted(set(keys)) for slug, keys in gives.items()}


def _with(book: RuleBook, slug: str, after: RuleDefinition | None) -> RuleBook:
    rules = {name: rule for name, rule in book.rules.items() if name != slug}
    if after is not None and after.enabled:
        rules[slug] = Rule(
            slug=slug,
            name=after.name,
            condition=compile_condition(after.condition, rule_schema()),
            gives={name: frozenset(keys) for name, keys in after.gives.items()},
            grace=after.grace or timedelta(0),
        )
    return RuleBook(list(rules.values()))


def _both(
    keys: Sequence[int], before: RuleBook, after: RuleBook, at: datetime
) -> Iterator[tuple[int, Mapping[str, Access], Mapping[str, Access]]]:
    """Each of these people, with what they have by the one set of rules and by the other."""
    groups = group_book(people_schema())
    for chunk in batched(keys, CHUNK):
        decided = exceptions(chunk, at)
        rows = Person.objects.filter(pk__in=chunk).exclude(state__in=GONE).order_by("pk")
        for pk, attributes in rows.values_list("pk", "attributes"):
            given = groups.extend(attributes)
            own = decided.get(pk, ())
            yield (
                pk,
                with_exceptions(before.due(given), own, at)[0],
                with_exceptions(after.due(given), own, at)[0],
            )


def _count(
    shifts: dict[str, Shift], was: Mapping[str, Access], will: Mapping[str, Access]
) -> frozenset[str]:
    """The applications in which it makes a difference, each of them counted."""
    found = set()
    for slug in was.keys() | will.keys():
        had = was[slug].entitlements if slug in was else frozenset()
        has = will[slug].entitlements if slug in will else frozenset()
        if (slug in was) == (slug in will) and had == has:
            continue
        found.add(slug)
        shift = shifts.setdefault(slug, Shift())
        if slug not in was:
            shift.gains += 1
        elif slug not in will:
            shift.loses += 1
        else:
            shift.changes += 1
        for key in has - had:
            shift.granted[key] = shift.granted.get(key, 0) + 1
        for key in had - has:
            shift.revoked[key] = shift.revoked.get(key, 0) + 1
    return frozenset(found)


def _unplanned(plan: Effect, touched: Mapping[int, frozenset[str]]) -> tuple[ProblemLine, ...]:
    planned = {(line.application, line.person_id) for line in plan.added}
    return tuple(
        problem
        for problem in plan.plan.problems
        if problem.person_id is not None
        and problem.application in touched.get(problem.person_id, ())
        and (problem.application, problem.person_id) not in planned
    )


def _plan(
    slug: str, after: RuleDefinition | None, people: frozenset[int], position: int | None
) -> Effect:
    scope = Scope(people=people, failed_too=False)
    before = plans.preview(scope)
    with transaction.atomic():
        if after is None:
            remove_rule(slug=slug, replan=False)
        else:
            save_rule(definition=replace(after, slug=slug), position=position, replan=False)
        found = plans.preview(scope)
        transaction.set_rollback(True)
    return effect(before.lines, found)
