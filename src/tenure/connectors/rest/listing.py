"""Reading a listing to its end, whatever way it is paged.

What is left out here looks deleted to the engine. So a listing ends where the application says so
and shows it: at an empty page, at a count that agrees, at a page without a next one. Where pages
repeat without end, or a page is no list, it stops the application and says why. It must not know
accounts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from tenure.connectors.base import NotFound, Rejected, RetryLater, StopApplication
from tenure.connectors.rest.judging import Reply
from tenure.connectors.rest.program import Call, Pages, Steps
from tenure.connectors.rest.templates import as_text
from tenure.connectors.rest.transport import Transport

_MOST_PAGES = 100_000
#: How often a listing goes back because the collection shrank.
_MOST_SHRINKS = 1_000


async def pages(
    transport: Transport, call: Call, variables: Mapping[str, Any], *, first_only: bool = False
) -> AsyncIterator[list[Any]]:
    """Every page, as its items. Raises `StopApplication` for a listing that never ends."""
    if call.pages is None:
        reply = await transport.send(call, {**variables, "page": {}})
        yield items_of(call, reply)
        return
    walk = _Walk(transport, call, call.pages, variables)
    while (page := await walk.next()) is not None:
        if page:
            yield page
        if first_only:
            return


async def portions(
    transport: Transport, steps: Steps, variables: Mapping[str, Any], *, first_only: bool = False
) -> AsyncIterator[tuple[Call, list[Any]]]:
    """What all the lists hold together, page by page; of each only the first where that is
    enough."""
    for call in steps:
        async for page in pages(transport, call, variables, first_only=first_only):
            yield call, page


def items_of(call: Call, reply: Reply) -> list[Any]:
    """The list in an answer; one thing at `item` is a list of it. Raises `StopApplication` where
    there is none."""
    if call.item is not None:
        one = call.item.get(reply.body)
        return [] if one in (None, "", {}) else [one]
    found = call.items.get(reply.body)
    if isinstance(found, Mapping):
        # A language whose lists are maps writes a list with holes as an object.
        values = list(found.values())
        if all(isinstance(one, Mapping) for one in values):
            return values
    if found is None and (reply.status == 204 or call.spec.absent_is_empty):
        return []
    if not isinstance(found, list):
        raise StopApplication(
            f"{call.spec.request.partition('?')[0]} was answered without a list at {call.items} "
            f"({call.where}): the answer {_described(reply.body)}. Correct `items` in the "
            "specification, or check the address."
        )
    return found


def _described(body: Any) -> str:
    if isinstance(body, Mapping):
        return f"has {', '.join(map(str, list(body)[:10])) or 'nothing'}"
    if isinstance(body, list):
        return "is a list itself"
    return "is empty" if body is None else "is no JSON object"


@dataclass(slots=True)
class _Walk:
    """Where a listing stands."""

    transport: Transport
    call: Call
    pages: Pages
    variables: Mapping[str, Any]
    number: int = field(init=False)
    seen: int = 0
    cursor: str | None = None
    url: str = ""
    count: int = 0
    total: int = 0
    longest: int = 0
    shrunk: int = 0
    ended: bool = False
    prints: set[bytes] = field(default_factory=set)
    cursors: set[str] = field(default_factory=set)
    last: bytes = b""

    def __post_init__(self) -> None:
        self.number = self.pages.spec.start

    async def next(self) -> list[Any] | None:
        """The next page; [] for one that was taken back, None at the end."""
        if self.ended:
            return None
        if self.count >= _MOST_PAGES:
            raise self._endless(f"there are more than {_MOST_PAGES} pages")
        reply = await self._reply()
        if reply is None:
            return None
        self.count += 1
        items = items_of(self.call, reply)
        if self._went_back(reply):
            return []
        if not items and not self._follows():
            self._check_shown(reply)
            return None
        if items and self._repeats(items, reply):
            return None
        self._on(items, reply)
        return items

    def _follows(self) -> bool:
        """Whether the application itself says what is next: an empty page is then no end."""
        return self.pages.spec.by in {"cursor", "url", "link"}

    async def _reply(self) -> Reply | None:
        spec = self.pages.spec
        page: dict[str, Any] = {
            "size": spec.size,
            "number": self.number,
            "offset": self.seen + spec.start,
        }
        if self.cursor is not None:
            page["cursor"] = self.cursor
        try:
            return await self.transport.send(self.call, {**self.variables, "page": page}, self.url)
        except (NotFound, Rejected):
            if spec.past_end == "error" and self.count > 0:
                return None
            raise

    def _went_back(self, reply: Reply) -> bool:
        """Something was deleted since the page before, and the rest moved up, perhaps past this
        page's beginning: it is read again from so many earlier. What comes twice does no harm."""
        before, self.total = self.total, self._total(reply) or self.total
        now = self._total(reply)
        if self._follows() or not 0 < now < before or self.seen == 0:
            return False
        if self.shrunk >= _MOST_SHRINKS:
            return False
        self.shrunk += 1
        self.seen = max(0, self.seen - (before - now))
        self.number = max(self.pages.spec.start, self.number - 1)
        self.prints.clear()
        return True

    def _total(self, reply: Reply) -> int:
        found = self.pages.total.get(reply.body) if self.pages.total else None
        try:
            return int(found) if found is not None else 0
        except (TypeError, ValueError):
            return 0

    def _repeats(self, items: list[Any], reply: Reply) -> bool:
        """True where it is the end; raises where it is a listing that does not page."""
        print_ = orjson.dumps([items[0], items[-1], len(items)], option=orjson.OPT_SORT_KEYS)
        again, last, self.last = print_ in self.prints, self.last, print_
        self.prints.add(print_)
        if not again:
            return False
        if not self._follows() and 0 < self.total <= self.seen:
            return True  # It gives everything at every request, or the last page again.
        spec = self.pages.spec
        # A first page that is full and comes again may as well be a listing that never pages.
        told = self.count > 2 or len(items) < spec.size
        if spec.past_end == "repeat" and print_ == last and told:
            return True
        raise self._endless(f"the same page came twice, after {self.seen} items")

    def _on(self, items: list[Any], reply: Reply) -> None:
        """Where the next page is; or that there is none."""
        self.seen += len(items)
        self.number += 1
        spec = self.pages.spec
        if spec.more and not _yes(self.pages.more.of(reply.seen)):
            self.ended = True
        if spec.by == "cursor":
            value = self.pages.next.of(reply.seen)
            self._next_cursor("" if value in (None, False) else as_text(value))
        elif spec.by in {"url", "link"}:
            value = self.pages.next.of(reply.seen) if spec.by == "url" else _link(reply)
            self._next_cursor(as_text(value) if value else "")
            self.url = self.transport.same_server(self.cursor) if self.cursor else ""
        elif 0 < self.total <= self.seen and len(items) < max(self.longest, spec.size):
            self.ended = True
        self.longest = max(self.longest, len(items))

    def _next_cursor(self, value: str) -> None:
        if not value:
            self.ended = True
            self.cursor = None
            return
        if value in self.cursors and not self.ended:
            raise self._endless("the next page is one that was read already")
        self.cursors.add(value)
        self.cursor = value

    def _check_shown(self, reply: Reply) -> None:
        if self.seen == 0 and self._total(reply) > 0:
            raise StopApplication(
                f"{self.call.where}: the application says that there are {self._total(reply)} and "
                "shows none of them. The credentials may lack the right to read them, or `items` "
                "is in the wrong place. Nothing is concluded from that."
            )

    def _endless(self, why: str) -> StopApplication | RetryLater:
        return StopApplication(
            f"{self.call.where}: the listing does not end: {why}. Correct `paging` and the query "
            "in the specification: the application may call its page or offset something else."
        )


def _yes(value: Any) -> bool:
    return value is True or (isinstance(value, int) and value > 0) or str(value).lower() == "true"


def _link(reply: Reply) -> str:
    """The address with rel=next in a Link header (RFC 8288)."""
    for part in reply.headers.get("link", "").split(","):
        target, _, parameters = part.strip().partition(">")
        for one in parameters.split(";"):
            name, _, value = one.strip().partition("=")
            if name.lower() == "rel" and "next" in value.strip('"').lower().split():
                return target.removeprefix("<")
    return ""
