"""Writing groups of people. Whether conditions compile is checked before anything is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from tenure.people.configured import Configured
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
    return _GROUPS.all()


@transaction.atomic
def save_group(
    *, definition: GroupDefinition, position: int | None = None, replan: bool = True
) -> bool:
    """Make the group, or change what differs. Returns whether plans depend on the change."""
    matters = bool(_GROUPS.save(definition, position) - {"name"})
    if matters and replan:
        raise_generation()
    return matters


@transaction.atomic
def remove_group(*, slug: str, replan: bool = True) -> None:
    """Nobody is in this group any more."""
    _GROUPS.remove(PeopleGroup.objects.select_for_update().get(slug=slug))
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


_GROUPS = Configured("group", PeopleGroup, _definition, _plain)
