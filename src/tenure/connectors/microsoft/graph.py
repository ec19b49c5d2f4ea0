"""Microsoft Graph as all parts of the connector use it: paging, filters, its error bodies, and what
is not there yet because it was only just made.

It must not know users, groups or licences.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from tenure.connectors.answers import Explanation
from tenure.connectors.base import RetryLater, StopApplication
from tenure.connectors.http import HttpFunnel
from tenure.connectors.later import JustMade

#: Codes in `details` that mean that a unique value is taken.
_TAKEN = frozenset({"ObjectConflict", "ConflictingObjects"})
#: Needed for some filters (https://learn.microsoft.com/en-us/graph/aad-advanced-queries).
ADVANCED = {"ConsistencyLevel": "eventual"}


class Graph:
    """On an open funnel."""

    def __init__(self, http: HttpFunnel, address: str) -> None:
        self._http = http
        self._address = address.rstrip("/")
        self.made = JustMade()

    @property
    def http(self) -> HttpFunnel:
        return self._http

    @property
    def address(self) -> str:
        return self._address

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """One resource."""
        return await self._http.one(path, params=params)

    async def pages(
        self, path: str, params: Mapping[str, str], *, advanced: bool = False
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """A collection, by its `@odata.nextLink`, whose headers have to be sent again each time
        (https://learn.microsoft.com/en-us/graph/paging)."""
        headers = ADVANCED if advanced else None
        given: Mapping[str, str] | None = params | {"$count": "true"} if advanced else params  # type: ignore[operator]
        async for found in self._linked(path, given, headers):
            yield _values(found)

    async def delta(
        self, path: str, params: Mapping[str, str] | None = None
    ) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        """What changed, page by page; with the last one the path to go on from, "" before
        (https://learn.microsoft.com/en-us/graph/delta-query-overview). `path` is such a one, or
        the collection's own."""
        link = ""
        async for found in self._linked(path, params, None):
            given = str(found.get("@odata.deltaLink") or "")
            link = self._inside(path, given) if given else ""
            yield _values(found), link
        if not link:
            raise RetryLater(f"GET {path} ended without saying where to go on. It is read again.")

    async def _linked(
        self, path: str, given: Mapping[str, str] | None, headers: Mapping[str, str] | None
    ) -> AsyncIterator[dict[str, Any]]:
        seen = set()
        while True:
            found = await self._http.request(
                "GET", path, write=False, params=given, headers=headers
            )
            if not isinstance(found, dict) or not isinstance(found.get("value"), list):
                raise RetryLater(f"GET {path} was answered with no list. It is read again later.")
            yield found
            link = str(found.get("@odata.nextLink") or "")
            if not link:
                return
            if link in seen:
                raise StopApplication(f"GET {path} gives the same page again: it has no end.")
            seen.add(link)
            path, given = self._inside(path, link), None

    def _inside(self, path: str, link: str) -> str:
        """A link as a path after our address. Raises `StopApplication` where it is not."""
        if not link.startswith(f"{self._address}/"):
            raise StopApplication(
                f"GET {path}: the next page is at {link.split('?')[0][:200]}, which is not after "
                f"this one at {self._address}: nothing was read to its end."
            )
        return link.removeprefix(self._address)


def _values(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [one for one in found["value"] if isinstance(one, dict)]


def explain(body: Any) -> Explanation:
    """`{"error": {"code", "message", "details": [{"code", "target"}]}}`
    (https://learn.microsoft.com/en-us/graph/errors)."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return Explanation()
    details = [one for one in error.get("details") or [] if isinstance(one, dict)]
    code = str(error.get("code") or "")
    if any(one.get("code") in _TAKEN for one in details):
        # What the table of answers takes for a name that is taken.
        code = "uniqueness"
    hint = " It may hold an administrator's role." if code == "Authorization_RequestDenied" else ""
    return Explanation(f"{error.get('message') or code}{hint}", code)
