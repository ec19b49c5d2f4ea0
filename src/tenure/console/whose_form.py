"""By what a source ties its records, as a form: what is certain, what is asked, who may be back.
What was typed, as the document has it, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.http import QueryDict

from tenure.core.acquaintance import SameAttribute
from tenure.people import selectors as people
from tenure.people.services import schema
from tenure.sources.whose import Rules

#: Rows that are offered, beyond which a document is the better place; and attributes together.
MOST_ROWS: Final = 8
TOGETHER: Final = 4


@dataclass(frozen=True, slots=True)
class SameRow:
    """An attribute of a record that is the same as one of a person."""

    place: int
    record: str
    person: str


@dataclass(frozen=True, slots=True)
class AlikeRow:
    """Attributes that are the same together: a select for each."""

    place: int
    names: tuple[tuple[int, str], ...]


def rules_in(definition: Mapping[str, Any]) -> Rules:
    """Of a source as the document has it."""
    return Rules(
        tuple(SameAttribute(**rule) for rule in definition.get("correlation") or ()),
        tuple(tuple(names) for names in definition.get("suggest") or ()),
        tuple(tuple(names) for names in definition.get("rehire") or ()),
    )


def as_written(rules: Rules) -> dict[str, Any]:
    """As the document has it."""
    return {
        "correlation": [{"record": one.record, "person": one.person} for one in rules.correlation],
        "suggest": [list(names) for names in rules.suggest],
        "rehire": [list(names) for names in rules.rehire],
    }


def from_given(given: QueryDict) -> Rules:
    """What was chosen. Rows in which nothing was chosen are none; a person's attribute that was
    not said is the record's."""
    same = []
    for place in range(MOST_ROWS):
        record = _name(given, f"same-record-{place}")
        person = _name(given, f"same-person-{place}")
        if record:
            same.append(SameAttribute(record, person or record))
    return Rules(
        tuple(dict.fromkeys(same)), tuple(_alike(given, "suggest")), tuple(_alike(given, "rehire"))
    )


def same_rows(rules: Rules) -> list[SameRow]:
    """Those that there are, and an empty one."""
    found = [SameRow(i, one.record, one.person) for i, one in enumerate(rules.certain)]
    return [*found, SameRow(len(found), "", "")][:MOST_ROWS]


def alike_rows(lists: Sequence[Sequence[str]]) -> list[AlikeRow]:
    found = [*lists, ()][:MOST_ROWS]
    return [
        AlikeRow(
            place,
            tuple(
                (i, names[i] if i < len(names) else "") for i in range(max(TOGETHER, len(names)))
            ),
        )
        for place, names in enumerate(found)
    ]


def choices(definition: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Attributes with their labels: those that the source gives, and those that people have."""
    labels, _ = people.attribute_labels()
    known = schema()

    def labelled(names: Sequence[str]) -> list[tuple[str, str]]:
        return sorted(((n, labels.get(n, n)) for n in names), key=lambda item: item[1].lower())

    return {
        "given": labelled([name for name in definition.get("mapping") or () if name in known]),
        "known": labelled(list(known)),
    }


def in_words(rules: Rules, labels: Mapping[str, str]) -> dict[str, str]:
    """In one line each, by the labels of the attributes."""

    def lists(given: Sequence[Sequence[str]]) -> str:
        return "; ".join(" and ".join(labels.get(n, n) for n in names) for names in given)

    return {
        "tied": "; ".join(
            " = ".join(dict.fromkeys(labels.get(n, n) for n in (one.record, one.person)))
            for one in rules.certain
        ),
        "asked": lists(rules.suggest),
        "back": lists(rules.rehire),
    }


def digest(rules: Rules) -> str:
    """What tells one set of rules from another: of what was tried, before it is kept."""
    return hashlib.blake2b(repr(as_written(rules)).encode(), digest_size=12).hexdigest()


def _alike(given: QueryDict, kind: str) -> list[tuple[str, ...]]:
    found = []
    for place in range(MOST_ROWS):
        names = [_name(given, f"{kind}-{place}-{i}") for i in range(2 * TOGETHER)]
        chosen = tuple(dict.fromkeys(name for name in names if name))
        if chosen:
            found.append(chosen)
    return list(dict.fromkeys(found))


def _name(given: QueryDict, field: str) -> str:
    return str(given.get(field, "")).strip()[:64]
