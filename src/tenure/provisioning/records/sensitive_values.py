"""The sensitive values of one person wherever they are kept here: of the person, of their accounts,
in operations that wait. For whoever may see them, with the look recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django.db import transaction

from tenure.applications.models import Account
from tenure.core.model import Situation, Value
from tenure.people import looks
from tenure.people.models import Person
from tenure.people.selectors import attribute_labels
from tenure.provisioning.models import Operation
from tenure.provisioning.records import veiling


@dataclass(frozen=True, slots=True)
class Group:
    """One place: its name, the names of what is sensitive there, and the values where they were
    asked for."""

    where: str
    names: tuple[str, ...]
    values: Mapping[str, Value | None] = field(default_factory=dict)


def there_are(person: Person) -> list[Group]:
    """Where something sensitive of theirs is kept, without any value."""
    return [Group(one.where, one.names) for one in _groups(person)]


@transaction.atomic
def looked_at(person: Person, *, reason: str, where: str) -> list[Group]:
    """The same with the values. Whoever acts is recorded as having seen them."""
    found = list(_groups(person))
    if found:
        names = {f"{one.where}: {name}" for one in found for name in one.names}
        looks.record(person, names, where=where, reason=reason)
    return found


def _groups(person: Person) -> Iterator[Group]:
    labels, sensitive = attribute_labels()
    held = person.attributes
    own = {label: held[n] for n, label in labels.items() if n in sensitive and n in held}
    if own:
        yield Group("Person", tuple(own), own)
    accounts = list(
        Account.objects.filter(person=person)
        .exclude(situation=Situation.DELETED.value)
        .select_related("application")
    )
    over = veiling.veil([row.application for row in accounts])
    for row in accounts:
        hidden = over.of(row.application.slug) & row.attributes.keys()
        if hidden:
            values = {name: row.attributes[name] for name in sorted(hidden)}
            yield Group(f"Account in {row.application.name}", tuple(values), values)
    waiting = Operation.objects.filter(person=person).exclude(sealed="")
    for step in waiting.select_related("application").order_by("pk"):
        wanted = {name: change.after for name, change in veiling.private(step).items()}
        what = f"{step.kind.capitalize()} in {step.application.name}, operation {step.pk}"
        yield Group(what, tuple(wanted), wanted)
