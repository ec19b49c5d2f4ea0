"""The list of people as somebody wants to see it: which people, and which columns. Read from the
address and written back to it in one form, so that equal lists have equal addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet
from django.http import QueryDict
from django.utils.http import urlencode

from tenure.applications import selectors as applications
from tenure.console import look
from tenure.core.model import OperationState
from tenure.people import selectors
from tenure.people.models import Person
from tenure.provisioning.questions import selectors as provisioning
from tenure.sources import selectors as sources

#: What can be wrong with somebody: value -> what it is called.
PROBLEMS: Final = {
    "email": "No work e-mail",
    "end": "No last day",
    "failed": "Something failed",
    "held": "Something is held",
    "manual": "Something to do by hand",
}
_WAITING: Final = {
    "failed": OperationState.FAILED,
    "held": OperationState.HELD,
    "manual": OperationState.MANUAL,
}
#: Columns that are no attributes. `work` is the title with the department below it.
SPECIAL: Final = {
    "work": "Works as",
    "state": "State",
    "days": "First and last day",
    "manager": "Manager",
    "accounts": "Accounts",
}
DEFAULT: Final = ("work", "location", "state", "days", "accounts")
#: The source of those whom somebody has entered by hand.
BY_HAND: Final = "-"
MOST_COLUMNS: Final = 12


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which people, and which columns of them; "" is everybody, () the usual columns."""

    search: str = ""
    state: str = ""
    department: str = ""
    source: str = ""
    application: str = ""
    problem: str = ""
    columns: tuple[str, ...] = ()

    @property
    def query(self) -> str:
        """The part of the address behind the question mark, always in the same order."""
        pairs = [
            ("q", self.search),
            ("state", self.state),
            ("department", self.department),
            ("source", self.source),
            ("application", self.application),
            ("problem", self.problem),
        ]
        found = [pair for pair in pairs if pair[1]]
        return urlencode([*found, *(("column", name) for name in self.columns)])

    @property
    def narrowed_otherwise(self) -> bool:
        """Whether anything but a state may leave anybody out."""
        return replace(self, columns=(), state="") != Wanted()

    def but(self, **changed: str) -> str:
        """The address of the list with something else."""
        changes: Mapping[str, Any] = changed
        return replace(self, **changes).query


def read(given: QueryDict) -> Wanted:
    """From an address. What does not exist is left out."""
    state, problem = given.get("state", ""), given.get("problem", "")
    if given.get("end") == "none":
        problem = "end"
    source, application = given.get("source", ""), given.get("application", "")
    known = column_labels()
    columns = tuple(dict.fromkeys(name for name in given.getlist("column") if name in known))
    return Wanted(
        search=given.get("q", "").strip()[:200],
        state=state if state in look.PERSON else "",
        department=given.get("department", "")[:200],
        source=source if source == BY_HAND or source in sources.source_names() else "",
        application=application if application in applications.application_names() else "",
        problem=problem if problem in PROBLEMS else "",
        columns=() if {*columns} == {*DEFAULT} else columns[:MOST_COLUMNS],
    )


def people(wanted: Wanted) -> QuerySet[Person]:
    """Those whom it lets through, in no order."""
    rows = selectors.matching(
        search=wanted.search,
        state=wanted.state,
        department=wanted.department,
        endless=wanted.problem == "end",
    )
    me = OuterRef("pk")
    if wanted.source:
        slug = "" if wanted.source == BY_HAND else wanted.source
        there = Exists(sources.records_in(slug).filter(person=me))
        rows = rows.filter(~there if wanted.source == BY_HAND else there)
    if wanted.application:
        there = Exists(applications.accounts_there(wanted.application).filter(person=me))
        rows = rows.filter(there)
    if wanted.problem == "email":
        rows = rows.filter(pk__in=selectors.without_email().values("pk"))
    elif state := _WAITING.get(wanted.problem):
        rows = rows.filter(pk__in=provisioning.operations_in(state).values("person"))
    return rows


def column_labels() -> dict[str, str]:
    """Every column that there is, with its title. What is sensitive is none."""
    labels, sensitive = selectors.attribute_labels()
    return SPECIAL | {name: label for name, label in labels.items() if name not in sensitive}


@dataclass(frozen=True, slots=True)
class Cell:
    """One value in a table. `kind` is a special column's name, or `attribute`."""

    label: str
    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class Row:
    """One person with the cells that were asked for."""

    person: Person
    cells: tuple[Cell, ...]


def rows(people: Iterable[Person], columns: Iterable[str]) -> list[Row]:
    """The people with their cells. One query for all of their accounts, if they are shown."""
    persons, labels = list(people), column_labels()
    names = list(columns)
    counts = applications.account_counts(p.pk for p in persons) if "accounts" in names else {}
    return [
        Row(person, tuple(_cell(person, name, labels[name], counts) for name in names))
        for person in persons
    ]


def _cell(person: Person, name: str, label: str, counts: Mapping[int, int]) -> Cell:
    if name == "accounts":
        return Cell(label, name, counts.get(person.pk, 0))
    if name in SPECIAL:
        return Cell(label, name, None)
    return Cell(label, "attribute", person.attributes.get(name))
