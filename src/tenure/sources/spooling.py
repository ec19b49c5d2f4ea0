"""Rows on disk between looking at them and taking them: what an import was judged by is what it
takes, a source is asked once, and one that breaks in the middle has changed nothing. The file has
no name and is gone with the process."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import TypeAlias

import orjson

from tenure.readers.base import Gone, Row, RowProblem

Item: TypeAlias = Row | RowProblem | Gone


class Spool:
    """Items, in order. Kept once, read as often as one likes."""

    def __init__(self) -> None:
        self._file = TemporaryFile(prefix="tenure-import-")  # noqa: SIM115 - closed by `close`

    def keep(self, item: Item) -> None:
        if isinstance(item, Row):
            line: list[object] = ["row", item.line, item.id, dict(item.values)]
        elif isinstance(item, RowProblem):
            line = ["problem", item.line, item.message]
        else:
            line = ["gone", item.id]
        self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def __iter__(self) -> Iterator[Item]:
        self._file.seek(0)
        for text in self._file:
            kind, *rest = orjson.loads(text)
            if kind == "row":
                yield Row(rest[0], rest[2], rest[1])
            elif kind == "problem":
                yield RowProblem(*rest)
            else:
                yield Gone(*rest)

    def clear(self) -> None:
        self._file.seek(0)
        self._file.truncate()

    def close(self) -> None:
        self._file.close()
