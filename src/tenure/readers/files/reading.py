"""What the readers of files share: the file itself, whether it is another one, and its check. What
is in it is theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from pydantic import BaseModel

from tenure.connectors.base import Check
from tenure.readers.base import Gone, ReaderConfig, ReaderError, Row, RowProblem
from tenure.readers.files.settings import FileSecrets, FileSettings
from tenure.readers.files.source import SourceFile

#: So many of the first rows are looked at for the names of the columns.
TOP: Final = 10


class FileReader:
    """A kind of file adds its settings, `columns` and `rows`."""

    Secrets: ClassVar[type[BaseModel]] = FileSecrets

    def __init__(self, config: ReaderConfig, settings: FileSettings, usual: str) -> None:
        self._file = SourceFile(config, settings, usual)

    def changes(self, cursor: str) -> Iterator[Row | RowProblem | Gone]:
        """Nothing where the file is that of the cursor; otherwise `CursorExpired`."""
        self._file.must_be_known(cursor)
        return iter(())

    def cursor(self) -> str:
        return self._file.cursor()

    def check(self) -> Sequence[Check]:
        """File."""
        return [self._file.check()]


def must_differ(names: Sequence[str], where: str) -> None:
    """Raises `ReaderError` where two columns have one name ("": without one)."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names, start=1):
        places.setdefault(name, []).append(place)
    twice = [
        f"{name!r} (columns {', '.join(map(str, at))})"
        for name, at in places.items()
        if name and len(at) > 1
    ]
    if twice:
        raise ReaderError(
            f"{where}: the header names {' and '.join(twice)} more than once. Rename or remove one."
        )
