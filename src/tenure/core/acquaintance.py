"""Is the person of a new record known already, from another source?

A source names rules in their order: an attribute of its records that is the same as one of a person
(employee number, e-mail, user name). Where they find one person, and nothing speaks against it, the
record is that person's. Otherwise a human is asked: where several could be meant, where the person
has a record in this source already or has left, and where only what people share by chance is the
same (names and a birthday, however they are spelled). Nothing here depends on the order of records.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tenure.core.correlation import Key, Matcher, MatchRule, correlate
from tenure.core.expressions import Schema
from tenure.core.model import Attributes, Situation, Value
from tenure.core.names import transliterate

EMPLOYEE_NUMBER = "employee_number"
NUMBER_ALONE = "employee_number alone"

_ADDRESSES = ("email", "personal_email")
_NAMES = ("given_name", "family_name", "display_name", "preferred_name", "middle_name")
_WORD = re.compile(r"[\s,.]+")
_NO_LETTER = re.compile(r"[^a-z0-9]+")
_TWICE = re.compile(r"(.)\1+")
#: How one name is written in two ways: Müller and Mueller, Đorđe and Djordje, Mariya and Marija.
_TWO_WAYS = (("ae", "a"), ("oe", "o"), ("ue", "u"), ("dj", "d"), ("y", "i"), ("j", "i"))


@dataclass(frozen=True, slots=True)
class SameAttribute:
    """An attribute of the record is the same as one of the person, without regard to case."""

    record: str
    person: str

    def __str__(self) -> str:
        return self.record if self.record == self.person else f"{self.record} = {self.person}"


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """Who a record may be: `known` for certain, or each of `candidates` with why it could be them.
    Neither: nobody who is known."""

    known: str = ""
    by: str = ""
    candidates: Mapping[str, str] | None = None


class Recognition:
    """The rules of one source, compiled: the values by which records and people are compared.
    `certain` in their order; `alike` are the attributes that are the same in one person together,
    which suggests it and no more."""

    def __init__(
        self, certain: Sequence[SameAttribute], alike: Sequence[Sequence[str]], schema: Schema
    ) -> None:
        self.certain = tuple(certain)
        self.alike = tuple(tuple(names) for names in alike)
        self._matcher = Matcher([MatchRule(rule.record, rule.person) for rule in certain], schema)

    @property
    def attributes(self) -> frozenset[str]:
        """Those of a person that are compared."""
        names = {rule.person for rule in self.certain}
        return frozenset(names.union(*self.alike))

    def record_keys(self, attributes: Attributes) -> frozenset[Key]:
        return self._matcher.account_keys(attributes) | self._alike(attributes)

    def person_keys(self, attributes: Attributes) -> frozenset[Key]:
        return self._matcher.person_keys("", attributes) | self._alike(attributes)

    def _alike(self, attributes: Attributes) -> frozenset[Key]:
        """Rules of likeness come after all others."""
        found = set()
        for place, names in enumerate(self.alike, start=len(self.certain)):
            parts = [likeness(attributes.get(name)) for name in names]
            if all(parts):
                found.add((place, "\x1f".join(parts)))
        return frozenset(found)

    def recognise(
        self,
        records: Mapping[str, AbstractSet[Key]],
        people: Mapping[str, AbstractSet[Key]],
        *,
        taken: Collection[str] = (),
        gone: Collection[str] = (),
    ) -> dict[str, Acquaintance]:
        """Record -> who it may be. `taken` are people with a record in this source, `gone` those
        who have left: neither is tied without a word, but the latter by their employee number."""
        last = len(self.certain)
        sure = {key: _before(keys, last) for key, keys in records.items()}
        theirs = {key: _before(keys, last) for key, keys in people.items()}
        rules = self._matcher.rules
        verdicts = correlate(rules, sure, theirs.items(), taken=frozenset(taken))
        found = {}
        for key, verdict in verdicts.items():
            if verdict.situation is Situation.UNMATCHED:
                found[key] = self._suggested(records[key], people)
            elif verdict.owner is not None and self._may(verdict.rule, verdict.owner, gone):
                place = min(place for place, _ in sure[key] & theirs[verdict.owner])
                found[key] = Acquaintance(verdict.owner, str(self.certain[place]))
            else:
                found[key] = Acquaintance(
                    candidates={pk: self._why(sure[key] & theirs[pk]) for pk in verdict.candidates}
                )
        return found

    @staticmethod
    def _may(rule: MatchRule | None, owner: str, gone: Collection[str]) -> bool:
        """Addresses and names are given again when somebody has left, employee numbers are not."""
        by_number = rule is not None and rule.account == rule.person == EMPLOYEE_NUMBER
        return by_number or owner not in gone

    def _suggested(
        self, keys: AbstractSet[Key], people: Mapping[str, AbstractSet[Key]]
    ) -> Acquaintance:
        candidates = {
            pk: self._why(keys & theirs) for pk, theirs in people.items() if keys & theirs
        }
        return Acquaintance(candidates=dict(sorted(candidates.items())) if candidates else None)

    def _why(self, shared: Iterable[Key]) -> str:
        names = []
        for place in sorted({place for place, _ in shared}):
            if place < len(self.certain):
                names.append(str(self.certain[place]))
            else:
                names.append(" and ".join(self.alike[place - len(self.certain)]))
        return ", ".join(names)


def resemble(one: Attributes, other: Attributes) -> bool:
    """Whether what is known under one number may be of one human still: an address, a birthday or
    any of their names is the same, in whatever order and spelling. Nothing is said against who has
    no name."""
    for name in (*_ADDRESSES, "birth_date"):
        if (found := likeness(one.get(name))) and found == likeness(other.get(name)):
            return True
    mine, theirs = _names(one), _names(other)
    return not (mine and theirs) or not mine.isdisjoint(theirs)


def _names(attributes: Attributes) -> frozenset[str]:
    """Each of their names by itself."""
    words = (word for name in _NAMES for word in _WORD.split(str(attributes.get(name) or "")))
    return frozenset(found for word in words if len(found := likeness(word)) > 1)


def doubted(verdict: Acquaintance, record: Attributes, person: Attributes) -> Acquaintance:
    """Two who count from one both have a 10: where a record has nothing but the number in common
    with who has it, somebody has to say whose it is."""
    if verdict.by == EMPLOYEE_NUMBER and not resemble(record, person):
        return Acquaintance(candidates={verdict.known: NUMBER_ALONE})
    return verdict


def alike(one: Attributes, other: Attributes) -> bool:
    """Whether two records that have a number in common are of one human, as far as their names and
    addresses tell."""
    for name in _ADDRESSES:
        if one.get(name) and str(one[name]).casefold() == str(other.get(name, "")).casefold():
            return True
    return not _called(one).isdisjoint(_called(other))


def _called(attributes: Attributes) -> frozenset[str]:
    parts = [str(attributes.get(name) or "") for name in ("given_name", "family_name")]
    names = ["".join(parts) if all(parts) else "", str(attributes.get("display_name") or "")]
    return frozenset(found for name in names if (found := likeness(name)))


def likeness(value: Value | None) -> str:
    """What a value and others that are written differently have in common: Latin letters without
    case, accents, spaces and signs. `Szűcs-Nagy` is `szucsnagi`; `Мария`, `Mariya` and `Maria`,
    `Müller` and `Mueller` are the same. "" where nothing is left."""
    if value is None or isinstance(value, bool):
        return ""
    if not isinstance(value, str):
        return str(value) if isinstance(value, int | float) else ""
    plain = unicodedata.normalize("NFKC", value).casefold()
    text = _NO_LETTER.sub("", transliterate(plain).casefold())
    for long, short in _TWO_WAYS:
        text = text.replace(long, short)
    # A number stays what it is: 1990-11-12 is not 1990-1-2.
    return text if text.isdigit() else _TWICE.sub(r"\1", text)


def _before(keys: AbstractSet[Key], place: int) -> frozenset[Key]:
    return frozenset(key for key in keys if key[0] < place)
