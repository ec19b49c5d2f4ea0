"""Changes to accounts and groups as SCIM PATCH bodies (RFC 7644, 3.5.2).

Three ways to say the same of `emails.work`, because applications differ in which they take:
`VALUE_PATH` (`emails[type eq "work"].value`, needs no read, fails where there is no such entry),
`PRECISE` (knows the account, so it adds what is missing) and `WHOLE` (writes the whole list anew).
`BARE` has no paths at all: one operation whose value holds the attributes. Operation names are
lower case and booleans are booleans unless the dialect says otherwise: some servers break on
anything else. It must not know HTTP.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from itertools import islice
from typing import Any

import orjson

from tenure.connectors.scim.attributes import (
    TYPED,
    Path,
    entries,
    entry_of,
    new_entry,
    path,
    present,
    put,
    rendered,
)
from tenure.core.model import Value

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Style(Enum):
    """How an entry of a multi-valued attribute is named. See the module."""

    VALUE_PATH = 1
    PRECISE = 2
    WHOLE = 3
    BARE = 4


def body(operations: Sequence[Mapping[str, Any]], *, capital: bool = False) -> dict[str, Any]:
    """A PATCH body. `capital`: Replace, not replace."""
    made = [{**one, "op": one["op"].capitalize()} for one in operations] if capital else operations
    return {"schemas": [PATCH_SCHEMA], "Operations": list(made)}


def has_entries(changes: Mapping[str, Value | None]) -> bool:
    """Whether any change is to an entry of a multi-valued attribute, so that styles differ."""
    return any(path(name).type is not None for name in changes)


def operations(
    changes: Mapping[str, Value | None],
    style: Style = Style.VALUE_PATH,
    current: Mapping[str, Any] | None = None,
    *,
    typed: bool = True,
) -> list[dict[str, Any]]:
    """What to send for `changes`; `current` is the resource as read, for all but `VALUE_PATH`.

    May be empty: what is to be cleared is not there.
    """
    if style is Style.BARE:
        return _bare(changes, current or {}, typed=typed)
    made: list[dict[str, Any]] = []
    whole = {path(n).attribute for n in changes if path(n).type} if style is Style.WHOLE else set()
    # Entries that are added make the next change see them.
    known = copy.deepcopy(dict(current or {}))
    for name, wanted in changes.items():
        where, value = path(name), present(wanted)
        if where.type is None:
            made.append(_plain(where, value))
        elif style is Style.VALUE_PATH:
            made.append(_by_value_path(where, value))
        elif style is Style.PRECISE:
            if _untyped(known, where):
                # No path names an entry without a type.
                whole.add(where.attribute)
            elif where.attribute not in whole:
                made.extend(_precise(where, value, known))
        put(known, where, value, typed=typed)
    made.extend(_whole(attribute, known) for attribute in sorted(whole))
    return made


def member_bodies(
    add: Sequence[Mapping[str, Any]],
    remove: Sequence[str],
    *,
    most: int = 100,
    by_list: bool = False,
    capital: bool = False,
) -> Iterator[dict[str, Any]]:
    """PATCH bodies that add and remove members as a difference, at most `most` of them in each.

    Removals come first: access goes before access comes. `by_list`: they are named as values of
    the operation, which by the standard would remove everybody.
    """
    steps = iter([*((None, one) for one in remove), *((one, "") for one in add)])
    while batch := list(islice(steps, most)):
        gone = [one for added, one in batch if added is None]
        made: list[dict[str, Any]] = []
        if gone and by_list:
            values = [{"value": one} for one in gone]
            made.append({"op": "remove", "path": "members", "value": values})
        elif gone:
            made += [{"op": "remove", "path": f"members[value eq {quoted(one)}]"} for one in gone]
        if added := [dict(one) for one, _ in batch if one is not None]:
            made.append({"op": "add", "path": "members", "value": added})
        yield body(made, capital=capital)


def quoted(text: str) -> str:
    """`text` as a filter's value: a JSON string (RFC 7644, 3.4.2.2)."""
    return orjson.dumps(text).decode()


def _plain(where: Path, value: Value | None) -> dict[str, Any]:
    # A complex attribute that is nothing but its `value` is written and removed as a whole.
    as_whole = where.sub == "value"
    target = where.full() if as_whole or not where.sub else f"{where.full()}.{where.sub}"
    if value is None:
        return {"op": "remove", "path": target}
    written = {"value": value} if as_whole else rendered(where, value)
    return {"op": "replace", "path": target, "value": written}


def _entry_path(where: Path, sub: str | None) -> str:
    entry = f"{where.attribute}[type eq {quoted(str(where.type))}]"
    return f"{entry}.{sub}" if sub else entry


def _by_value_path(where: Path, value: Value | None) -> dict[str, Any]:
    if value is None:
        # An e-mail entry without its address is nothing; an address entry has other parts.
        return {
            "op": "remove",
            "path": _entry_path(where, None if where.sub == "value" else where.sub),
        }
    return {"op": "replace", "path": _entry_path(where, where.sub), "value": value}


def _precise(where: Path, value: Value | None, known: Mapping[str, Any]) -> list[dict[str, Any]]:
    if entry_of(known, where) is not None:
        return [_by_value_path(where, value)]
    if value is None:
        return []
    entry = new_entry(known.get(where.attribute), where, value)
    return [{"op": "add", "path": where.attribute, "value": [entry]}]


def _untyped(known: Mapping[str, Any], where: Path) -> bool:
    entry = entry_of(known, where)
    return entry is not None and not entry.get("type")


def _bare(
    changes: Mapping[str, Value | None], current: Mapping[str, Any], *, typed: bool
) -> list[dict[str, Any]]:
    """One operation without a path. What is cleared is null, as in RFC 7643, 2.5."""
    known = copy.deepcopy(dict(current))
    value: dict[str, Any] = {}
    for name, wanted in changes.items():
        where, given = path(name), present(wanted)
        put(known, where, given, typed=typed)
        holder = value.setdefault(where.schema, {}) if where.schema else value
        if where.attribute in TYPED:
            holder[where.attribute] = entries(known.get(where.attribute))
        elif where.sub is None:
            holder[where.attribute] = None if given is None else rendered(where, given)
        else:
            holder.setdefault(where.attribute, {})[where.sub] = given
    return [{"op": "replace", "value": value}] if value else []


def _whole(attribute: str, known: Mapping[str, Any]) -> dict[str, Any]:
    if known.get(attribute):
        return {"op": "replace", "path": attribute, "value": known[attribute]}
    return {"op": "remove", "path": attribute}
