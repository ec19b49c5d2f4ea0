"""People who are uploaded as JSON: what came last is kept where it came in and read from there.

A column is a name of a record, with dots where it is inside another (`job.title`); a list has
commas. `id`, where a record has one, is the source's own name for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from tenure.readers.base import NoSecrets, ReaderConfig, ReaderError, Row, RowProblem
from tenure.readers.push import text


class UploadSettings(BaseModel):
    """Nothing to set: `tenure push token` makes what a script needs."""

    model_config = ConfigDict(extra="forbid")


class UploadReader:
    """The records of the last upload. `partial`: they were some of those that there are."""

    Settings: ClassVar[type[BaseModel]] = UploadSettings
    Secrets: ClassVar[type[BaseModel]] = NoSecrets
    cheap: ClassVar[bool] = True

    def __init__(
        self,
        config: ReaderConfig,
        *,
        stored: Callable[[], Sequence[Any] | None] = lambda: None,
        partial: bool = False,
    ) -> None:
        if config.file is not None:
            raise ReaderError("People of this source are uploaded as JSON: it reads no file.")
        UploadSettings.model_validate(dict(config.settings))
        self.partial = partial
        self._stored = stored
        self._kept: Sequence[Any] | None = None

    def columns(self) -> Sequence[str]:
        return list(dict.fromkeys(name for row in self.rows() for name in _columns(row)))

    def rows(self) -> Iterator[Row | RowProblem]:
        if self._kept is None:
            self._kept = self._stored()
        if self._kept is None:
            raise ReaderError("Nothing was uploaded yet: POST people to the source's address.")
        for number, record in enumerate(self._kept, start=1):
            if not isinstance(record, dict):
                yield RowProblem(number, "The record is no object: expected names and values.")
                continue
            values = flat(record)
            yield Row(number, values, values.get("id", ""))


def flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Names with dots -> texts."""
    found: dict[str, str] = {}
    for name, value in record.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = text(value)
    return found


def _columns(row: Row | RowProblem) -> list[str]:
    return list(row.values) if isinstance(row, Row) else []
