"""A source in memory that can do all that a source can: the one to try the import with. It keeps
what changed since when, forgets it when it is told to, and is busy or broken on demand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from tenure.connectors.base import Check
from tenure.readers.base import (
    AccessRefused,
    CursorExpired,
    Gone,
    ReaderConfig,
    ReaderError,
    RecordRefused,
    Row,
    RowProblem,
)
from tenure.readers.webhook import Webhook


class MemorySettings(BaseModel):
    """Which of the sources in this process."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(title="Name", description="Sources of the same name have the same records.")


class MemorySecrets(BaseModel):
    """What the source asks for, where it asks for anything."""

    model_config = ConfigDict(extra="forbid")

    password: str = Field("", title="Password", description="Empty: the source asks for none.")
    webhook_key: str = Field("", title="Webhook key", description="Signs its webhooks.")


@dataclass(slots=True)
class MemorySource:
    """Its records by their own ids, in order, and the last change of each. Set what it should do
    wrong: `failure` is raised by whatever is asked next, and stays."""

    columns: tuple[str, ...] = ()
    records: dict[str, dict[str, str]] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    clock: int = 0
    #: Changes before this are not known any more.
    oldest: int = 0
    password: str = ""
    #: What its webhooks look like, where it sends any.
    webhook: Webhook | None = None
    failure: ReaderError | None = None
    #: Ids of records that are answered as broken.
    broken: set[str] = field(default_factory=set)
    #: What was asked, in order: `rows`, `changes 3`, `fetch 7`, `write 7`.
    asked: list[str] = field(default_factory=list)

    def put(self, id: str, **values: str) -> None:
        """Make or change a record: names are those of columns."""
        self.columns = tuple(dict.fromkeys((*self.columns, *values)))
        self.records[id] = {**self.records.get(id, {}), **values}
        self._note(id)

    def drop(self, id: str) -> None:
        del self.records[id]
        self._note(id)

    def forget(self) -> None:
        """What has changed so far is not known any more."""
        self.oldest = self.clock + 1

    def _note(self, id: str) -> None:
        self.clock += 1
        self.changed.pop(id, None)
        self.changed[id] = self.clock


_SOURCES: dict[str, MemorySource] = {}


def memory_source(name: str) -> MemorySource:
    """The one of this name, made at first use."""
    return _SOURCES.setdefault(name, MemorySource())


def forget_all() -> None:
    _SOURCES.clear()


class MemoryReader:
    """Reads a source of this process: whole, what changed, one record; and writes to it."""

    Settings: ClassVar[type[BaseModel]] = MemorySettings
    Secrets: ClassVar[type[BaseModel]] = MemorySecrets

    def __init__(self, config: ReaderConfig) -> None:
        if config.file is not None:
            raise ReaderError("People of this source are in memory: it reads no file.")
        name = MemorySettings.model_validate(dict(config.settings)).name
        self._source = memory_source(name)
        self._password = str(config.secrets.get("password", ""))
        self._cursor = ""
        if self._source.webhook is not None:
            self.webhook = self._source.webhook

    def columns(self) -> Sequence[str]:
        self._enter("columns")
        return self._source.columns

    def rows(self) -> Iterator[Row | RowProblem]:
        self._enter("rows")
        until = self._source.clock
        for line, id in enumerate(list(self._source.records), start=1):
            if id in self._source.records:
                yield self._row(line, id)
        self._cursor = str(until)

    def changes(self, cursor: str) -> Iterator[Row | RowProblem | Gone]:
        self._enter(f"changes {cursor}")
        since, until = int(cursor), self._source.clock
        if since + 1 < self._source.oldest:
            raise CursorExpired(f"What changed since {cursor} is not known any more.")
        ids = [id for id, at in self._source.changed.items() if at > since]
        for line, id in enumerate(ids, start=1):
            yield self._row(line, id) if id in self._source.records else Gone(id)
        self._cursor = str(until)

    def cursor(self) -> str:
        return self._cursor

    def fetch(self, id: str) -> Row | RowProblem | Gone:
        self._enter(f"fetch {id}")
        return self._row(1, id) if id in self._source.records else Gone(id)

    def write(self, id: str, values: Mapping[str, str]) -> None:
        self._enter(f"write {id}")
        if id not in self._source.records:
            raise RecordRefused(f"There is no record {id}.")
        if any(self._source.records[id].get(name) != text for name, text in values.items()):
            self._source.put(id, **values)

    def check(self) -> Sequence[Check]:
        try:
            self._enter("check")
        except ReaderError as error:
            return [Check("connection", False, str(error))]
        return [Check("connection", True, f"{len(self._source.records)} records")]

    def _enter(self, what: str) -> None:
        self._source.asked.append(what)
        if self._source.failure is not None:
            raise self._source.failure
        if self._password != self._source.password:
            raise AccessRefused("The password is wrong.")

    def _row(self, line: int, id: str) -> Row | RowProblem:
        if id in self._source.broken:
            return RowProblem(line, f"The record {id} is broken.")
        given = self._source.records[id]
        return Row(line, {name: given.get(name, "") for name in self._source.columns}, id)
