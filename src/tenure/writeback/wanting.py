"""What a record of a source is to hold. Reads nothing, writes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from tenure.core.model import LifecycleState
from tenure.people.models import Person
from tenure.sources.models import Source, SourceRecord

_GONE = frozenset({LifecycleState.LEAVING.value, LifecycleState.LEFT.value})


def wanted(source: Source, record: SourceRecord, person: Person) -> dict[str, str]:
    """Attribute -> value. Nothing that the source itself said, nothing into a record that is gone
    or has no name of its own there, nothing for who leaves."""
    if not record.present or not record.remote_id or person.state in _GONE:
        return {}
    return {
        name: str(value)
        for name in source.write_back
        if (value := person.attributes.get(name)) and person.origins.get(name) != source.slug
    }


def lacking(values: Mapping[str, str], held: Mapping[str, object]) -> dict[str, str]:
    """Those of the values that are not there. Addresses and user names are the same in capitals,
    and may be one of several, which rows have with commas."""
    return {
        name: value
        for name, value in values.items()
        if value.casefold() not in str(held.get(name) or "").casefold().split(",")
    }
