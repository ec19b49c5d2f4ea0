"""Finding accounts by a value, whatever the application's filters are worth.

What a filter gives is checked before it is used. Where filters are refused, ignored or doubted,
everybody is listed once and remembered for a short while as an index, so that many look-ups do not
list everybody many times. It must not know how lists are paged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from tenure.connectors.answers import HttpRejected
from tenure.connectors.base import ConnectorError, NotFound, RetryLater, StopApplication
from tenure.connectors.scim.attributes import flatten, path
from tenure.connectors.scim.patch import quoted
from tenure.connectors.scim.speech import Speech
from tenure.core.diff import comparable, comparables

Resource = dict[str, Any]
Pages = Callable[[Mapping[str, str]], AsyncIterator[list[Resource]]]
#: So old an index may be before what is not in it is looked for again, and never less than so many
#: times as long as it took to make.
_FRESH = 5.0
_WORTH = 10
#: Statuses with which applications refuse a filter that they do not know.
_REFUSED = frozenset({400, 403, 404, 500, 501})


class Finder:
    """One connection's. `users` lists accounts, with more query parameters; `read` reads one."""

    def __init__(
        self, speech: Speech, users: Pages, read: Callable[[str], Awaitable[Resource]]
    ) -> None:
        self._speech = speech
        self._users = users
        self._read = read
        #: A filter showed nobody where somebody was: what it does not find is looked for.
        self.doubted = False
        self._names = {"userName", "externalId"}
        self._index: dict[tuple[str, str], set[str]] | None = None
        self._building = asyncio.Lock()
        self._made = 0.0
        self._took = 0.0

    async def find(self, attribute: str, value: str) -> list[Resource]:
        """The accounts whose attribute is `value`, ignoring case."""
        wanted = comparable(value)
        if not wanted or (attribute == "externalId" and not self._speech.external_id):
            return []
        if self._speech.filterable(attribute):
            found = await self._by_filter(attribute, value, wanted)
            if found or (found is not None and not self.doubted):
                return found
        return await self._by_index(attribute, wanted)

    def note(self, resource: Resource) -> None:
        """An account that was just made or seen."""
        if self._index is not None:
            self._enter(resource)

    async def _by_filter(self, attribute: str, value: str, wanted: str) -> list[Resource] | None:
        """None where the filter is refused or ignored."""
        query = {"filter": f"{path(attribute).filter_path} eq {quoted(value)}"}
        found: dict[str, Resource] = {}
        others = False
        try:
            async for page in self._users(query):
                for resource in page:
                    if holds(resource, attribute, wanted):
                        found[resource["id"]] = resource
                    else:
                        others = True
                if others:
                    why = f"A filter by {attribute} shows others: it is ignored."
                    self._speech.learn_filter(attribute, works=False, why=why)
                    return None
        except (HttpRejected, NotFound, RetryLater, StopApplication) as error:
            if error.status not in _REFUSED:
                raise
            if not self._speech.filter_works(attribute):
                why = f"A filter by {attribute} is refused ({error.status})."
                self._speech.learn_filter(attribute, works=False, why=why)
            return None
        if found:
            self._speech.learn_filter(attribute, works=True)
        return list(found.values())

    async def _by_index(self, attribute: str, wanted: str) -> list[Resource]:
        known = self._index is not None and attribute in self._names
        if known and (found := await self._looked_up(attribute, wanted)):
            return found
        came = time.monotonic()
        if known and came - self._made < max(_FRESH, _WORTH * self._took):
            return []
        async with self._building:
            if self._index is not None and attribute in self._names and self._made >= came:
                # Somebody else listed everybody while we waited.
                return await self._looked_up(attribute, wanted)
            return await self._build(attribute, wanted)

    async def _looked_up(self, attribute: str, wanted: str) -> list[Resource]:
        found = []
        for key in sorted((self._index or {}).get((attribute, wanted), ())):
            try:
                resource = await self._read(key)
            except NotFound:
                continue
            if holds(resource, attribute, wanted):
                found.append(resource)
        return found

    async def _build(self, attribute: str, wanted: str) -> list[Resource]:
        """Lists everybody; what matches is given as it was listed."""
        began = time.monotonic()
        self._names.add(attribute)
        self._index = {}
        found: dict[str, Resource] = {}
        try:
            async for page in self._users({}):
                for resource in page:
                    self._enter(resource)
                    if holds(resource, attribute, wanted):
                        found[resource["id"]] = resource
        except ConnectorError:
            self._index = None
            raise
        self._made = time.monotonic()
        self._took = self._made - began
        return list(found.values())

    def _enter(self, resource: Resource) -> None:
        assert self._index is not None
        for name, value in flatten(resource, self._names).items():
            for text in comparables(value):
                self._index.setdefault((name, text), set()).add(resource["id"])


def holds(resource: Mapping[str, Any], attribute: str, wanted: str) -> bool:
    """Whether the attribute has the value, given as `comparable`."""
    return wanted in comparables(flatten(resource, (attribute,)).get(attribute))
