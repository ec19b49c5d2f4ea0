"""The form of one access rule: what was typed, as a rule of the document, or what is wrong with it.
Knows nothing of requests and of what is
stored; a form is given as names and texts."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.http import QueryDict
from pydantic import ValidationError

from tenure.configuration.document import Rule
from tenure.configuration.durations import parse_duration
from tenure.core.expressions import AttributeType, Schema
from tenure.core.names import slug
from tenure.core.plain_conditions import (
    Clause,
    Plain,
    PlainProblem,
    Relation,
    read,
    relations_of,
    takes,
    write,
)

#: Rows that a form has at most: beyond it an expression is easier to read.
MOST_ROWS = 12
#: What the console's own addresses are called.
_ADDRESSES = frozenset(
    {"new", "figures", "words", "who-meets", "who-gets", "check", "rows", "effect"}
)
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


@dataclass(frozen=True, slots=True)
class Row:
    """One clause as the form shows it."""

    place: int
    attribute: str
    relation: str
    value: str
    relations: Sequence[str]
    takes: str
    error: str = ""
    kind: str = "string"


@dataclass(slots=True)
class RuleForm:
    """What stands in the form. `errors`: field -> what is wrong with it."""

    slug: str = ""
    name: str = ""
    description: str = ""
    as_text: bool = False
    text: str = ""
    rows: list[Clause] = field(default_factory=list)
    any: bool = False
    gives: dict[str, list[str]] = field(default_factory=dict)
    enabled: bool = True
    grace: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    row_errors: dict[int, str] = field(default_factory=dict)

    def condition(self, schema: Schema) -> str:
        """As an expression; "" where a row is wrong, which is then among the errors."""
        if self.as_text:
            return self.text.strip()
        try:
            return write(Plain(tuple(self.rows), self.any), schema)
        except PlainProblem as problem:
            self.row_errors[problem.clause] = str(problem)
            self.errors["when"] = str(problem)
            return ""

    def rule(self, schema: Schema) -> Rule | None:
        """As the document has it. None where something is wrong."""
        when = self.condition(schema)
        if not self.name.strip():
            self.errors["name"] = "A rule needs a name: it is the reason that everybody reads."
        if not when and "when" not in self.errors:
            self.errors["when"] = "Say who gets it."
        if not self.gives:
            self.errors["give"] = "Choose at least one application."
        days = self._grace()
        if self.errors:
            return None
        try:
            return Rule.model_validate(
                {
                    "name": self.name.strip(),
                    "description": self.description.strip(),
                    "when": when,
                    "give": {slug: sorted(set(keys)) for slug, keys in self.gives.items()},
                    "enabled": self.enabled,
                    "grace": days,
                }
            )
        except ValidationError as error:
            for one in error.errors():
                name = str(one["loc"][0]) if one["loc"] else ""
                self.errors[name] = f"{one['msg']}."
            return None

    def shown_rows(self, schema: Schema) -> list[Row]:
        """The rows with what each may be asked; one empty row where there is none."""
        return [self._row(i, clause, schema) for i, clause in enumerate(self.rows)]

    def _row(self, place: int, clause: Clause, schema: Schema) -> Row:
        kind = schema.get(clause.attribute, AttributeType.STRING)
        allowed = relations_of(kind)
        relation = clause.relation if clause.relation in allowed else allowed[0]
        return Row(
            place,
            clause.attribute,
            relation.value,
            joined(clause.values),
            [item.value for item in allowed],
            takes(relation),
            self.row_errors.get(place, ""),
            kind.value,
        )

    def _grace(self) -> timedelta | None:
        text = self.grace.strip()
        if not text or text == "0":
            return None
        try:
            return parse_duration(f"P{text}D" if text.isdecimal() else text)
        except ValueError:
            self.errors["grace"] = "Expected a number of days, such as 14, or nothing."
            return None


def from_rule(slug: str, rule: Mapping[str, Any], schema: Schema) -> RuleForm:
    """The form of a rule as the document writes it."""
    plain = read(rule["when"], schema)
    grace = rule.get("grace")
    return RuleForm(
        slug=slug,
        name=rule["name"],
        description=rule.get("description", ""),
        as_text=plain is None,
        text=rule["when"],
        rows=list(plain.clauses) if plain else [],
        any=plain.any if plain else False,
        gives={name: list(keys) for name, keys in rule["give"].items()},
        enabled=rule.get("enabled", True),
        grace=_days(grace),
    )


def from_given(given: QueryDict, schema: Schema) -> RuleForm:
    """What was typed."""
    held: dict[str, list[str]] = {str(slug): [] for slug in given.getlist("give")}
    for text in given.getlist("hold"):
        slug, _, key = str(text).partition("|")
        if slug and key:
            held.setdefault(slug, []).append(key)
    rows = []
    for place in range(MOST_ROWS):
        name = given.get(f"attribute-{place}")
        if name is None:
            break
        rows.append(_clause(str(name), given, place, schema))
    return RuleForm(
        slug=str(given.get("slug", "")).strip(),
        name=str(given.get("name", ""))[:200],
        description=str(given.get("description", ""))[:4000],
        as_text=given.get("mode") == "text",
        text=str(given.get("when", ""))[:8000],
        rows=rows,
        any=given.get("joint") == "any",
        gives=held,
        enabled=given.get("enabled") == "yes",
        grace=str(given.get("grace", "")),
    )


def steps(form: RuleForm, do: str, schema: Schema) -> RuleForm:
    """What buttons of the form do to it: add or drop a row, or write it the other way."""
    if do == "add" and len(form.rows) < MOST_ROWS:
        return replace(form, rows=[*form.rows, _empty(schema)])
    if do.startswith("drop-") and do[5:].isdecimal():
        place = int(do[5:])
        return replace(form, rows=[row for i, row in enumerate(form.rows) if i != place])
    if do == "text" and not form.as_text:
        rows = [row for row in form.rows if row.attribute]
        try:
            text = write(Plain(tuple(rows), form.any), schema)
        except PlainProblem:
            text = form.text
        return replace(form, as_text=True, text=text, errors={}, row_errors={})
    if do == "form" and form.as_text:
        plain = read(form.text, schema)
        if plain is None:
            found = replace(form, errors={})
            found.errors["when"] = (
                "This expression says more than the form can show. Keep it as it is, or empty it "
                "to begin with a form."
            )
            return found if form.text.strip() else replace(form, as_text=False, rows=[])
        return replace(form, as_text=False, rows=list(plain.clauses), any=plain.any)
    return form


def slug_for(name: str, taken: Callable[[str], bool]) -> str:
    """A short name that nobody has."""
    base = slug(name)[:60].strip("-") or "rule"
    found, number = base, 2
    while found in _ADDRESSES or taken(found) or not _SLUG.fullmatch(found):
        found, number = f"{base}-{number}", number + 1
    return found


def joined(values: Sequence[str]) -> str:
    """Values in one field: `Sales, "Research, applied"`."""
    return ", ".join(
        '"' + v.replace('"', '""') + '"' if "," in v or v[:1] == '"' else v for v in values
    )


def parted(text: str) -> tuple[str, ...]:
    """The values of one field."""
    try:
        cells = next(csv.reader([text.replace("\n", " ")], skipinitialspace=True), [])
    except csv.Error:
        cells = [text]
    return tuple(value for cell in cells if (value := cell.strip()))


def _clause(name: str, given: QueryDict, place: int, schema: Schema) -> Clause:
    kind = schema.get(name, AttributeType.STRING)
    try:
        relation = Relation(str(given.get(f"relation-{place}", "")))
    except ValueError:
        relation = relations_of(kind)[0]
    if relation not in relations_of(kind):
        # Another attribute was chosen: what was asked of the last one makes no sense here.
        relation = relations_of(kind)[0]
    text = str(given.get(f"value-{place}", ""))[:2000]
    wanted = takes(relation)
    values: tuple[str, ...] = ()
    if wanted == "many":
        values = parted(text)
    elif wanted == "one" and text.strip():
        values = (text.strip(),)
    return Clause(name, relation, values)


def _empty(schema: Schema) -> Clause:
    name = "department" if "department" in schema else next(iter(schema))
    return Clause(name, relations_of(schema[name])[0], ())


def _days(grace: str | None) -> str:
    """In days where it is whole days, otherwise as it is written."""
    if not grace:
        return ""
    length = parse_duration(grace)
    return str(length.days) if length == timedelta(days=length.days) else grace
