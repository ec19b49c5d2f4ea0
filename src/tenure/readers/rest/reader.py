"""The reader of any HR system whose interface is written down in a specification.

It turns the port's synchronous promises into readings of `people`, one event loop each. What a
source cannot do by its specification is not there: see the protocols of `readers.base`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from pydantic import BaseModel, ValidationError

from tenure.connectors.base import Check, Limits, OutcomeUnknown, RetryLater, SettingsError
from tenure.connectors.rest.forms import RestSecrets, RestSettings
from tenure.connectors.rest.opening import given, stricter
from tenure.connectors.rest.reading import problems_of
from tenure.readers.base import Gone, ReaderConfig, ReaderError, Row, RowProblem
from tenure.readers.looping import iterate, run
from tenure.readers.rest.asking import PatientTransport
from tenure.readers.rest.checks import checked
from tenure.readers.rest.opening import RestReaderSettings, program_for, schemas_for
from tenure.readers.rest.people import People
from tenure.readers.rest.values import moment_as
from tenure.readers.webhook import Webhook

Page = list[Row | RowProblem | Gone]


class RestReader:
    """People by HTTP, by a specification in YAML. See docs/reference/rest-sources.md."""

    Settings: ClassVar[type[BaseModel]] = RestReaderSettings
    Secrets: ClassVar[type[BaseModel]] = RestSecrets

    #: There only where the specification says how.
    changes: Callable[[str], Iterator[Row | RowProblem | Gone]]
    cursor: Callable[[], str]
    fetch: Callable[[str], Row | RowProblem | Gone]
    write: Callable[[str, Mapping[str, str]], None]
    webhook: Webhook

    def __init__(self, config: ReaderConfig) -> None:
        if config.file is not None:
            raise ReaderError("People of this source are asked for over HTTP: it reads no file.")
        try:
            self._program = program_for(config.settings)
            spec, schemas = self._program.spec, schemas_for(config.settings)
            self._values, self._given = given(
                spec, schemas, config.settings, config.secrets, config.tokens
            )
        except SettingsError as error:
            raise ReaderError(f"The specification cannot be used: {error}.") from None
        except ValidationError as error:
            told = "; ".join(map(str, problems_of(error)))
            raise ReaderError(f"The settings of {spec.name} are wrong: {told}") from None
        self._tokens = config.tokens
        self._limits = stricter(spec.limits, Limits())
        self._cursor = ""
        if spec.people.changes is not None:
            self.changes, self.cursor = self._changes, self._where
        if spec.people.get is not None:
            self.fetch = self._fetch
        if spec.people.write is not None:
            self.write = self._write
        if spec.webhook is not None:
            self.webhook = spec.webhook

    @classmethod
    def schemas_for(cls, settings: Mapping[str, Any]) -> tuple[type[BaseModel], type[BaseModel]]:
        """The forms of the source that these settings specify. Raises `SettingsError`."""
        return schemas_for(settings)

    @classmethod
    def columns_for(cls, settings: Mapping[str, Any]) -> Sequence[str]:
        """The columns that these settings specify. Raises `SettingsError`."""
        return list(program_for(settings).columns)

    @classmethod
    def writable_for(cls, settings: Mapping[str, Any]) -> Sequence[str]:
        """The columns that it takes back. Raises `SettingsError`."""
        write = program_for(settings).spec.people.write
        return list(write.columns) if write is not None else []

    def columns(self) -> Sequence[str]:
        return list(self._program.columns)

    def rows(self) -> Iterator[Row | RowProblem]:
        people = self._people()

        async def pages() -> AsyncIterator[list[Row | RowProblem]]:
            async with people:
                async for page in people.rows():
                    yield page

        self._cursor = ""
        for page in iterate(pages):
            yield from page
        self._remember(people, "")

    def _changes(self, cursor: str) -> Iterator[Row | RowProblem | Gone]:
        people = self._people()

        async def pages() -> AsyncIterator[Page]:
            async with people:
                async for page in people.changes(cursor):
                    yield page

        for page in iterate(pages):
            yield from page
        self._remember(people, cursor)

    def _where(self) -> str:
        return self._cursor

    def _remember(self, people: People, before: str) -> None:
        """Where to go on next time, now that all was read."""
        changes = self._program.spec.people.changes
        if changes is None:
            return
        if changes.cursor.by == "answer" and before:
            self._cursor = people.answered or before
            return
        begun = people.begun - timedelta(seconds=changes.cursor.overlap)
        self._cursor = moment_as(begun, "iso")

    def _fetch(self, id: str) -> Row | RowProblem | Gone:
        async def fetched() -> Row | RowProblem | Gone:
            async with self._people() as people:
                return await people.fetch(id)

        return run(fetched())

    def _write(self, id: str, values: Mapping[str, str]) -> None:
        write = self._program.spec.people.write
        unknown = sorted(values.keys() - set(write.columns if write else ()))
        if unknown:
            raise ReaderError(
                f"{self._program.spec.name} takes {', '.join(write.columns if write else ())} "
                f"back, and not {', '.join(unknown)}."
            )

        async def written() -> None:
            async with self._people() as people:
                try:
                    await people.write(id, values)
                except OutcomeUnknown as error:
                    # The same again does no harm: it is looked at first.
                    raise RetryLater(str(error)) from None

        run(written())

    def check(self) -> Sequence[Check]:
        """Names, encryption, credentials, the specification's own checks, people, columns."""
        return run(checked(self._program, self._people()))

    def _people(self) -> People:
        values = self._values
        assert isinstance(values, RestSettings)
        transport = PatientTransport(
            self._program,
            self._given,
            limits=self._limits,
            timeouts=values.timeouts,
            allow_http=values.allow_http,
            tokens=self._tokens,
        )
        return People(self._program, transport, self._given["settings"])
