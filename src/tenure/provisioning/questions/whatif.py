"""What would be, if: a plan for a person as they might be. It is done in a transaction, looked at,
and rolled back, so that the answer comes from the same code as the real thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction

from tenure.infra.clock import now
from tenure.people.entered import entered
from tenure.people.models import Person
from tenure.people.services import restand, schema
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.questions.ahead import Turn, ahead
from tenure.provisioning.records.plan import Plan, PlanLine
from tenure.sources.supposing import suppose


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


def with_future(
    person: Person, given: Mapping[str, str], *, application: str | None = None
) -> tuple[Plan, list[Turn]]:
    """The plan as `with_attributes` says, in one application or all, and what would come after it
    by itself."""
    with _supposed(person, given) as row:
        return _plan(row, application), ahead(row)


def _plan(row: Person, application: str | None = None) -> Plan:
    scope = Scope(person=row.pk, application=application)
    return plans.preview(scope, now=now(), guarded=False)


@contextmanager
def _supposed(person: Person, given: Mapping[str, str]) -> Iterator[Person]:
    """The person as they would be, for as long as it lasts."""
    kinds = schema()
    for name in given:
        if name not in kinds:
            known = ", ".join(sorted(kinds))
            raise LookupError(f"People have no attribute {name!r}. Known: {known}.")
    values = {name: entered(name, text, kinds[name]) for name, text in given.items()}
    with transaction.atomic():
        row = Person.objects.select_for_update().get(pk=person.pk)
        try:
            suppose(row, values, now())
            row.generation += 1
            restand([row], now())
            row.save()
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
