"""Writing groups of people. Whether conditions compile is checked before anything is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.people.configuration import difference
from tenure.people.services import raise_generation
from tenure.rules.models import PeopleGroup


@dataclass(frozen=True, slots=True)
class GroupDefinition:
    """Who meets `condition` (empty: nobody does), and everybody named by employee number."""

    slug: str
    name: str
    condition: str = ""
    people: Sequence[str] = ()


def group_definitions() -> list[GroupDefinition]:
    """All groups, in the order in which they are shown."""
    return [_definition(row) for row in PeopleGroup.objects.all()]


@transaction.atomic
def save_group(
    *, definition: GroupDefinition, position: int | None = None, replan: bool = True
) -> bool:
    """Make the group, or change what differs. Returns whether plans depend on the change."""
    row = PeopleGroup.objects.select_for_update().filter(slug=definition.slug).first()
    before = _plain(_definition(row)) if row else None
    if row is None:
        row = PeopleGroup(slug=definition.slug, position=PeopleGroup.objects.count())
    after = _plain(definition)
    for name, value in after.items():
        setattr(row, name, value)
    if position is not None:
        row.position = position
    row.save()
    changed = difference(before, after)
    if changed is None:
        return False
    _record(definition.slug, definition.name, *changed)
    matters = before is None or set(changed[1]) != {"name"}
    if matters and replan:
        raise_generation()
    return matters


@transaction.atomic
def remove_group(*, slug: str, replan: bool = True) -> None:
    """Nobody is in this group any more."""
    row = PeopleGroup.objects.select_for_update().get(slug=slug)
    _record(slug, row.name, _plain(_definition(row)), None)
    row.delete()
    if replan:
        raise_generation()


def _definition(row: PeopleGroup) -> GroupDefinition:
    return GroupDefinition(row.slug, row.name, row.condition, tuple(row.people))


def _plain(definition: GroupDefinition) -> dict[str, Any]:
    return {
        "name": definition.name,
        "condition": definition.condition,
        "people": sorted(set(definition.people)),
    }


def _record(slug: str, name: str, before: Any, after: Any) -> None:
    record(
        Action.CONFIGURATION_CHANGED,
        subject_kind="group",
        subject_key=slug,
        subject_label=name,
        before=before,
        after=after,
    )
