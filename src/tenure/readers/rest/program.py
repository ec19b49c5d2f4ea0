"""A specification of an HR system, compiled: what the reader runs. Nothing but data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tenure.connectors.rest.paths import JsonPath
from tenure.connectors.rest.program import Call, Field, InterfaceProgram, Steps
from tenure.connectors.rest.templates import MISSING, evaluate
from tenure.core.expressions import Condition
from tenure.core.json_expressions import JsonExpression
from tenure.readers.rest.spec import Kind, PeopleSpec


@dataclass(frozen=True, slots=True)
class ColumnProgram:
    """One column."""

    places: tuple[JsonPath, ...]
    read: JsonExpression | None
    kind: Kind
    field: str = ""

    def of(self, item: Any, settings: Mapping[str, Any], empty: Sequence[Any] = ()) -> Any:
        """What is there; None where nothing is. `empty` are values that mean that too. Raises
        `Rejected`."""
        found = (place.get(item) for place in self.places)
        value = next((one for one in found if not _nothing(one, empty)), None)
        if self.read is None:
            return value
        read = evaluate(self.read, {"item": item, "value": value, "settings": settings})
        return value if read is MISSING or read is None else read


def _nothing(value: Any, empty: Sequence[Any]) -> bool:
    # 0 equals False, and is none.
    return value in (None, "", []) or any(
        type(value) is type(one) and value == one for one in empty
    )


@dataclass(frozen=True, slots=True)
class JoinProgram:
    """Another list. `on` is where the record says what it is joined by."""

    name: str
    list: Call | None
    get: Call | None
    key: JsonPath
    on: Field | None
    many: bool


@dataclass(frozen=True, slots=True)
class ChangesProgram:
    """Who changed."""

    list: Steps
    ids: JsonPath | None
    gone: Condition | None
    at: JsonPath | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleProgram(InterfaceProgram):
    """All of it. `fields`: what the columns need, for requests that name it."""

    spec: PeopleSpec
    id: JsonPath
    list: Steps
    get: Call | None
    record: JsonExpression | None
    ignore: Condition | None
    changes: ChangesProgram | None
    write: Steps
    joins: tuple[JoinProgram, ...]
    columns: Mapping[str, ColumnProgram]
    fields: tuple[str, ...]
    checks: Mapping[str, Steps]
