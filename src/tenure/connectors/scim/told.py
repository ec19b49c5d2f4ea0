"""What an answer to several changes says of each of them (RFC 7644, 3.7.3), however it is written.

It must not know what becomes of that (see `bulk`), nor how it was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tenure.connectors.answers import Ask
from tenure.connectors.scim.changing import last_segment

_RETRY_AFTER = frozenset({"retryafter", "retry-after"})


class Told(NamedTuple):
    """What the answer says of one operation. `headers`: those that it gives it."""

    status: int
    body: Any
    location: str
    headers: Mapping[str, str]


def told(answer: Any, operations: Mapping[int, Ask], headers: Mapping[str, str]) -> dict[int, Told]:
    """Number -> what is said of it, once and clearly. Operations are known by their bulkId, or,
    where that is missing, by the address of what they changed. When to come back each says itself,
    or else the answer (`headers`) for all."""
    listed = answer.get("Operations") if isinstance(answer, dict) else None
    by_path = {
        last_segment(ask.path): number for number, ask in operations.items() if ask.method != "POST"
    }
    found: dict[int, Told] = {}
    twice: set[int] = set()
    for one in listed if isinstance(listed, list) else ():
        if not isinstance(one, dict):
            continue
        given = one.get("bulkId")
        key, location = "" if given is None else str(given), str(one.get("location") or "")
        number = int(key) if key.isascii() and key.isdecimal() else None
        if not key and one.get("method") != "POST":
            number = by_path.get(last_segment(location))
        status = _status(one.get("status"))
        if number not in operations or status is None or number is None:
            continue
        if number in found:
            twice.add(number)
        waits = _waits(one) if status >= 300 else None
        found[number] = Told(status, one.get("response"), location, waits or headers)
    return {number: said for number, said in found.items() if number not in twice}


def _status(given: Any) -> int | None:
    """As a text, a number, or the `code` of an object; None for what is no HTTP status."""
    text = str(given.get("code", "") if isinstance(given, dict) else given).strip()
    return int(text) if len(text) == 3 and text.isdecimal() and "2" <= text[0] <= "5" else None


def _waits(one: Mapping[str, Any]) -> dict[str, str]:
    """When this one may be sent again. The standard has no place for that; they find some."""
    for part in (one, one.get("headers"), one.get("response")):
        for name, value in part.items() if isinstance(part, dict) else ():
            if str(name).casefold() in _RETRY_AFTER and isinstance(value, (str, int, float)):
                return {"Retry-After": str(value)}
    return {}
