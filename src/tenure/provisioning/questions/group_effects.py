"""What an edit of a group of people would change in accounts, before it is made: by the rules that
speak of groups, and by the mappings that do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tenure.core.decision import Policies
from tenure.core.expressions import compile_condition
from tenure.core.groups import ATTRIBUTE
from tenure.people.selectors import people_by_number
from tenure.people.services import schema
from tenure.provisioning.questions.edit_effects import EditEffect, effect_of
from tenure.provisioning.questions.matching import who_meets
from tenure.rules.groups import GroupDefinition, remove_group, save_group
from tenure.rules.models import PeopleGroup


def effect_of_group(slug: str, after: GroupDefinition | None) -> EditEffect:
    """What writing the group so (None: removing it) changes. Raises `ExpressionError`."""
    row = PeopleGroup.objects.filter(slug=slug).first()
    old = members(row.condition, row.people) if row else set()
    new = members(after.condition, after.people) if after else set()

    def edit() -> None:
        if after is None:
            remove_group(slug=slug, replan=False)
        else:
            save_group(definition=replace(after, slug=slug), replan=False)

    return effect_of(edit, old ^ new, met=len(old), meets=len(new), mapped=_reading_groups)


def members(condition: str, numbers: Sequence[str]) -> set[int]:
    """The ids of who is in such a group. Raises `ExpressionError`."""
    found = {person.pk for person in people_by_number(numbers).values()}
    if condition:
        found |= set(who_meets(compile_condition(condition, schema())))
    return found


def _reading_groups(policies: Policies) -> set[str]:
    return {
        slug
        for slug, mapping in policies.mappings.items()
        if any(ATTRIBUTE in one.expression.attributes for one in mapping.attributes)
    }
