"""What an edit of the configuration would change: for whom, in which applications, and the
operations that come of it for the first of them. Nothing is kept: the edit is made in a transaction
that is rolled back, what people have by the one configuration and by the other is compared, and a
plan is made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final, TypeAlias

from django.db import transaction

from tenure.core.access import Access, AccessException, with_exceptions
from tenure.core.decision import Policies
from tenure.core.mapping import MappingProblem
from tenure.core.model import Attributes, Value
from tenure.infra.clock import now as clock_now
from tenure.people.models import Person
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import CHUNK, Scope, batched
from tenure.provisioning.questions.matching import GONE
from tenure.provisioning.questions.whatif import Effect, effect
from tenure.provisioning.records.loading import exceptions, policies
from tenure.provisioning.records.plan import ProblemLine

#: Makes the edit, in the caller's transaction.
Edit: TypeAlias = Callable[[], object]

#: For so many people the operations are worked out one by one.
SHOWN: Final = 200


@dataclass(slots=True)
class Shift:
    """One application: how many people come to have it, lose it, or keep it with something else in
    it. `granted` and `revoked`: entitlement -> people; `written`: attribute of their account ->
    people for whom it is another."""

    gains: int = 0
    loses: int = 0
    changes: int = 0
    granted: dict[str, int] = field(default_factory=dict)
    revoked: dict[str, int] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EditEffect:
    """`met` and `meets`: how many people the edited thing speaks of now, and would. `people` are
    touched in `accounts` accounts. `plan`: the operations for the first `looked_at` of the people.
    `unplanned`: accounts of theirs for which none follows though something else is due, with what
    to do first."""

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
    edit: Edit,
    people: Collection[int],
    *,
    met: int,
    meets: int,
    mapped: Callable[[Policies], Collection[str]] = lambda _: (),
) -> EditEffect:
    """What the edit changes for these people, who are all that it can concern. `mapped`: the
    applications whose accounts may come to be made of something else. Raises what `edit` does, and
    `ExpressionError`."""
    before = policies()
    with _made(edit):
        after = policies()
    slugs = {*mapped(before), *mapped(after)}
    shifts: dict[str, Shift] = {}
    touched: dict[int, frozenset[str]] = {}
    for pk, was, will in _both(sorted(people), before, after, slugs, clock_now()):
        if where := _count(shifts, was, will):
            touched[pk] = where
    first = tuple(islice(touched, SHOWN))
    plan = _plan(edit, frozenset(first)) if first else None
    return EditEffect(
        met=met,
        meets=meets,
        people=len(touched),
        accounts=sum(map(len, touched.values())),
        shifts=dict(sorted(shifts.items())),
        plan=plan,
        looked_at=len(first),
        first=first,
        unplanned=_unplanned(plan, touched) if plan else (),
    )


@contextmanager
def _made(edit: Edit) -> Iterator[None]:
    with transaction.atomic():
        edit()
        yield
        transaction.set_rollback(True)


@dataclass(frozen=True, slots=True)
class _Side:
    """One person by one of the two configurations. `values`: application -> what their account is
    made of there, where that is asked; of a mapping that fails for them nothing is known."""

    access: Mapping[str, Access]
    values: Mapping[str, Mapping[str, Value | None]]


def _both(
    keys: Sequence[int], before: Policies, after: Policies, mapped: set[str], at: datetime
) -> Iterator[tuple[int, _Side, _Side]]:
    """Each of these people, with what they have by the one and by the other."""
    for chunk in batched(keys, CHUNK):
        decided = exceptions(chunk, at)
        rows = Person.objects.filter(pk__in=chunk).exclude(state__in=GONE).order_by("pk")
        for pk, attributes in rows.values_list("pk", "attributes"):
            own = decided.get(pk, ())
            was = _side(before, attributes, own, mapped, at)
            yield pk, was, _side(after, attributes, own, mapped, at)


def _side(
    by: Policies,
    attributes: Attributes,
    own: Sequence[AccessException],
    mapped: set[str],
    at: datetime,
) -> _Side:
    given = by.groups.extend(attributes)
    access, _ = with_exceptions(by.rules.due(given), own, at)
    mapper = by.book.of(given)
    values: dict[str, Mapping[str, Value | None]] = {}
    for slug in mapped & access.keys() & by.mappings.keys():
        try:
            found = mapper.desired(access[slug], active=True)
        except MappingProblem:
            continue
        values[slug] = {k: v for k, v in found.attributes.items() if k not in found.on_create}
    return _Side(access, values)


def _count(shifts: dict[str, Shift], was: _Side, will: _Side) -> frozenset[str]:
    """The applications in which it makes a difference, each of them counted."""
    found = set()
    for slug in was.access.keys() | will.access.keys():
        had = was.access[slug].entitlements if slug in was.access else frozenset()
        has = will.access[slug].entitlements if slug in will.access else frozenset()
        both = slug in was.access and slug in will.access
        written = _written(was.values.get(slug), will.values.get(slug)) if both else []
        if both and had == has and not written:
            continue
        found.add(slug)
        shift = shifts.setdefault(slug, Shift())
        if both:
            shift.changes += 1
        elif slug in will.access:
            shift.gains += 1
        else:
            shift.loses += 1
        for counts, keys in (
            (shift.granted, has - had),
            (shift.revoked, had - has),
            (shift.written, written),
        ):
            for key in keys:
                counts[key] = counts.get(key, 0) + 1
    return frozenset(found)


def _written(
    was: Mapping[str, Value | None] | None, will: Mapping[str, Value | None] | None
) -> list[str]:
    """Attributes that would be another. What is not mapped any more is left as it is there."""
    if will is None:
        return []
    return [name for name, value in will.items() if was is None or was.get(name) != value]


def _unplanned(plan: Effect, touched: Mapping[int, frozenset[str]]) -> tuple[ProblemLine, ...]:
    planned = {(line.application, line.person_id) for line in plan.added}
    return tuple(
        problem
        for problem in plan.plan.problems
        if problem.person_id is not None
        and problem.application in touched.get(problem.person_id, ())
        and (problem.application, problem.person_id) not in planned
    )


def _plan(edit: Edit, people: frozenset[int]) -> Effect:
    scope = Scope(people=people, failed_too=False)
    before = plans.preview(scope)
    with _made(edit):
        found = plans.preview(scope)
    return effect(before.lines, found)
