"""Which readers there are, by the name that a source's configuration gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tenure.readers.base import Reader, ReaderError
from tenure.readers.csv import CsvReader
from tenure.readers.push import PushReader

#: The one whose rows are not fetched: they come.
PUSH = "push"
_READERS: Mapping[str, type[Reader]] = {"csv": CsvReader, PUSH: PushReader}


def kinds() -> list[str]:
    """The names of all readers, sorted."""
    return sorted(_READERS)


def reader_class(kind: str) -> type[Reader]:
    """The reader of that name. Raises `ReaderError` naming those that there are."""
    try:
        return _READERS[kind]
    except KeyError:
        raise ReaderError(
            f"There is no reader {kind!r}: use one of {', '.join(kinds())}."
        ) from None


def open_reader(kind: str, settings: Mapping[str, object], *, file: Path | None = None) -> Reader:
    """A reader of that kind with these settings. Raises `ReaderError`."""
    return reader_class(kind)(settings, file=file)
