"""GitHub's interface as all parts of the connector use it: pages by number, and refusals that mean
"slower". It must not know members or teams.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from tenure.connectors.answers import Explanation
from tenure.connectors.base import NotFound, RetryLater
from tenure.connectors.http import HttpFunnel
from tenure.connectors.later import heeding

HEADERS = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
}
#: A 403 can be a limit, the hourly or a secondary one, and says so only in words
#: (https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api).
_SLOWER = re.compile(r"rate limit|abuse detection", re.IGNORECASE)
_AGAIN = 60.0
_MOST_PAGES = 10_000


class Api:
    """On an open funnel."""

    def __init__(self, http: HttpFunnel, page_size: int) -> None:
        self._http = http
        self._size = page_size

    async def get(self, path: str) -> dict[str, Any]:
        """One resource. Raises `NotFound`."""
        return await heeding(self._http.one(path), _SLOWER, _AGAIN)

    async def maybe(self, path: str) -> dict[str, Any] | None:
        """One resource, or None where it is not there."""
        try:
            return await self.get(path)
        except NotFound:
            return None

    async def send(self, method: str, path: str, body: Any = None) -> Any:
        """A change of one resource."""
        return await heeding(self._http.write(method, path, body, single=True), _SLOWER, _AGAIN)

    async def pages(
        self, path: str, params: Mapping[str, str] | None = None
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """A list, until a page is empty: some are short before the last one."""
        for number in range(1, _MOST_PAGES):
            given = {**(params or {}), "per_page": str(self._size), "page": str(number)}
            found = await heeding(self._http.read(path, params=given), _SLOWER, _AGAIN)
            if not isinstance(found, list):
                raise RetryLater(f"GET {path} was answered with no list. It is read again later.")
            if not found:
                return
            yield [one for one in found if isinstance(one, dict)]


def explain(body: Any) -> Explanation:
    """`{"message", "errors": [{"field", "code", "message"}]}`."""
    if not isinstance(body, dict):
        return Explanation()
    errors = [one for one in body.get("errors") or [] if isinstance(one, dict)]
    more = [str(one.get("message") or one.get("code") or "") for one in errors]
    return Explanation(": ".join(filter(None, [str(body.get("message") or ""), *more])))
