"""Reading a SCIM collection to its end, page by page (RFC 7644, 3.4.2.4; by cursor RFC 9865).

Applications count wrongly, give fewer than they are asked for, ignore the start, begin at 0, refuse
to be asked for a number, and shrink while they are read. An account that is left out here looks
deleted to the engine, so when in doubt this asks once more. It must not know accounts or groups: it
sees resources with an id.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tenure.connectors.base import ConnectorError, NotFound, Rejected, RetryLater, StopApplication
from tenure.connectors.http import HttpFunnel
from tenure.connectors.scim.speech import Speech

#: How often a listing goes back because the collection shrank; then its counts are taken for wrong.
_SHRINKS = 1000
#: How often a listing by cursor begins anew because its cursor was no longer known.
_RESTARTS = 3
_LOST_CURSOR = frozenset({"expiredcursor", "invalidcursor"})


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `total` is what the application says there is in all; 0 where it does not say,
    and then it is not `counted`. `next` is the cursor of the page after it, "" where there is
    none."""

    resources: list[dict[str, Any]]
    total: int
    next: str = ""
    counted: bool = True


async def pages(
    http: HttpFunnel,
    path: str,
    *,
    speech: Speech,
    page_size: int,
    params: Mapping[str, str] | None = None,
    trusting: bool = False,
) -> AsyncIterator[list[dict[str, Any]]]:
    """Every page of resources, each with an `id` as text.

    Stops at an empty page, or at a shorter page than before where the count agrees. `trusting`
    also stops as soon as the count agrees: for a search, where nothing is lost by it. Raises
    `StopApplication` for an application that gives the same page again and again.
    """
    await speech.ready()
    asking = _Asking(http, path, speech, page_size, params or {})
    if speech.paging == "cursor":
        async for resources in _by_cursor(asking, await asking.at_cursor("")):
            yield resources
        return
    first = await asking.first()
    if first.next and speech.open("pages.by"):
        speech.learn("pages.by", "cursor", "Lists go on by nextCursor, whatever is asked for.")
        async for resources in _by_cursor(asking, first):
            yield resources
        return
    if speech.paging == "none":
        _check_shown(path, first, 0)
        if first.total > len(first.resources):
            raise StopApplication(
                f"GET {path} says that there are {first.total} and shows {len(first.resources)}, "
                "and it does not page: nothing is concluded from a part."
            )
        yield first.resources
        return
    async for resources in _by_index(asking, first, trusting=trusting):
        yield resources


async def first_page(http: HttpFunnel, path: str, *, speech: Speech, page_size: int) -> Page:
    """The first page of a collection. Raises what goes wrong."""
    await speech.ready()
    asking = _Asking(http, path, speech, page_size, {})
    return await (asking.at_cursor("") if speech.paging == "cursor" else asking.first())


class _Asking:
    """How pages of one collection are asked for."""

    def __init__(
        self,
        http: HttpFunnel,
        path: str,
        speech: Speech,
        page_size: int,
        params: Mapping[str, str],
    ) -> None:
        self.http, self.path, self.speech, self.params = http, path, speech, params
        self._page_size = page_size

    async def first(self) -> Page:
        """The first page, found out about if need be: some fail when they are asked for a number,
        some when they are asked for a start."""
        try:
            return await self.at_index(1)
        except (Rejected, RetryLater, NotFound) as error:
            refused = error
        speech, status = self.speech, refused.status
        # With a filter, a mistake in what is asked for is the filter's.
        if status >= 500 or (status in {400, 404} and not self.params):
            if speech.open("pages.count") and speech.paging == "index":
                page = await self._tried({"startIndex": str(speech.first_index)})
                if page is not None:
                    why = f"It fails ({status}) when it is asked for a number (count)."
                    speech.learn("pages.count", False, why)
                    return page
            if speech.open("pages.by") and not self.params:
                page = await self._tried({})
                if page is not None:
                    why = f"It fails ({status}) when it is asked for pages."
                    speech.learn("pages.by", "none", why)
                    return page
        raise _as_stop(refused) from None

    async def at_index(self, start: int, *, at_end: bool = False) -> Page:
        """The page that begins with this one, counted from 1."""
        if self.speech.paging == "none":
            return await self._page({})
        return await self._page(
            {"startIndex": str(start - 1 + self.speech.first_index), **self._count()},
            at_end=at_end,
        )

    async def at_cursor(self, cursor: str) -> Page:
        """The page that the cursor stands for; the first one for ""."""
        try:
            return await self._page({"cursor": cursor, **self._count()})
        except NotFound as error:
            raise _as_stop(error) from None

    async def at_zero(self) -> Page | None:
        """The page that begins before the first, where there is such a thing."""
        return await self._tried({"startIndex": "0", **self._count()})

    def _count(self) -> dict[str, str]:
        size = self.speech.page_size(self._page_size)
        return {} if size is None else {"count": str(size)}

    async def _tried(self, asked: Mapping[str, str]) -> Page | None:
        try:
            return await self._page(asked)
        except ConnectorError:
            return None

    async def _page(self, asked: Mapping[str, str], *, at_end: bool = False) -> Page:
        try:
            body = await self.http.read(self.path, params={**asked, **self.params})
        except (NotFound, Rejected):
            # Some refuse a start beyond the end. That is an end too.
            if at_end:
                return Page([], 0)
            raise
        return _understood(self.path, body)


