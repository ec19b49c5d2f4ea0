"""What a source says of how its values are cleaned, made ready for its rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tenure.core.model import Value
from tenure.core.tidying import Cleaning, Others, ValueTable, cleaner
from tenure.core.zones import zone_of_place
from tenure.sources.models import Source


@dataclass(frozen=True, slots=True)
class Tidying:
    """Attribute -> its table and what cleans it, in this order; and the zones of places. `salt`
    changes when any of it does."""

    tables: Mapping[str, ValueTable]
    cleaners: Mapping[str, tuple[Callable[[str], str], ...]]
    places: Mapping[str, str]
    salt: tuple[Any, ...]

    @classmethod
    def of(cls, source: Source) -> Tidying:
        return cls(
            tables={name: _table(given) for name, given in source.value_tables.items()},
            cleaners={
                name: tuple(cleaner(Cleaning(kind), source.region) for kind in kinds)
                for name, kinds in source.clean.items()
            },
            places={name.casefold(): zone for name, zone in source.time_zones.items()},
            salt=(source.value_tables, source.clean, source.region, source.time_zones),
        )

    def clean(self, attributes: dict[str, Value], sensitive: Collection[str]) -> tuple[str, ...]:
        """Change the attributes in place. What cannot be cleaned is left out; returns the sentences
        that say so, without the values of sensitive attributes. Raises `ValueError` for a value
        that a table refuses."""
        told = []
        for name, table in self.tables.items():
            if name in attributes:
                try:
                    attributes[name] = _each(attributes[name], table.of)
                except ValueError as error:
                    raise ValueError(_said(name, error, sensitive)) from None
        for name, steps in self.cleaners.items():
            if name in attributes:
                try:
                    for step in steps:
                        attributes[name] = _each(attributes[name], step)
                except ValueError as error:
                    del attributes[name]
                    told.append(f"{_said(name, error, sensitive)} It is left out.")
        if "time_zone" not in attributes:
            zone = zone_of_place(
                str(attributes.get("location", "")), str(attributes.get("country", "")), self.places
            )
            if zone:
                attributes["time_zone"] = zone
        return tuple(told)


def _each(value: Value, step: Callable[[str], str]) -> Value:
    if isinstance(value, str):
        return step(value)
    if isinstance(value, (list, tuple)):
        return [step(str(item)) for item in value]
    return value


def _said(name: str, error: ValueError, sensitive: Collection[str]) -> str:
    if name in sensitive:
        return f"{name}: what is there cannot be cleaned, or is not in its table."
    return f"{name}: {error}"


def _table(given: Mapping[str, Any]) -> ValueTable:
    return ValueTable(
        table=dict(given["table"]),
        others=Others(given.get("others", Others.KEEP.value)),
        otherwise=str(given.get("otherwise", "")),
    )
