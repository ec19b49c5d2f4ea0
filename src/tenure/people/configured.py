"""What a configuration says of one thing, kept in a row: made, changed or removed by its slug, and
each of these told in the audit trail, once, with what really differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from django.db import models

from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.people.configuration import difference


class Defined(Protocol):
    """A definition: what it is called, besides whatever else it says."""

    @property
    def slug(self) -> str: ...

    @property
    def name(self) -> str: ...


Row = TypeVar("Row", bound=models.Model)
Definition = TypeVar("Definition", bound=Defined)


@dataclass(frozen=True)
class Configured(Generic[Row, Definition]):
    """One kind of thing. `read` makes a definition of a row, `plain` what the trail tells of it,
    and `columns` what the row holds of it where that is another form. Rows have a `slug` and a
    `position`; callers have a transaction."""

    kind: str
    model: type[Row]
    read: Callable[[Row], Definition]
    plain: Callable[[Definition], dict[str, Any]]
    columns: Callable[[Definition], Mapping[str, Any]] = lambda definition: {}

    def all(self) -> list[Definition]:
        """Everything, in the order in which it is shown."""
        return [self.read(row) for row in self.model._default_manager.all()]

    def save(self, definition: Definition, position: int | None = None) -> frozenset[str]:
        """Make it, or change what differs. Returns the names of what does: all of them for a new
        one, none where only the position moved. A new one is last unless it is said."""
        rows = self.model._default_manager.select_for_update()
        row = rows.filter(slug=definition.slug).first()
        before = self.plain(self.read(row)) if row else None
        if row is None:
            last = self.model._default_manager.count()
            row = self.model(slug=definition.slug, position=last)
        after = self.plain(definition)
        for name, value in {**after, **self.columns(definition)}.items():
            setattr(row, name, value)
        if position is not None:
            setattr(row, "position", position)  # noqa: B010 - known of every such model
        row.save()
        changed = difference(before, after)
        if changed is None:
            return frozenset()
        self._record(definition, *changed)
        return frozenset(changed[1])

    def remove(self, row: Row) -> None:
        """It is not configured any more."""
        definition = self.read(row)
        self._record(definition, self.plain(definition), None)
        row.delete()

    def _record(self, definition: Definition, before: Any, after: Any) -> None:
        record(
            Action.CONFIGURATION_CHANGED,
            subject_kind=self.kind,
            subject_key=definition.slug,
            subject_label=definition.name,
            before=before,
            after=after,
        )
