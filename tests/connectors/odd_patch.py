"""PATCH as the odd SCIM server does it: by RFC 7644, 3.5.2, as far as it is told, or as in 1.1."""

from __future__ import annotations

import copy
import re
from typing import Any

_ENTRY = re.compile(r'^(\w+)\[type eq "(.*)"\](?:\.(\w+))?$')
_MANY = {"emails", "phoneNumbers", "addresses", "roles"}


class Refused(Exception):
    """An error to be answered."""

    def __init__(self, status: int, detail: str, code: str = "") -> None:
        super().__init__(detail)
        self.status, self.detail, self.code = status, detail, code


def patched(
    user: dict[str, Any],
    operations: list[dict[str, Any]],
    *,
    entries: bool,
    paths: bool,
    capital: bool,
) -> dict[str, Any]:
    """The user after it. `entries`: value paths are understood; `paths`: paths at all."""
    changed = copy.deepcopy(user)
    for one in operations:
        operation = one["op"].lower()
        if one["op"] != (operation.capitalize() if capital else operation):
            raise Refused(400, f"there is no operation {one['op']}", "invalidSyntax")
        path = one.get("path")
        if path is None:
            _merge(changed, one["value"])
        elif not paths:
            raise Refused(400, "paths are not supported", "invalidPath")
        elif "[" in path:
            if not entries:
                raise Refused(400, "this path is not supported", "invalidPath")
            _entry(changed, operation, path, one.get("value"))
        else:
            _plain(changed, operation, path, one.get("value"))
    return changed


def patched_1(user: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """The user after a PATCH of SCIM 1.1: what `meta.attributes` names is cleared first."""
    changed = copy.deepcopy(user)
    for name in body.get("meta", {}).get("attributes", ()):
        _plain(changed, "remove", name, None)
    _merge(changed, {k: v for k, v in body.items() if k not in {"schemas", "meta"}})
    return changed


def _merge(changed: dict[str, Any], value: dict[str, Any]) -> None:
    for name, part in value.items():
        if isinstance(part, dict) and isinstance(changed.get(name), dict):
            _merge(changed[name], part)
        elif part in (None, []):
            changed.pop(name, None)
        else:
            changed[name] = copy.deepcopy(part)


def _plain(changed: dict[str, Any], operation: str, path: str, value: Any) -> None:
    holder = changed
    if path.lower().startswith("urn:"):
        schema, _, path = path.rpartition(":")
        holder = changed.setdefault(schema, {})
    name, _, part = path.partition(".")
    if part:
        inner = holder.setdefault(name, {})
        if operation == "remove":
            inner.pop(part, None)
        else:
            inner[part] = value
    elif operation == "remove":
        holder.pop(name, None)
    elif operation == "add" and name in _MANY:
        holder.setdefault(name, []).extend(copy.deepcopy(value))
    else:
        holder[name] = copy.deepcopy(value)


def _entry(changed: dict[str, Any], operation: str, path: str, value: Any) -> None:
    found = _ENTRY.match(path)
    if found is None:
        raise Refused(400, "invalid path", "invalidPath")
    name, kind, part = found.groups()
    same = [entry for entry in changed.get(name, []) if entry.get("type") == kind]
    if not same:
        raise Refused(400, "there is no such entry", "noTarget")
    if operation == "remove" and part is None:
        changed[name] = [entry for entry in changed[name] if entry not in same]
    elif operation == "remove":
        same[0].pop(part, None)
    else:
        same[0][part or "value"] = value
