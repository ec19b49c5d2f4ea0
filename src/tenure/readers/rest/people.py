"""One reading of an HR system: listed, completed, turned into rows. Asynchronous; `reader` is its
outside. It must not know what becomes of rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeAlias

from tenure.connectors.base import NotFound, Rejected, StopApplication, Unsupported
from tenure.connectors.rest.program import Call
from tenure.connectors.rest.templates import MISSING, as_text, evaluate
from tenure.connectors.rest.transport import fresh
from tenure.connectors.rest.verbs import run, thing
from tenure.readers.base import CursorExpired, Gone, Row, RowProblem
from tenure.readers.rest.asking import PatientTransport, together
from tenure.readers.rest.joining import Joins
from tenure.readers.rest.program import PeopleProgram
from tenure.readers.rest.values import moment_as, text_of

#: How `begun` stands in requests.
_BEGUN = "iso"

Record: TypeAlias = Row | RowProblem
Item: TypeAlias = dict[str, Any]


class People:
    """Open it with `async with`. One reading, from its beginning to its end."""

    def __init__(
        self, program: PeopleProgram, transport: PatientTransport, settings: Mapping[str, Any]
    ) -> None:
        self._program, self._settings = program, settings
        self.transport = transport
        self.begun = datetime.now(UTC)
        self._slots = asyncio.Semaphore(max(1, program.spec.limits.concurrency))
        self._count = 0
        self._seen: set[str] = set()

    async def __aenter__(self) -> Self:
        await self.transport.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.transport.__aexit__(kind, error, traceback)

    @property
    def base_url(self) -> str:
        """Where it is; known once it is open."""
        return self.transport.base

    @property
    def variables(self) -> dict[str, Any]:
        """What every request can use."""
        return {"fields": list(self._program.fields), "begun": moment_as(self.begun, _BEGUN)}

    # Everybody.

    async def rows(self, *, first_only: bool = False) -> AsyncIterator[list[Record]]:
        """Everybody. A record that comes twice is given once."""
        joins = self._joins(few=first_only)
        await joins.open()
        lists = self.transport.portions(self._program.list, self.variables, first_only=first_only)
        async for call, items in lists:
            records = [self._record(item, whole=not call.spec.details) for item in items]
            found = [one for item in records if (one := self._kept(call, item)) is not None]
            rows = await self._all(found, joins)
            # Who is gone between the list and its own page is not there.
            yield [row for row in rows if not isinstance(row, Gone)]

    def _kept(self, call: Call, item: Any) -> tuple[Call, str, Any] | None:
        """None for what is nobody, or was there already."""
        if self._ignored(item):
            return None
        id = self._id(call, item)
        if id and id in self._seen:
            return None
        self._seen.add(id)
        return call, id, item

    async def _all(
        self, found: list[tuple[Call, str, Any]], joins: Joins
    ) -> list[Row | RowProblem | Gone]:
        return await together(self._row(*one, joins) for one in found)

    async def _row(self, call: Call, id: str, item: Any, joins: Joins) -> Row | RowProblem | Gone:
        self._count += 1
        line = self._count
        if not id:
            place = call.id.path if call.id is not None and call.id.path else self._program.id
            return RowProblem(
                line,
                f"The record has no id at {place}, so it cannot be told from others. Correct "
                "`people.id` in the specification.",
            )
        try:
            async with self._slots:
                if call.spec.details:
                    item = await self._read(id)
                    if self._ignored(item):
                        return Gone(id)
                item = await joins.complete(item, id)
            return self._made(line, id, item)
        except NotFound:
            return Gone(id)
        except (Rejected, Unsupported) as error:
            return RowProblem(line, f"{id}: {error}")

    def _made(self, line: int, id: str, item: Item) -> Row:
        empty = self._program.spec.people.empty
        values = {
            name: text_of(column.of(item, self._settings, empty), column.kind)
            for name, column in self._program.columns.items()
        }
        return Row(line, values, id)

    # One.

    async def fetch(self, id: str) -> Row | RowProblem | Gone:
        """The record as it is now."""
        joins = self._joins(few=True)
        await joins.open()
        try:
            item = await self._read(id)
            if self._ignored(item):
                return Gone(id)
            return self._made(1, id, await joins.complete(item, id))
        except NotFound:
            return Gone(id)
        except Rejected as error:
            return RowProblem(1, f"{id}: {error}")

    async def _read(self, id: str) -> Item:
        call = self._program.get
        assert call is not None
        reply = await self.transport.send(
            call, {"fresh": fresh(), **self.variables, "id": id, "page": {}}
        )
        found = thing(call, reply, lambda one: self._id(call, self._record(one)) == id)
        record: Item = self._record(found)
        return record

    # What changed.

    async def changes(self, cursor: str) -> AsyncIterator[list[Row | RowProblem | Gone]]:
        """Who changed since, each as it is now. Raises `CursorExpired`."""
        changes = self._program.changes
        assert changes is not None
        joins = self._joins(few=True)
        await joins.open()
        given = {**self.variables, **self._window(cursor)}
        lists = self.transport.portions(changes.list, given)
        while True:
            try:
                call, items = await anext(lists)
            except StopAsyncIteration:
                break
            except NotFound as error:
                raise CursorExpired(f"{error} Everything is read instead.") from None
            self._remember_answer()
            yield await self._changed(call, items, joins)
        self._remember_answer()

    async def _changed(
        self, call: Call, items: list[Any], joins: Joins
    ) -> list[Row | RowProblem | Gone]:
        changes = self._program.changes
        assert changes is not None
        gone: list[Row | RowProblem | Gone] = []
        found: list[tuple[Call, str, Any]] = []
        for listed in items:
            item = listed if changes.ids else self._record(listed)
            id = as_text(changes.ids.get(item) or "") if changes.ids else self._id(call, item)
            if changes.gone is not None and id and changes.gone.holds(self._given(item)):
                gone.append(Gone(id))
            elif not self._ignored(item) and not (changes.ids and id in self._seen):
                self._seen.add(id)
                found.append((self._program.get or call if changes.ids else call, id, item))
        if not changes.ids:
            return [*gone, *await self._all(found, joins)]
        rows = await together(self._fetched(id, joins) for _, id, _ in found if id)
        return [*gone, *rows]

    async def _fetched(self, id: str, joins: Joins) -> Row | RowProblem | Gone:
        self._count += 1
        line = self._count
        try:
            async with self._slots:
                item = await self._read(id)
                if self._ignored(item):
                    return Gone(id)
                return self._made(line, id, await joins.complete(item, id))
        except NotFound:
            return Gone(id)
        except (Rejected, Unsupported) as error:
            return RowProblem(line, f"{id}: {error}")

    def _window(self, cursor: str) -> dict[str, str]:
        """`cursor` and `until` as requests write them. Raises `CursorExpired` for one that is too
        long ago."""
        spec = self._program.spec.people.changes
        assert spec is not None
        form = spec.cursor.form
        until = moment_as(self.begun, form)
        try:
            since = datetime.fromisoformat(cursor)
        except ValueError:
            since = None
        if since is None or since.tzinfo is None:
            return {"cursor": cursor, "until": until}
        if spec.days and (self.begun - since).days >= spec.days:
            raise CursorExpired(
                f"What changed was last read on {since:%Y-%m-%d}, and the source tells no more "
                f"than {spec.days} days of it."
            )
        if spec.cursor.by == "answer":
            return {"cursor": cursor, "until": until}
        return {"cursor": moment_as(since, form), "until": until}

    def _remember_answer(self) -> None:
        changes = self._program.changes
        if changes is not None and changes.at is not None:
            found = changes.at.get(self.transport.last)
            if found not in (None, ""):
                self.answered = as_text(found)

    #: The cursor that the source's own answer held.
    answered: str = ""

    # Writing back.

    async def write(self, id: str, values: Mapping[str, str]) -> None:
        """Set these columns. Where all of them are so already, nothing is sent."""
        item = await self._read(id)
        joins = self._joins(few=True)
        await joins.open()
        row = self._made(1, id, await joins.complete(item, id))
        wanted = {name: text for name, text in values.items() if row.values.get(name) != text}
        if wanted:
            given = {"id": id, "values": wanted, "current": item, "page": {}, **self.variables}
            await run(self.transport, self._program.write, given)

    # Small things.

    def _joins(self, *, few: bool) -> Joins:
        return Joins(self._program.joins, self.transport, self.variables, few=few)

    def _record(self, item: Any, *, whole: bool = True) -> Any:
        """The record in a thing that was listed. Where it is not `whole`, it may be an id only."""
        record = self._program.record
        if record is not None and (whole or isinstance(item, dict)):
            found = evaluate(record, self._given(item))
            item = None if found is MISSING else found
        if whole and not isinstance(item, dict):
            raise StopApplication(
                "The list holds things that are no records (objects with names and values): "
                f"{str(item)[:60]!r}. Correct `items` in the specification (or people.record), or "
                "say `details: true` where the list holds ids only."
            )
        return item

    def _given(self, item: Any) -> dict[str, Any]:
        return {"item": item, "settings": self._settings}

    def _ignored(self, item: Any) -> bool:
        ignore = self._program.ignore
        return ignore is not None and ignore.holds(self._given(item))

    def _id(self, call: Call, item: Any) -> str:
        found = call.id_in(item, self._program.id)
        return as_text(found) if isinstance(found, str | int | float) and found != "" else ""
