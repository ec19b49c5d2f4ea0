"""The mapping of a source as a form: each column with the attribute that it is, attributes that
more than a column is needed for, dates and statuses. What was typed, as the document has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import QueryDict

from tenure.people import selectors as people
from tenure.people.services import schema
from tenure.setup import guessing
from tenure.setup.looking import Column, Looked
from tenure.sources.rows import KEY

#: What may be mapped besides columns as they are.
MOST_EXPRESSIONS: Final = 20
MEANINGS: Final = (("active", "Works here"), ("on_leave", "On leave"), ("left", "Has left"))


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """A column of the source in the form."""

    place: int
    column: Column
    attribute: str
    label: str
    guessed: bool


@dataclass(frozen=True, slots=True)
class Line:
    """An attribute that an expression gives."""

    place: int
    attribute: str
    expression: str


def guess(looked: Looked) -> dict[str, Any]:
    """A definition's mapping, dates and statuses as they seem to be."""
    mapped = guessing.columns_to_attributes(
        [column.name for column in looked.columns], [row.values for row in looked.rows], known()
    )
    return {"mapping": guessing.expressions(mapped), **_read(looked, guessing.expressions(mapped))}


def known() -> list[str]:
    """The attributes that a source can give."""
    return list(schema())


def attributes() -> list[tuple[str, str]]:
    """Those with their labels, by label."""
    labels, _ = people.attribute_labels()
    return sorted(((n, labels.get(n, n)) for n in known()), key=lambda item: item[1].lower())


def rows(looked: Looked, mapping: Mapping[str, str], guessed: bool) -> list[ColumnRow]:
    """Every column, with the attribute that it is."""
    labels, _ = people.attribute_labels()
    by_column: dict[str, str] = {}
    for attribute, expression in mapping.items():
        column = guessing.column_of(expression)
        if column is not None:
            by_column.setdefault(column, attribute)
    return [
        ColumnRow(
            place,
            column,
            by_column.get(column.name, ""),
            labels.get(by_column.get(column.name, ""), ""),
            guessed and column.name in by_column,
        )
        for place, column in enumerate(looked.columns)
    ]


def lines(looked: Looked, mapping: Mapping[str, str]) -> list[Line]:
    """Attributes that are no column as it is, or share one with another attribute."""
    shown = {row.attribute for row in rows(looked, mapping, guessed=False)}
    rest = [(name, text) for name, text in mapping.items() if name not in shown]
    return [Line(place, name, text) for place, (name, text) in enumerate(rest)]


def from_given(given: QueryDict, looked: Looked) -> dict[str, Any]:
    """Mapping, dates, statuses and what absence means, as they were typed."""
    mapping: dict[str, str] = {}
    for place, column in enumerate(looked.columns):
        attribute = str(given.get(f"column-{place}", ""))
        if attribute in known():
            mapping[attribute] = guessing.cell(column.name)
    for place in range(MOST_EXPRESSIONS):
        attribute = str(given.get(f"attribute-{place}", ""))
        expression = str(given.get(f"expression-{place}", "")).strip()[:4000]
        if attribute in known() and expression:
            mapping[attribute] = expression
    found = _read(looked, mapping)
    if "dates" in given:
        lines = [line.strip() for line in str(given["dates"]).splitlines()]
        found["dates"] = [guessing.form_of(line) for line in lines if line]
    known_statuses = found["statuses"]
    for place, value in enumerate(status_values(looked, mapping)):
        meaning = str(given.get(f"status-{place}", ""))
        if meaning in dict(MEANINGS):
            known_statuses[value] = meaning
        elif f"status-{place}" in given:
            known_statuses.pop(value, None)
    return {
        "mapping": mapping,
        "dates": found["dates"],
        "statuses": known_statuses if "status" in mapping else {},
        "absence": "leave" if given.get("absence") == "leave" else "ignore",
    }


def status_values(looked: Looked, mapping: Mapping[str, str]) -> list[str]:
    """What stands in the column of the status."""
    column = guessing.column_of(mapping.get("status", ""))
    return list(guessing.statuses(looked.values(column))) if column else []


def lost_zeros(looked: Looked, mapping: Mapping[str, str]) -> tuple[str, str] | None:
    """An employee number that seems to have lost its zeros, and what it would be with them."""
    column = guessing.column_of(mapping.get(KEY, ""))
    return guessing.lost_zeros(looked.values(column)) if column else None


def with_zeros(looked: Looked, mapping: Mapping[str, str]) -> dict[str, str]:
    """The same mapping, by which such employee numbers get them back."""
    found, column = lost_zeros(looked, mapping), guessing.column_of(mapping.get(KEY, ""))
    if found is None or column is None:
        return dict(mapping)
    return {**mapping, KEY: guessing.padded(column, len(found[1]))}


def unsure_dates(looked: Looked, mapping: Mapping[str, str], dates: list[str]) -> bool:
    """Whether day and month could be the other way round in everything that was read."""
    return guessing.ambiguous(_dates(looked, mapping), dates)


def _dates(looked: Looked, mapping: Mapping[str, str]) -> list[str]:
    kinds = schema()
    found: list[str] = []
    for name, expression in mapping.items():
        column = guessing.column_of(expression)
        if column and kinds.get(name) and kinds[name].value == "date":
            found += looked.values(column)
    return found


def _read(looked: Looked, mapping: Mapping[str, str]) -> dict[str, Any]:
    column = guessing.column_of(mapping.get("status", ""))
    meanings = guessing.statuses(looked.values(column)) if column else {}
    return {
        "dates": guessing.date_forms(_dates(looked, mapping)),
        "statuses": {value: meaning for value, meaning in meanings.items() if meaning},
    }
