"""What an application says of itself: its ServiceProviderConfig (RFC 7643, 5; paging RFC 9865, 4).

It is asked once and remembered for a while, so that nobody's removal waits for it again. What it
says may be wrong; the dialect overrules it (see `speech`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, replace
from typing import Any

from tenure.connectors.base import ConnectorError
from tenure.connectors.http import HttpFunnel

_REMEMBERED = 600.0
#: It is asked before the first request that matters; longer than this nothing waits for it.
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Declared:
    """None where it says nothing."""

    patch: bool | None = None
    filters: bool | None = None
    etags: bool | None = None
    #: Whether lists go by cursor unless something else is asked for.
    cursor: bool | None = None
    #: How many it gives at once at most.
    largest: int | None = None
    bulk: bool | None = None
    #: How many operations, and bytes, a bulk request has at most.
    bulk_operations: int | None = None
    bulk_bytes: int | None = None


_known: dict[str, tuple[float, Declared]] = {}


def path(version: str) -> str:
    """Where it says so; SCIM 1.1 has the plural."""
    return "/ServiceProviderConfigs" if version == "1.1" else "/ServiceProviderConfig"


async def declared(http: HttpFunnel, address: str, version: str) -> Declared:
    """What the application at `address` says; nothing where it does not answer in time."""
    told_at, found = _known.get(address, (0.0, Declared()))
    if told_at and time.monotonic() - told_at < _REMEMBERED:
        return found
    try:
        async with asyncio.timeout(_PATIENCE):
            body = await http.read(path(version))
    except (ConnectorError, TimeoutError):
        return Declared()
    return remember(address, body)


def remember(address: str, body: Any) -> Declared:
    """What it just said."""
    found = understood(body)
    _known[address] = (time.monotonic(), found)
    return found


def has_no_bulk(address: str) -> None:
    """It was seen that bulk requests do not work there, whatever it says."""
    told_at, found = _known.get(address, (time.monotonic(), Declared()))
    _known[address] = (told_at, replace(found, bulk=False))


def forget() -> None:
    """Ask everybody again."""
    _known.clear()


def understood(body: Any) -> Declared:
    """The parts of a ServiceProviderConfig that change what is sent."""
    pages = _part(body, "pagination")
    cursor = pages.get("cursor")
    by_default = pages.get("index") is False or pages.get("defaultPaginationMethod") == "cursor"
    sizes = (pages.get("maxPageSize"), _part(body, "filter").get("maxResults"))
    return Declared(
        patch=_supported(body, "patch"),
        filters=_supported(body, "filter"),
        etags=_supported(body, "etag"),
        cursor=cursor and by_default if isinstance(cursor, bool) else None,
        largest=next((n for n in sizes if _is_limit(n)), None),
        bulk=_supported(body, "bulk"),
        bulk_operations=_limit(body, "maxOperations"),
        bulk_bytes=_limit(body, "maxPayloadSize"),
    )


def _limit(body: Any, name: str) -> int | None:
    """A limit of bulk requests; None where it tells none that can be meant."""
    said: Any = _part(body, "bulk").get(name)
    if isinstance(said, (str, float)):
        # Written so by mistake, and meant all the same.
        with contextlib.suppress(ValueError, OverflowError):
            said = int(said)
    return said if _is_limit(said) else None


def _is_limit(said: Any) -> bool:
    return type(said) is int and said > 0


def _part(body: Any, name: str) -> dict[str, Any]:
    part = body.get(name) if isinstance(body, dict) else None
    return part if isinstance(part, dict) else {}


def _supported(body: Any, name: str) -> bool | None:
    said = _part(body, name).get("supported")
    return said if isinstance(said, bool) else None
