"""Groups of people: a named condition (`Field sales in DACH`), or a list of named people.

A rule and a mapping see them as `user.groups`, the slugs of the groups that a person is in. The
condition of a group sees a person's own attributes and no groups, so that none can go in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tenure.core.expression_sets import ConditionSet
from tenure.core.expressions import Condition
from tenure.core.model import Attributes

#: The attribute that holds the groups of a person; no source may give it.
ATTRIBUTE = "groups"
_NUMBER = "employee_number"


@dataclass(frozen=True, slots=True)
class Group:
    """Who meets the condition, if there is one, and everybody named by employee number."""

    slug: str
    condition: Condition | None = None
    people: frozenset[str] = frozenset()


class GroupBook:
    """All groups, compiled together once and asked for one person after the other."""

    def __init__(self, groups: Sequence[Group] = ()) -> None:
        self.groups = tuple(groups)
        self._conditions = ConditionSet(
            {group.slug: group.condition for group in groups if group.condition is not None}
        )

    def of(self, attributes: Attributes, failing: set[str] | None = None) -> list[str]:
        """The slugs of the groups that this person is in, sorted. Those of which it cannot be said
        are added to `failing`."""
        if not self.groups:
            return []
        found = set(self._conditions.holding(attributes, failing))
        number = attributes.get(_NUMBER)
        found |= {group.slug for group in self.groups if number in group.people}
        return sorted(found)

    def extend(self, attributes: Attributes, failing: set[str] | None = None) -> Attributes:
        """The attributes with `groups`; without any, as they are: empty is the same as missing."""
        found = self.of(attributes, failing)
        return {**attributes, ATTRIBUTE: found} if found else attributes
