"""How far a source can be read: its settings and secrets, its connection, the columns that its
mapping needs. Nothing is taken."""

from __future__ import annotations

from collections.abc import Sequence

from tenure.connectors.base import Check
from tenure.readers.base import Checking, Reader, ReaderError
from tenure.sources.models import Source
from tenure.sources.opening import open_source
from tenure.sources.rows import RowMapping


def try_source(source: Source) -> list[Check]:
    """What was tried, in order, up to what failed. At least one line. Raises nothing of its own."""
    try:
        mapping = RowMapping(source)
        reader = open_source(source, columns=mapping.columns)
    except (ReaderError, LookupError, ValueError) as error:
        return [Check("settings", False, str(error))]
    checks = list(reader.check()) if isinstance(reader, Checking) else []
    if all(item.ok for item in checks):
        checks.append(_columns(reader, mapping))
    return checks


def _columns(reader: Reader, mapping: RowMapping) -> Check:
    try:
        columns: Sequence[str] = reader.columns()
        mapping.check_columns(columns)
    except (ReaderError, LookupError, ValueError, OSError) as error:
        return Check("columns", False, str(error))
    return Check("columns", True, f"readable, {len(columns)} columns")
