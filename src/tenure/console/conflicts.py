"""Two who changed the same thing: what it was, what it is now, what you would have it be. Plain
values as the document writes them; knows no thing by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

_LONGEST = 200_000


@dataclass(frozen=True, slots=True)
class Line:
    """One field. `clash`: both changed it, and not to the same."""

    name: str
    before: str
    theirs: str
    mine: str
    clash: bool
    by_them: bool
    by_me: bool


def write(values: Mapping[str, Any] | None) -> str:
    """For a hidden field of a form."""
    return orjson.dumps(dict(values)).decode() if values is not None else ""


def read(text: str) -> dict[str, Any] | None:
    """What `write` wrote; None for anything else."""
    if not text or len(text) > _LONGEST:
        return None
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def three_ways(
    base: Mapping[str, Any] | None, theirs: Mapping[str, Any] | None, mine: Mapping[str, Any]
) -> list[Line]:
    """Every field that somebody changed."""
    was, now = base or {}, theirs or {}
    lines = []
    for name in dict.fromkeys([*mine, *now, *was]):
        before, there, here = was.get(name), now.get(name), mine.get(name)
        by_them, by_me = before != there, before != here
        if by_them or by_me:
            clash = by_them and by_me and there != here
            lines.append(Line(name, said(before), said(there), said(here), clash, by_them, by_me))
    return lines


def changed(
    before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> list[tuple[str, str, str]]:
    """Name, before and after of every field that differs."""
    was = before or {}
    return [
        (name, said(was.get(name)), said(value))
        for name, value in after.items()
        if was.get(name) != value and not (before is None and value in ("", None, {}, []))
    ]


def said(value: Any) -> str:
    """A value in one line."""
    if value is None or value == "" or value == {} or value == []:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        parts = [f"{key}: {said(item)}" if said(item) else str(key) for key, item in value.items()]
        return "; ".join(parts)
    if isinstance(value, list):
        return ", ".join(said(item) for item in value)
    return str(value)
