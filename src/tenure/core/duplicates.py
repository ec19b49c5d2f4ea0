"""Who is here twice? The rules by which sources tell whose a record is, turned on the people who
are known: two who share a value by any of them may be one.

Nobody is compared with everybody: people with the same value stand together, and only they are
paired. A value that many share (the number of the front desk) says nothing of any two of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tenure.core.acquaintance import EMPLOYEE_NUMBER, Recognition, SameAttribute
from tenure.core.correlation import Key
from tenure.core.expressions import AttributeType, Schema
from tenure.core.model import Attributes

#: What is one person's alone, whatever the sources say of it.
OWN: Final = (EMPLOYEE_NUMBER, "email", "personal_email", "user_name")
NAMES: Final = ("given_name", "family_name")
BORN: Final = "birth_date"
#: A value that more people share than this is no sign of anything.
MOST_ALIKE: Final = 8


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two people who may be one. `rank`: the place of the strongest rule, 0 the first; `why`: in
    what they are the same."""

    one: int
    other: int
    rank: int
    why: str


class Resemblance(Recognition):
    """What every person would be found by, as a record and as a person."""

    @property
    def attributes(self) -> frozenset[str]:
        return super().attributes | {rule.record for rule in self.certain}

    def person_keys(self, attributes: Attributes) -> frozenset[Key]:
        return super().person_keys(attributes) | self.record_keys(attributes)

    def said(self, labels: Mapping[str, str]) -> list[str]:
        """The rules in words, by the labels of the attributes."""
        same = [
            " = ".join(dict.fromkeys(labels.get(n, n) for n in (rule.record, rule.person)))
            for rule in self.certain
        ]
        return same + [" and ".join(labels.get(n, n) for n in names) for names in self.alike]

    def why(self, places: Iterable[int]) -> str:
        """In what they are the same. What one attribute says is not said again by a rule that
        compares it with another."""
        found = set(places)
        alone = {
            rule.record
            for place, rule in enumerate(self.certain)
            if place in found and rule.record == rule.person
        }
        said = {
            place
            for place in found
            if place >= len(self.certain)
            or self.certain[place].record == self.certain[place].person
            or alone.isdisjoint((self.certain[place].record, self.certain[place].person))
        }
        return self._why((place, "") for place in said)


def resemblance(
    certain: Iterable[SameAttribute],
    alike: Iterable[Sequence[str]],
    schema: Schema,
    *,
    names_too: bool = False,
) -> Resemblance:
    """Of the rules of all sources: what is one person's alone first, then what several may share.
    Names and a birthday belong to them where people have one; `names_too`: names alone as well."""
    same = dict.fromkeys([*(SameAttribute(name, name) for name in OWN), *certain])
    lists = dict.fromkeys(tuple(names) for names in alike)
    if BORN in schema:
        lists[*NAMES, BORN] = None
    if names_too:
        lists[NAMES] = None
    known = [rule for rule in same if rule.record in schema and rule.person in schema]
    return Resemblance(known, [n for n in lists if all(one in schema for one in n)], schema)


def pairs(
    groups: Iterable[tuple[int, Sequence[int]]], rules: Resemblance
) -> dict[tuple[int, int], Likeness]:
    """Of people who share a value, by the place of the rule: who may be whom."""
    shared: dict[tuple[int, int], set[int]] = {}
    for place, people in groups:
        ordered = sorted(set(people))
        if len(ordered) > MOST_ALIKE:
            continue
        for i, one in enumerate(ordered):
            for other in ordered[i + 1 :]:
                shared.setdefault((one, other), set()).add(place)
    return {
        (one, other): Likeness(one, other, min(places), rules.why(places))
        for (one, other), places in shared.items()
    }


def telling(rules: Resemblance, schema: Schema) -> frozenset[str]:
    """The days that tell namesakes apart: where two have different ones, names say nothing."""
    days = {name for names in rules.alike for name in names}
    return frozenset(n for n in days | {BORN} if schema.get(n) is AttributeType.DATE)


def only_names(likeness: Likeness, rules: Resemblance) -> bool:
    """Whether nothing but their names is the same."""
    place = likeness.rank - len(rules.certain)
    return place >= 0 and rules.alike[place] == NAMES


def differ(one: Mapping[str, object], other: Mapping[str, object], days: Iterable[str]) -> bool:
    """Whether both have one of these days, and not the same."""
    return any(one.get(d) and other.get(d) and one[d] != other[d] for d in days)
