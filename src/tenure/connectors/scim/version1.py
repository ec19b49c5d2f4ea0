"""SCIM 1.1 (simplecloud.info, 2012) in terms of 2.0: other names for schemas, another PATCH.

Resources are translated where they come in and go out, so that everything else knows 2.0 only. It
must not know HTTP.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from tenure.connectors.scim.attributes import (
    CORE_USER,
    ENTERPRISE_USER,
    VALUED,
    entries,
    path,
    present,
    put,
)
from tenure.core.model import Value

CORE = "urn:scim:schemas:core:1.0"
ENTERPRISE = "urn:scim:schemas:extension:enterprise:1.0"
_TO_1 = {CORE_USER: CORE, ENTERPRISE_USER: ENTERPRISE}
#: Reading and writing what we know by the names of 2.0.
_MANAGER = ("managerId", "value")


def understood(resource: dict[str, Any]) -> dict[str, Any]:
    """A resource as 1.1 shows it, changed in place into one of 2.0."""
    extension = resource.pop(ENTERPRISE, None)
    if isinstance(extension, dict):
        resource[ENTERPRISE_USER] = _renamed(extension, *_MANAGER)
    resource.pop("schemas", None)
    return resource


def written(resource: dict[str, Any]) -> dict[str, Any]:
    """A resource of 2.0, changed in place into one that 1.1 takes."""
    extension = resource.pop(ENTERPRISE_USER, None)
    if isinstance(extension, dict):
        resource[ENTERPRISE] = _renamed(extension, *reversed(_MANAGER))
    named = [_TO_1.get(schema, schema) for schema in resource.get("schemas", [])]
    if isinstance(extension, dict):
        named.append(ENTERPRISE)
    resource["schemas"] = list(dict.fromkeys([CORE, *named]))
    return resource


def patch_body(changes: Mapping[str, Value | None], current: Mapping[str, Any]) -> dict[str, Any]:
    """The changed attributes, and in `meta.attributes` what is cleared first (1.1, 3.3.2). Lists
    are cleared and given whole."""
    known = copy.deepcopy(dict(current))
    body: dict[str, Any] = {}
    cleared: list[str] = []
    for name, wanted in changes.items():
        where, value = path(name), present(wanted)
        put(known, where, value)
        if where.schema is None and where.attribute in VALUED:
            cleared.append(where.attribute)
            if listed := entries(known.get(where.attribute)):
                body[where.attribute] = listed
        elif value is None:
            schema = _TO_1.get(where.schema or "", where.schema or "")
            full = ".".join(part for part in (where.attribute, where.sub) if part)
            if where.sub == "value":
                full = where.attribute
            cleared.append(f"{schema}.{full}" if schema else full)
        else:
            put(body, where, value)
    body.pop("schemas", None)
    made = written({**body, "schemas": []})
    if cleared:
        made["meta"] = {"attributes": list(dict.fromkeys(cleared))}
    return made


def member_body(add: Sequence[Mapping[str, Any]], remove: Sequence[str]) -> dict[str, Any]:
    """A change of a group's members as a difference (1.1, 3.3.2)."""
    gone = [{"value": one, "operation": "delete"} for one in remove]
    return {"schemas": [CORE], "members": [*gone, *map(dict, add)]}


def _renamed(extension: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    made = dict(extension)
    manager = made.get("manager")
    if isinstance(manager, dict) and old in manager:
        made["manager"] = {new if name == old else name: v for name, v in manager.items()}
    return made
