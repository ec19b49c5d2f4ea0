"""Google's APIs as all parts of the connector use them: paging by token, their error bodies, a 403
that means "slower", and what is not there yet because it was only just made.

It must not know users, groups or licences.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Mapping
from typing import Any, TypeVar

from tenure.connectors.answers import Explanation
from tenure.connectors.base import ConnectorError, NotFound, RetryLater, StopApplication
from tenure.connectors.http import HttpFunnel

T = TypeVar("T")
_REPLICATION = 120.0
_AGAIN = 5.0
#: Reasons of a 403 that say nothing of rights
#: (https://developers.google.com/admin-sdk/directory/v1/limits).
_SLOWER = re.compile(r"\b(userRateLimitExceeded|rateLimitExceeded|quotaExceeded)\b")


class Api:
    """On an open funnel."""

    def __init__(self, http: HttpFunnel) -> None:
        self._http = http
        self._made: dict[str, float] = {}

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """One resource."""
        found = await _heeding(self._http.read(path, params=params, single=True))
        if not isinstance(found, dict):
            raise RetryLater(f"GET {path} was answered with no object. It is read again later.")
        return found

    async def send(self, method: str, path: str, body: Any = None, *, single: bool = True) -> Any:
        """A change."""
        return await _heeding(self._http.write(method, path, body, single=single))

    async def pages(
        self, path: str, key: str, params: Mapping[str, str]
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """A collection: the list under `key`, which is left out where it is empty."""
        token, seen = "", set()
        while True:
            given = {**params, "pageToken": token} if token else params
            found = await _heeding(self._http.read(path, params=given))
            if not isinstance(found, dict):
                raise RetryLater(f"GET {path} was answered with no list. It is read again later.")
            yield [one for one in found.get(key) or [] if isinstance(one, dict)]
            token = str(found.get("nextPageToken") or "")
            if not token:
                return
            if token in seen:
                raise StopApplication(f"GET {path} gives the same page again: it has no end.")
            seen.add(token)

    def note(self, identifier: str) -> None:
        """That something was made just now."""
        self._made[identifier] = time.monotonic()

    def forget(self, identifier: str) -> None:
        """That it was taken away again: that it is missing is right."""
        self._made.pop(identifier, None)

    async def soon(self, identifier: str, asking: Awaitable[T]) -> T:
        """What was made just now and is not everywhere yet is waited for, not given up."""
        try:
            return await asking
        except NotFound as error:
            made = self._made.get(identifier)
            if made is not None and time.monotonic() - made < _REPLICATION:
                raise RetryLater(
                    f"{error} It was made just now, and is not everywhere yet.", _AGAIN
                ) from None
            raise


def explain(body: Any) -> Explanation:
    """`{"error": {"code", "message", "errors": [{"domain", "reason", "message"}]}}`: the reason
    goes into the text, for whoever reads it and for `_heeding`."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return Explanation(str(error or ""))
    reasons = [str(one.get("reason")) for one in error.get("errors") or [] if one.get("reason")]
    text = str(error.get("message") or "")
    return Explanation(f"{text} ({reasons[0]})" if reasons else text, reasons[0] if reasons else "")


async def _heeding(asking: Awaitable[T]) -> T:
    try:
        return await asking
    except ConnectorError as error:
        if error.status == 403 and _SLOWER.search(str(error)):
            # No header says for how long; the engine backs off further each time.
            raise RetryLater(f"{error} Nothing was changed: it is asked for more slowly.") from None
        raise
