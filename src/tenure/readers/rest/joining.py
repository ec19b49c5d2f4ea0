"""What belongs to a record and stands in other lists, put into it. Tables that are read whole are
read once for a reading, and kept in memory for it. It must not know columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenure.connectors.base import NotFound
from tenure.connectors.rest.listing import pages
from tenure.connectors.rest.templates import as_text
from tenure.connectors.rest.transport import fresh
from tenure.connectors.rest.verbs import thing
from tenure.readers.rest.asking import PatientTransport
from tenure.readers.rest.program import JoinProgram

Table = Mapping[str, list[Any]]


class Joins:
    """The joins of one reading. `few`: it is about a few records, so tables are not read for them
    where each can be asked for."""

    def __init__(
        self,
        joins: tuple[JoinProgram, ...],
        transport: PatientTransport,
        variables: Mapping[str, Any],
        *,
        few: bool = False,
    ) -> None:
        self._joins, self._transport, self._variables, self._few = joins, transport, variables, few
        self._tables: dict[str, Table] = {}

    async def open(self) -> None:
        """Reads the tables, so that what is wrong with them is told before the first record."""
        for join in self._joins:
            if not self._asked_for_each(join):
                self._tables[join.name] = await self._table(join)

    async def complete(self, item: dict[str, Any], id: str) -> dict[str, Any]:
        """The record with what belongs to it, in the order of the joins: a later one may be joined
        by what an earlier one found."""
        for join in self._joins:
            on = join.on.of(item) if join.on is not None else id
            found = await self._found(join, on, item, id)
            one: Any = found if join.many else next(iter(found), None)
            item = {**item, join.name: one}
        return item

    def _asked_for_each(self, join: JoinProgram) -> bool:
        return join.list is None or (self._few and join.get is not None)

    async def _found(self, join: JoinProgram, on: Any, item: dict[str, Any], id: str) -> list[Any]:
        if on in (None, "", []):
            return []
        if not self._asked_for_each(join):
            table = self._tables[join.name]
            keys = on if isinstance(on, list) else [on]
            return [one for key in keys for one in table.get(as_text(key), ())]
        assert join.get is not None
        given = {"fresh": fresh(), **self._variables, "id": id, "item": item, "on": on}
        try:
            if join.many:
                return [
                    one async for page in pages(self._transport, join.get, given) for one in page
                ]
            reply = await self._transport.send(join.get, {**given, "page": {}})
            return [thing(join.get, reply)]
        except NotFound:
            return []

    async def _table(self, join: JoinProgram) -> Table:
        assert join.list is not None
        table: dict[str, list[Any]] = {}
        given = {"fresh": fresh(), **self._variables}
        async for page in pages(self._transport, join.list, given):
            for one in page:
                key = join.key.get(one)
                for text in key if isinstance(key, list) else [key]:
                    if text not in (None, ""):
                        table.setdefault(as_text(text), []).append(one)
        return table
