"""What would be written into the records of a source: everybody's is read, nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tenure.people.models import Person
from tenure.readers.base import ReaderError, Row, WritingBack
from tenure.sources.models import Source, SourceRecord
from tenure.sources.opening import open_source
from tenure.writeback.wanting import lacking, wanted

_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Difference:
    """One record: columns and what they hold, and those that would be written."""

    record: SourceRecord
    person: Person
    was: Mapping[str, str]
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Preview:
    """`read`: records that the source has now. `nameless`: records of ours that have no name of
    their own there, so that nothing can be written into them."""

    lacking: tuple[Difference, ...]
    read: int
    nameless: int


def preview(source: Source) -> Preview:
    """Raises `ReaderError`."""
    if not source.write_back:
        raise ReaderError(
            f"{source.name} takes nothing back: say in tenure.yaml what goes into which column, "
            "such as write_back: {email: E-mail}."
        )
    reader = open_source(source)
    if not isinstance(reader, WritingBack):
        raise ReaderError(f"{source.name} takes nothing back: take write_back out.")
    lines: list[Difference] = []
    held: dict[str, dict[str, str]] = {}
    read = 0
    for item in reader.rows():
        if not isinstance(item, Row) or not item.id:
            continue
        read += 1
        held[item.id] = {column: item.values.get(column, "") for column in columns(source)}
        if len(held) == _CHUNK:
            lines += _differences(source, held)
            held = {}
    lines += _differences(source, held)
    nameless = SourceRecord.objects.filter(source=source, present=True, remote_id="").count()
    return Preview(tuple(lines), read, nameless)


def columns(source: Source) -> list[str]:
    """The columns that are written."""
    return list(source.write_back.values())


def _differences(source: Source, held: Mapping[str, Mapping[str, str]]) -> list[Difference]:
    records = SourceRecord.objects.filter(source=source, present=True, remote_id__in=list(held))
    found = []
    for record in records.select_related("person").order_by("pk"):
        was = held[record.remote_id]
        values = wanted(source, record, record.person)
        told = {source.write_back[name]: value for name, value in values.items()}
        if missing := lacking(told, was):
            found.append(
                Difference(record, record.person, {name: was[name] for name in missing}, missing)
            )
    return found
