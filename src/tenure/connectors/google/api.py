"""Google's APIs as all parts of the connector use them: paging by token, their error bodies, a 403
that means "slower", and what is not there yet because it was only just made.

It must not know users, groups or licences.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from tenure.connectors.answers import Explanation
from tenure.connectors.base import RetryLater, StopApplication
from tenure.connectors.http import HttpFunnel
from tenure.connectors.later import JustMade, heeding

#: Reasons of a 403 that say nothing of rights, without a header that says for how long
#: (https://developers.google.com/admin-sdk/directory/v1/limits).
_SLOWER = re.compile(r"\b(userRateLimitExceeded|rateLimitExceeded|quotaExceeded)\b")


class Api:
    """On an open funnel."""

    def __init__(self, http: HttpFunnel) -> None:
        self._http = http
        self.made = JustMade()

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """One resource."""
        return await heeding(self._http.one(path, params=params), _SLOWER)

    async def send(self, method: str, path: str, body: Any = None, *, single: bool = True) -> Any:
        """A change."""
        return await heeding(self._http.write(method, path, body, single=single), _SLOWER)

    async def pages(
        self, path: str, key: str, params: Mapping[str, str]
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """A collection: the list under `key`, which is left out where it is empty."""
        token, seen = "", set()
        while True:
            given = {**params, "pageToken": token} if token else params
            found = await heeding(self._http.read(path, params=given), _SLOWER)
            if not isinstance(found, dict):
                raise RetryLater(f"GET {path} was answered with no list. It is read again later.")
            yield [one for one in found.get(key) or [] if isinstance(one, dict)]
            token = str(found.get("nextPageToken") or "")
            if not token:
                return
            if token in seen:
                raise StopApplication(f"GET {path} gives the same page again: it has no end.")
            seen.add(token)


def explain(body: Any) -> Explanation:
    """`{"error": {"code", "message", "errors": [{"domain", "reason", "message"}]}}`: the reason
    goes into the text, for whoever reads it and for `heeding`."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return Explanation(str(error or ""))
    reasons = [str(one.get("reason")) for one in error.get("errors") or [] if one.get("reason")]
    text = str(error.get("message") or "")
    return Explanation(f"{text} ({reasons[0]})" if reasons else text, reasons[0] if reasons else "")
