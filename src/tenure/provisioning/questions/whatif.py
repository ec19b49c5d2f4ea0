"""What would be, if: a plan for a person as they might be. It is done in a transaction, looked at,
and rolled back, so that the answer comes from the same code as the real thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction

from tenure.infra.clock import now
from tenure.people.entered import day, entered
from tenure.people.models import Person
from tenure.people.services import restand, schema
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.questions.ahead import Turn, ahead
from tenure.provisioning.records.plan import Plan, PlanLine

_COLUMNS = ("start_date", "end_date")


@dataclass(frozen=True, slots=True)
class Effect:
    """What an edit adds to the plan and what it takes out of it."""

    plan: Plan
    added: tuple[PlanLine, ...]
    dropped: tuple[PlanLine, ...]

    @property
    def accounts(self) -> int:
        """How many accounts the edit changes."""
        return len({(line.application, line.person_id) for line in (*self.added, *self.dropped)})


def with_attributes(person: Person, given: Mapping[str, str]) -> Plan:
    """The person's plan if HR said this of them; an empty text takes an attribute away. Raises
    `LookupError` for an attribute that does not exist, `ValueError` for a value that it cannot
    have."""
    with _supposed(person, given) as row:
        return _plan(row)


def with_future(person: Person, given: Mapping[str, str]) -> tuple[Plan, list[Turn]]:
    """The plan as `with_attributes` says, and what would come after it by itself."""
    with _supposed(person, given) as row:
        return _plan(row), ahead(row)


def _plan(row: Person) -> Plan:
    return plans.preview(Scope(person=row.pk), now=now(), guarded=False)


@contextmanager
def _supposed(person: Person, given: Mapping[str, str]) -> Iterator[Person]:
    """The person as they would be, for as long as it lasts."""
    kinds = schema()
    with transaction.atomic():
        row = Person.objects.select_for_update().get(pk=person.pk)
        attributes = dict(row.attributes)
        for name, text in given.items():
            if name not in kinds:
                known = ", ".join(sorted(kinds))
                raise LookupError(f"People have no attribute {name!r}. Known: {known}.")
            value = entered(name, text, kinds[name])
            attributes.pop(name, None)
            if value is not None:
                attributes[name] = value
            if name in _COLUMNS:
                setattr(row, name, day(name, text) if text else None)
        row.attributes = attributes
        row.time_zone = str(attributes.get("time_zone", row.time_zone))
        row.generation += 1
        restand([row], now())
        row.save()
        try:
            yield row
        finally:
            transaction.set_rollback(True)


def effect(before: Plan, after: Plan) -> Effect:
    """The difference that an edit makes between two plans of the same people."""
    old = {_key(line): line for line in before.lines}
    new = {_key(line): line for line in after.lines}
    return Effect(
        plan=after,
        added=tuple(line for key, line in new.items() if key not in old),
        dropped=tuple(line for key, line in old.items() if key not in new),
    )


def _key(line: PlanLine) -> tuple[object, ...]:
    changes = tuple((n, repr(c.before), repr(c.after)) for n, c in line.attributes.items())
    return line.application, line.person_id, line.kind, changes, line.grant, line.revoke
