"""Whom conditions of rules hold for, however many people there are.

A condition reads a few attributes, and many people have the same values in them: the database
groups people by those values, and the condition is asked once for each group. So the answer is the
engine's own, and a hundred thousand people cost about as much as their departments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import orjson
from django.db import connection
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from tenure.core.expression_sets import ConditionSet
from tenure.core.expressions import (
    AttributeType,
    Condition,
    ExpressionError,
    Schema,
    compile_condition,
)
from tenure.core.groups import ATTRIBUTE as GROUPS
from tenure.core.groups import GroupBook
from tenure.core.model import LifecycleState
from tenure.people.models import Person
from tenure.people.services import schema as people_schema
from tenure.provisioning.records.loading import group_book
from tenure.rules.models import AccessRule

#: Who is in one of these has no access, whatever they meet.
GONE = (LifecycleState.LEAVING.value, LifecycleState.LEFT.value)
_NUMBER = "employee_number"


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """What the rules that are in force come to. `people`: rule slug -> how many meet it.
    `shared`: pairs of rules that give the same application -> how many meet both."""

    people: Mapping[str, int]
    shared: Mapping[tuple[str, str], int] = field(default_factory=dict)
    everybody: int = 0

    def overlaps(self, slug: str) -> list[tuple[str, int]]:
        """The other rules with which this one shares people and an application, most first."""
        found = [
            (b if a == slug else a, n) for (a, b), n in self.shared.items() if slug in (a, b) and n
        ]
        return sorted(found, key=lambda item: (-item[1], item[0]))


def rule_schema() -> Schema:
    """What conditions of rules may read: the attributes of people, and their groups."""
    return {**people_schema(), GROUPS: AttributeType.STRINGS}


def who_meets(condition: Condition) -> list[int]:
    """The ids of everybody who is here, or about to be, and meets the condition."""
    found: list[int] = []
    for attributes, ids in _alike([condition]):
        if condition.holds(attributes):
            found += ids
    return found


def who_meet(conditions: Mapping[str, Condition]) -> dict[str, list[int]]:
    """The same for several: those that read the same attributes are asked in one go."""
    reading: dict[frozenset[str], dict[str, Condition]] = {}
    for name, condition in conditions.items():
        reading.setdefault(frozenset(condition.attributes), {})[name] = condition
    found: dict[str, list[int]] = {name: [] for name in conditions}
    for alike in reading.values():
        for attributes, ids in _alike(list(alike.values())):
            for name, condition in alike.items():
                if condition.holds(attributes):
                    found[name] += ids
    return found


def reads(source: str) -> frozenset[str]:
    """The attributes that a condition reads. Raises `ExpressionError`."""
    return compile_condition(source, rule_schema()).attributes


def meets(source: str) -> list[int]:
    """The same by the text of a condition. Raises `ExpressionError`."""
    return who_meets(compile_condition(source, rule_schema()))


def first_of(ids: Sequence[int], *, limit: int = 20) -> list[Person]:
    """The first of these people by name."""
    return list(among(ids).order_by("display_name", "id")[:limit])


def among(ids: Sequence[int]) -> QuerySet[Person]:
    """These people, however many: their ids travel as one value, of which the database knows how
    long it is. So it goes through few by their ids, and through many by the order that is asked."""
    chosen = RawSQL("people_person.id = ANY(%s::bigint[])", [list(ids)], BooleanField())
    return Person.objects.filter(chosen)


def figures(rules: Iterable[AccessRule]) -> RuleFigures:
    """How many people meet each of these rules, and how many meet two that give the same. A rule
    that does not compile is nobody's."""
    schema = rule_schema()
    compiled: dict[str, Condition] = {}
    gives: dict[str, set[str]] = {}
    for rule in rules:
        try:
            compiled[rule.slug] = compile_condition(rule.condition, schema)
        except ExpressionError:
            continue
        gives[rule.slug] = set(rule.gives)
    together = ConditionSet(compiled)
    people: Counter[str] = Counter(dict.fromkeys(compiled, 0))
    shared: Counter[tuple[str, str]] = Counter()
    everybody = 0
    for attributes, ids in _alike(list(compiled.values())):
        everybody += len(ids)
        holding = sorted(together.holding(attributes))
        for slug in holding:
            people[slug] += len(ids)
        for pair in combinations(holding, 2):
            if gives[pair[0]] & gives[pair[1]]:
                shared[pair] += len(ids)
    return RuleFigures(dict(people), dict(shared), everybody)


def _alike(conditions: Sequence[Condition]) -> Iterator[tuple[Mapping[str, Any], list[int]]]:
    """Everybody who is here, by what these conditions read of them: the attributes, and ids."""
    names: set[str] = set().union(*(condition.attributes for condition in conditions))
    groups = GroupBook()
    if GROUPS in names:
        names.discard(GROUPS)
        groups = group_book(people_schema())
        names |= {_NUMBER}
        for group in groups.groups:
            names |= group.condition.attributes if group.condition else set()
    for values, ids in _grouped(sorted(names)):
        attributes = {name: value for name, value in values.items() if value is not None}
        yield groups.extend(attributes), ids


def _grouped(names: Sequence[str]) -> Iterator[tuple[dict[str, Any], list[int]]]:
    columns = "".join(", attributes -> %s" for _ in names)
    by = ", ".join(str(place) for place in range(2, len(names) + 2))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT array_agg(id){columns} FROM people_person WHERE state <> ALL(%s)"
            + (f" GROUP BY {by}" if names else ""),
            [*names, list(GONE)],
        )
        for ids, *values in cursor.fetchall():
            yield dict(zip(names, map(_read, values), strict=True)), ids or []


def _read(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value
