"""What an import changes, person by person, for whoever wants to see it before it is done: a dry
run. The first of them only, so that a dry run of a million rows costs no more memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tenure.core.model import LifecycleState
from tenure.people.models import Person
from tenure.people.selectors import HIDDEN

#: People of whom it is told what changes; beyond that they are counted.
MOST_TOLD = 1000


@dataclass(frozen=True, slots=True)
class PersonChange:
    """One person. `kind` is added, changed or left; `before` and `after` hold what differs, by
    attribute, None where there is nothing. Values of sensitive attributes are not in it."""

    key: str
    name: str
    kind: str
    before: Mapping[str, object]
    after: Mapping[str, object]

    def as_json(self) -> dict[str, Any]:
        return {
            "employee_number": self.key,
            "name": self.name,
            "kind": self.kind,
            "before": dict(self.before),
            "after": dict(self.after),
        }


@dataclass(slots=True)
class Telling:
    """The changes of one import so far. `more` are people beyond those that are told of."""

    sensitive: frozenset[str]
    changes: list[PersonChange] = field(default_factory=list)
    more: int = 0

    def add(
        self,
        person: Person,
        before: Mapping[str, object],
        after: Mapping[str, object],
        *,
        new: bool,
    ) -> None:
        """`before` and `after` are flat: attributes and what else is known of the person."""
        if len(self.changes) >= MOST_TOLD:
            self.more += 1
            return
        names = [n for n in {**after, **before} if before.get(n) != after.get(n)]
        left = after.get("state") == LifecycleState.LEFT.value != before.get("state")
        self.changes.append(
            PersonChange(
                key=str(person.employee_number),
                name=person.display_name,
                kind="added" if new else "left" if left else "changed",
                before={} if new else self._shown(before, names),
                after=self._shown(after, [n for n in names if not new or after.get(n) is not None]),
            )
        )

    def _shown(self, values: Mapping[str, object], names: list[str]) -> dict[str, object]:
        shown = {name: values.get(name) for name in names}
        hidden = {n: HIDDEN for n, v in shown.items() if n in self.sensitive and v is not None}
        return shown | hidden
