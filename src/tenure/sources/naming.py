"""The addresses and user names of the people of one chunk of an import: those that sources give are
reserved, those that they do not are made, and what somebody had before a rename stays theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tenure.core.model import Attributes, LifecycleState
from tenure.people import naming
from tenure.people.models import Company, OnRename, Person, ReservedName
from tenure.people.naming import ALIASES, EMAIL, USER_NAME, NameForm
from tenure.sources.layers import MADE_HERE
from tenure.sources.rows import MappedRow

_WORDS = {EMAIL: "e-mail", USER_NAME: "user name"}
_LACKING = {EMAIL: "corporate e-mail", USER_NAME: "user name"}


@dataclass(frozen=True, slots=True)
class Issue:
    """Something to know about one row that was taken all the same."""

    key: str
    line: int | None
    message: str


@dataclass(slots=True)
class Naming:
    """One chunk. `before` are the attributes that people had, {} for those who are new; `named`
    are the ids of those whom something was given here."""

    rows: Sequence[MappedRow]
    people: Mapping[str, Person]
    before: Mapping[str, Attributes]
    settings: Company
    at: datetime
    issues: list[Issue] = field(default_factory=list)
    named: set[int] = field(default_factory=set)

    def run(self) -> None:
        """Names are set on the people, who are saved by the caller."""
        retention = self.settings.name_retention
        left_before = self.at - retention if retention is not None else None
        domain = self.settings.domain
        email = NameForm(EMAIL, self.settings.email_formats, domain, left_before)
        self._give(email, makes=bool(domain))
        self._keep_aliases()
        if formats := self.settings.user_name_formats:
            self._give(NameForm(USER_NAME, formats, "", left_before), makes=True)

    def _give(self, form: NameForm, *, makes: bool) -> None:
        people = {(person := self.people[row.key]).pk: person for row in self.rows}
        rows = dict(zip(people, self.rows, strict=True))
        given: dict[str, int] = {}
        lacking: dict[int, Person] = {}
        for (pk, person), row in zip(people.items(), self.rows, strict=True):
            held = str(person.attributes.get(form.kind, ""))
            if not held or self._outdated(form, row, person):
                if makes and row.present and person.state != LifecycleState.LEFT.value:
                    lacking[pk] = person
            elif given.setdefault(held.casefold(), pk) != pk:
                self._taken(form, row, held)
        for name in naming.claim(form, given, in_hand=people):
            row = rows[given[name]]
            if makes and _made_here(self.people[row.key], form.kind):
                lacking[given[name]] = self.people[row.key]
            else:
                self._taken(form, row, name)
        attributes = {pk: person.attributes for pk, person in lacking.items()}
        made, failed = naming.reserve(form, attributes, in_hand=people)
        for pk, name in made.items():
            self._set(lacking[pk], form.kind, name)
        for pk, why in failed.items():
            row = rows[pk]
            self.issues.append(Issue(row.key, row.line, f"No {_LACKING[form.kind]}: {why}."))

    def _outdated(self, form: NameForm, row: MappedRow, person: Person) -> bool:
        """Whether what was made here is to follow another name that they have now."""
        before = self.before[row.key]
        return (
            self.settings.on_rename == OnRename.CHANGE
            and form.kind in before
            and _made_here(person, form.kind)
            and form.renamed(before, person.attributes)
        )

    def _keep_aliases(self) -> None:
        """A former address stays its owner's, for applications that can have several."""
        moved = {}
        for row in self.rows:
            person, had = self.people[row.key], str(self.before[row.key].get(EMAIL, "")).casefold()
            if had and person.email and had != person.email.casefold():
                moved[had] = person
        owners = dict(
            ReservedName.objects.filter(kind=EMAIL, value__in=moved).values_list(
                "value", "person_id"
            )
            if moved
            else ()
        )
        for had, person in moved.items():
            if owners.get(had) == person.pk and _made_here(person, ALIASES):
                known = person.attributes.get(ALIASES, [])
                assert isinstance(known, list)
                gone = (had, person.email.casefold())
                others = [name for name in known if name.casefold() not in gone]
                self._set(person, ALIASES, [had, *others])

    def _set(self, person: Person, name: str, value: str | list[str]) -> None:
        person.attributes = {**person.attributes, name: value}
        person.origins = {**person.origins, name: MADE_HERE}
        if name == EMAIL:
            person.email = str(value)
        self.named.add(person.pk)

    def _taken(self, form: NameForm, row: MappedRow, name: str) -> None:
        self.issues.append(
            Issue(
                row.key,
                row.line,
                f"The {_WORDS[form.kind]} {name} belongs to somebody else already. Correct it in "
                "the source.",
            )
        )


def _made_here(person: Person, name: str) -> bool:
    return bool(person.origins.get(name, MADE_HERE) == MADE_HERE)
