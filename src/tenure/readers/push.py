"""People who are pushed here by SCIM: what was pushed is kept where it came in and read from there.

A column is an attribute as account mappings write it (`userName`, `name.givenName`, `emails.work`,
`enterprise.department`, `urn:...:costCentre`), or `groups`: the names of the groups that somebody
is in, with commas. What a resource does not have is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

from pydantic import BaseModel, ConfigDict

from tenure.readers.base import NoSecrets, ReaderConfig, ReaderError, Row, RowProblem

#: The number of each resource, and its columns.
Stored: TypeAlias = Callable[[], Iterator[tuple[int, Mapping[str, str]]]]


class PushSettings(BaseModel):
    """Nothing to set: `tenure push token` makes what the other side needs."""

    model_config = ConfigDict(extra="forbid")


class PushReader:
    """What was pushed, as rows. Its mapping says which columns there are."""

    Settings: ClassVar[type[BaseModel]] = PushSettings
    Secrets: ClassVar[type[BaseModel]] = NoSecrets
    cheap: ClassVar[bool] = True

    def __init__(
        self, config: ReaderConfig, *, columns: Sequence[str] = (), stored: Stored | None = None
    ) -> None:
        if config.file is not None:
            raise ReaderError("People of this source are pushed by SCIM: it reads no file.")
        PushSettings.model_validate(dict(config.settings))
        self._columns, self._stored = columns, stored

    def columns(self) -> Sequence[str]:
        return self._columns

    def rows(self) -> Iterator[Row | RowProblem]:
        for number, values in self._stored() if self._stored else ():
            yield Row(number, values)


def text(value: Any) -> str:
    """A value of a resource as a column has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(text(item) for item in value)
    return "" if value is None else str(value)
