"""Reading a SCIM collection to its end, page by page (RFC 7644, 3.4.2.4).

Applications count wrongly, give fewer than they are asked for, ignore the start, and shrink while
they are read. An account that is left out here looks deleted to the engine, so when in doubt this
asks once more. It must not know accounts or groups: it sees resources with an id.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from tenure.connectors.base import NotFound, Rejected, StopApplication
from tenure.connectors.http import HttpFunnel

#: How often a listing goes back because the collection shrank; then its counts are taken for wrong.
_SHRINKS = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `total` is what the application says there is in all; 0 where it does not say."""

    resources: list[dict[str, Any]]
    total: int


async def pages(
    http: HttpFunnel,
    path: str,
    *,
    page_size: int,
    params: Mapping[str, str] | None = None,
    trusting: bool = False,
) -> AsyncIterator[list[dict[str, Any]]]:
    """Every page of resources, each with an `id` as text.

    Stops at an empty page, or at a shorter page than before where the count agrees. `trusting`
    also stops as soon as the count agrees: for a search, where nothing is lost by it. Raises
    `StopApplication` for an application that gives the same page again and again.
    """
    start, previous_total, longest, shrunk = 1, 0, 0, 0
    firsts: set[tuple[str, str]] = set()
    while True:
        asked = {"startIndex": str(start), "count": str(page_size), **(params or {})}
        page = await _page(http, path, asked, at_end=0 < previous_total < start)
        resources, seen = page.resources, start - 1
        if 0 < page.total < previous_total and start > 1 and shrunk < _SHRINKS:
            # Something was deleted since the page before, and the rest moved up, perhaps past
            # this page's beginning: read again from so many earlier. What comes twice is known
            # twice, which does no harm; what is left out would look deleted.
            start = max(1, start - (previous_total - page.total))
            previous_total, shrunk = page.total, shrunk + 1
            firsts.clear()
            continue
        if not resources:
            _check_shown(path, page, seen)
            return
        ends = (resources[0]["id"], resources[-1]["id"])
        if ends in firsts:
            if seen >= page.total > 0:
                return  # It gives everything at every request.
            raise StopApplication(
                f"GET {path}: startIndex={start} is answered with the same page as before, after "
                f"{seen} of {page.total or 'an unknown number'}: the application does not page. "
                "Ask for more per page if it allows that, or tell its maker."
            )
        firsts.add(ends)
        previous_total = page.total
        start += len(resources)
        yield resources
        agrees = 0 < page.total < start
        if agrees and (trusting or len(resources) < longest):
            return
        longest = max(longest, len(resources))


async def _page(http: HttpFunnel, path: str, params: Mapping[str, str], *, at_end: bool) -> Page:
    try:
        body = await http.read(path, params=params)
    except NotFound as error:
        if at_end:
            return Page([], 0)
        raise StopApplication(
            f"{error} Check the address: it has to end where the application's SCIM begins, often "
            "in /scim/v2."
        ) from None
    except Rejected:
        # Some refuse a start beyond the end. That is an end too.
        if at_end:
            return Page([], 0)
        raise
    if not isinstance(body, dict):
        raise StopApplication(
            f"GET {path} was answered without a list of resources: check that the address is that "
            "of SCIM 2.0."
        )
    given = body.get("Resources")
    resources = [] if given is None else given
    total = body.get("totalResults")
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
    return Page(resources, total if isinstance(total, int) else 0)


def _check_shown(path: str, page: Page, seen: int) -> None:
    if seen == 0 and page.total > 0:
        raise StopApplication(
            f"GET {path} says that there are {page.total} and shows none of them: the credentials "
            "may lack the right to read them. Nothing is concluded from that."
        )