async def _by_index(
    asking: _Asking, page: Page, *, trusting: bool
) -> AsyncIterator[list[dict[str, Any]]]:
    path = asking.path
    start, previous_total, longest, shrunk = 1, 0, 0, 0
    firsts: set[tuple[str, str]] = set()
    while True:
        resources, seen = page.resources, start - 1
        if 0 < page.total < previous_total and start > 1 and shrunk < _SHRINKS:
            # Something was deleted since the page before, and the rest moved up, perhaps past
            # this page's beginning: read again from so many earlier. What comes twice is known
            # twice, which does no harm; what is left out would look deleted.
            start = max(1, start - (previous_total - page.total))
            previous_total, shrunk = page.total, shrunk + 1
            firsts.clear()
            page = await _next(asking, start, previous_total)
            continue
        if not resources:
            if (previous_total or page.total) == seen + 1 and not shrunk:
                missed = await _from_zero(asking, firsts)
                if missed:
                    yield missed
                    return
            if not trusting:
                _check_shown(path, page, seen)
            return
        ends = (resources[0]["id"], resources[-1]["id"])
        if ends in firsts:
            if seen >= page.total > 0 or (trusting and page.total == 0):
                return  # It gives everything at every request.
            raise StopApplication(
                f"GET {path}: startIndex={start} is answered with the same page as before, after "
                f"{seen} of {page.total or 'an unknown number'}: the application does not page. "
                "Ask for more per page if it allows that, or tell its maker."
            )
        firsts.add(ends)
        previous_total = page.total
        start += len(resources)
        agrees = 0 < page.total < start
        ends_here = agrees and (trusting or len(resources) < longest)
        longest = max(longest, len(resources))
        if ends_here or trusting:
            yield resources
            if ends_here:
                return
            page = await _next(asking, start, previous_total)
            continue
        async with _ahead(_next(asking, start, previous_total)) as upcoming:
            yield resources
            page = await upcoming


@asynccontextmanager
async def _ahead(asking: Coroutine[Any, Any, Page]) -> AsyncIterator[asyncio.Task[Page]]:
    """The next page is under way while somebody works on this one; not any more if they end."""
    task = asyncio.create_task(asking)
    # It is sent now, not only when whoever works on the page waits for something.
    await asyncio.sleep(0)
    try:
        yield task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        elif not task.cancelled():
            task.exception()  # Nobody may have waited for it.


async def _next(asking: _Asking, start: int, total: int) -> Page:
    try:
        return await asking.at_index(start, at_end=0 < total < start)
    except NotFound as error:
        raise _as_stop(error) from None


async def _from_zero(asking: _Asking, ends: set[tuple[str, str]]) -> list[dict[str, Any]]:
    """One fewer than it counts was shown: perhaps it counts from 0, and the first was left out."""
    if not asking.speech.open("pages.first"):
        return []
    page = await asking.at_zero()
    if not page or not page.resources or page.resources[0]["id"] in {first for first, _ in ends}:
        return []
    asking.speech.learn("pages.first", 0, "Its startIndex begins at 0, not at 1.")
    return page.resources


async def _by_cursor(asking: _Asking, page: Page) -> AsyncIterator[list[dict[str, Any]]]:
    path = asking.path
    cursors: set[str] = set()
    seen, restarts = 0, 0
    while True:
        if not page.resources and not page.next:
            _check_shown(path, page, seen)
        seen += len(page.resources)
        if not page.next or page.next in cursors:
            if page.resources:
                yield page.resources
            if not page.next:
                return
            raise StopApplication(
                f"GET {path}: the page after {seen} names a cursor that was used before: the "
                "application does not page. Tell its maker."
            )
        cursors.add(page.next)
        try:
            async with _ahead(asking.at_cursor(page.next)) as upcoming:
                if page.resources:
                    yield page.resources
                page = await upcoming
        except Rejected as error:
            lost = getattr(error, "code", "").casefold() in _LOST_CURSOR
            if not lost or restarts >= _RESTARTS:
                raise
            # The cursor was forgotten meanwhile: from the beginning. What comes twice does no harm.
            restarts += 1
            cursors.clear()
            page = await asking.at_cursor("")


def _as_stop(error: ConnectorError) -> ConnectorError:
    """Where a whole collection is not there, the address is wrong."""
    if not isinstance(error, NotFound):
        return error
    stop = StopApplication(
        f"{error} Check the address: it has to end where the application's SCIM begins, often in "
        "/scim/v2."
    )
    stop.status = error.status
    return stop


def _understood(path: str, body: Any) -> Page:
    if not isinstance(body, dict):
        raise StopApplication(
            f"GET {path} was answered without a list of resources: check that the address is that "
            "of SCIM 2.0."
        )
    given = body.get("Resources")
    resources = [] if given is None else given
    total = body.get("totalResults")
    cursor = body.get("nextCursor")
    if not isinstance(resources, list) or ("Resources" not in body and total is None):
        raise StopApplication(
            f"GET {path} was answered with JSON that is no SCIM list (no Resources): check that "
            "the address is that of SCIM 2.0."
        )
    for resource in resources:
        if not isinstance(resource, dict) or resource.get("id") in (None, ""):
            raise StopApplication(
                f"GET {path} lists something without an id: accounts cannot be told apart. Tell "
                "the application's maker."
            )
        if type(resource["id"]) is not str:
            resource["id"] = str(resource["id"])
    return Page(
        resources,
        total if isinstance(total, int) else 0,
        cursor if isinstance(cursor, str) else "",
        isinstance(total, int),
    )


def _check_shown(path: str, page: Page, seen: int) -> None:
    if seen == 0 and page.total > 0 and not page.resources:
        raise StopApplication(
            f"GET {path} says that there are {page.total} and shows none of them: the credentials "
            "may lack the right to read them. Nothing is concluded from that."
        )
