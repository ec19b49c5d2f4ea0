"""What a source says only because it was told so: a name that was written into its record comes
back with the next import. It is no word of HR's, so it neither changes anything nor makes the name
theirs; what they write over it is."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from tenure.core.model import Value
from tenure.sources.models import Source, SourceRecord


def echoes(
    source: Source, record: SourceRecord | None, attributes: Mapping[str, Value]
) -> frozenset[str]:
    """Those of the attributes that the record has from us."""
    if not source.write_back or record is None or not record.written:
        return frozenset()
    return frozenset(
        name
        for name in source.write_back.keys() & record.written.keys()
        if str(attributes.get(name, "")).casefold() == str(record.written[name]).casefold()
    )


def heard(
    source: Source, record: SourceRecord | None, attributes: Mapping[str, Value]
) -> dict[str, Value]:
    """The attributes that are the source's own."""
    ours = echoes(source, record, attributes)
    return {name: value for name, value in attributes.items() if name not in ours}


def differs(source: Source, record: SourceRecord, attributes: Mapping[str, Value]) -> bool:
    """Whether the source says something else now than it did, what it has from us apart."""
    ours = echoes(source, record, attributes)
    return _plain(attributes, ours) != _plain(record.attributes, ours)


def _plain(attributes: Mapping[str, Value], without: frozenset[str]) -> bytes:
    kept = {name: value for name, value in attributes.items() if name not in without}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)
