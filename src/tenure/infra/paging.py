"""Keyset paging: a page costs the same wherever it is, and nothing is skipped or shown twice when
rows come and go between two pages. Knows nothing of what it pages."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows in their order. `next` and `previous` are cursors, "" where there is no such page."""

    rows: tuple[Row, ...]
    next: str = ""
    previous: str = ""

    def __bool__(self) -> bool:
        return bool(self.rows)


def page(
    rows: QuerySet[Row], *, order: Sequence[str], cursor: str = "", size: int = 50
) -> Page[Row]:
    """One page. `order` names plain columns, the last one unique, all ascending or all descending
    (`-`). A cursor that is not one of ours is taken as none: the first page."""
    names = [name.removeprefix("-") for name in order]
    descending = order[0].startswith("-")
    place = _read(cursor, len(names))
    backwards = place is not None and place[0] == "p"
    ordered = rows.order_by(*order)
    if backwards:
        ordered = ordered.reverse()
    if place is not None:
        ordered = ordered.filter(_beyond(names, place[1], less=descending != backwards))
    found = list(ordered[: size + 1])
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    if not found:
        return Page(())
    has_next = backwards or more
    has_previous = more if backwards else place is not None
    return Page(
        tuple(found),
        next=_write("n", names, found[-1]) if has_next else "",
        previous=_write("p", names, found[0]) if has_previous else "",
    )


def key_of(cursor: str, *, width: int) -> int | None:
    """The key after which a page goes on; None for the first page, and for one before another."""
    place = _read(cursor, width)
    return place[1][-1] if place is not None and place[0] == "n" else None


def _beyond(names: Sequence[str], values: Sequence[Any], *, less: bool) -> Q:
    """Rows after (or before) these values. The bound on the first column is said on its own too,
    so that an index on the columns is entered at the right place."""
    side = "lt" if less else "gt"
    beyond = Q()
    for position, name in enumerate(names):
        same = {names[i]: values[i] for i in range(position)}
        beyond |= Q(**same, **{f"{name}__{side}": values[position]})
    return Q(**{f"{names[0]}__{side}e": values[0]}) & beyond


def _write(direction: str, names: Sequence[str], row: Model) -> str:
    text = json.dumps([direction, *(getattr(row, name) for name in names)], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str, width: int) -> tuple[str, list[Any]] | None:
    if not cursor or len(cursor) > 2000:
        return None
    try:
        given = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        return None
    if not isinstance(given, list) or len(given) != width + 1 or given[0] not in ("n", "p"):
        return None
    # The last column is a key, the others are text or keys: nothing else can have been written.
    if type(given[-1]) is not int or not all(isinstance(v, str | int) for v in given[1:]):
        return None
    return given[0], given[1:]
