"""Changes to accounts and groups as SCIM PATCH bodies (RFC 7644, 3.5.2).

Three ways to say the same of `emails.work`, because applications differ in which they take:
`VALUE_PATH` (`emails[type eq "work"].value`, needs no read, fails where there is no such entry),
`PRECISE` (knows the account, so it adds what is missing) and `WHOLE` (writes the whole list anew).
Operation names are lower case and booleans are booleans: some servers break on anything else. It
must not know HTTP.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from itertools import islice
from typing import Any

import orjson

from tenure.connectors.scim.attributes import (
    Path,
    entry_of,
    new_entry,
    path,
    present,
    put,
    rendered,
)
from tenure.core.model import Value

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
#: Several applications refuse, or time out on, more than this in one request.
MEMBERS_PER_REQUEST = 100


class Style(Enum):
    """How an entry of a multi-valued attribute is named. See the module."""

    VALUE_PATH = 1
    PRECISE = 2
    WHOLE = 3


def body(operations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A PATCH body."""
    return {"schemas": [PATCH_SCHEMA], "Operations": list(operations)}


def has_entries(changes: Mapping[str, Value | None]) -> bool:
    """Whether any change is to an entry of a multi-valued attribute, so that styles differ."""
    return any(path(name).type is not None for name in changes)


def operations(
    changes: Mapping[str, Value | None],
    style: Style = Style.VALUE_PATH,
    current: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """What to send for `changes`; `current` is the resource as read, for all but `VALUE_PATH`.

    May be empty: what is to be cleared is not there.
    """
    made: list[dict[str, Any]] = []
    # Entries that are added make the next change see them.
    known = copy.deepcopy(dict(current or {}))
    for name, wanted in changes.items():
        where, value = path(name), present(wanted)
        if where.type is None:
            made.append(_plain(where, value))
        elif style is Style.VALUE_PATH:
            made.append(_by_value_path(where, value))
        elif style is Style.PRECISE:
            made.extend(_precise(where, value, known))
        put(known, where, value)
    if style is Style.WHOLE:
        typed = dict.fromkeys(path(name).attribute for name in changes if path(name).type)
        made.extend(_whole(attribute, known) for attribute in typed)
    return made


def member_bodies(add: Sequence[str], remove: Sequence[str]) -> Iterator[dict[str, Any]]:
    """PATCH bodies that add and remove members as a difference, at most 100 of them in each.

    Removals come first: access goes before access comes.
    """
    steps = iter([*((False, one) for one in remove), *((True, one) for one in add)])
    while batch := list(islice(steps, MEMBERS_PER_REQUEST)):
        made: list[dict[str, Any]] = [
            {"op": "remove", "path": f"members[value eq {quoted(one)}]"}
            for adding, one in batch
            if not adding
        ]
        added = [{"value": one} for adding, one in batch if adding]
        if added:
            made.append({"op": "add", "path": "members", "value": added})
        yield body(made)


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


def _whole(attribute: str, known: Mapping[str, Any]) -> dict[str, Any]:
    if known.get(attribute):
        return {"op": "replace", "path": attribute, "value": known[attribute]}
    return {"op": "remove", "path": attribute}
