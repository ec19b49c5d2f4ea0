"""What attributes accounts have in one application: by its schemas (RFC 7643, 7), or as it is seen.

The names are those that a mapping uses (see `attributes`). It must not know what is mapped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from tenure.connectors.base import ConnectorError, RemoteAttribute
from tenure.connectors.http import HttpFunnel
from tenure.connectors.scim.attributes import CORE_USER, ENTERPRISE_USER, TYPED, VALUED, entries
from tenure.connectors.scim.speech import Speech

#: The types of entries that RFC 7643 names, for applications that name none.
_USUAL = {
    "emails": ("work", "home", "other"),
    "phoneNumbers": ("work", "home", "mobile", "fax", "pager", "other"),
    "addresses": ("work", "home", "other"),
    "ims": ("aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"),
    "photos": ("photo", "thumbnail"),
}
_NOT_ONE = {"type", "primary", "display", "$ref"}
_ACCOUNTS_OWN = {"id", "meta", "schemas", "groups", "password"}
_SEEN = "Seen in an account there."
Resource = dict[str, Any]


async def described(
    http: HttpFunnel, speech: Speech, accounts: AsyncIterator[list[Resource]]
) -> list[RemoteAttribute]:
    """The core schema's first, then the extensions'. Without schemas, what the first accounts have.
    Raises what goes wrong where neither can be read."""
    if speech.dialect.version != "1.1" and (schemas := await _schemas(http)):
        wanted = await _extensions(http, schemas)
        found = [
            attribute
            for schema in (CORE_USER, *wanted)
            for attribute in _attributes(schemas.get(schema, {}), schema)
        ]
        if found:
            return found
    seen: dict[str, RemoteAttribute] = {}
    async for page in accounts:
        for account in page:
            for name, kind, many in _seen(account):
                seen.setdefault(name, RemoteAttribute(name, kind, many=many, description=_SEEN))
        break
    return [seen[name] for name in sorted(seen)]


async def _schemas(http: HttpFunnel) -> dict[str, Resource]:
    return {str(one["id"]): one for one in await _listed(http, "/Schemas") if one.get("attributes")}


async def _extensions(http: HttpFunnel, schemas: Mapping[str, Resource]) -> list[str]:
    """The extensions of users, by the resource types; else every schema that is named like one."""
    for one in await _listed(http, "/ResourceTypes"):
        if one.get("schema") == CORE_USER or str(one.get("name")).casefold() == "user":
            return [str(item.get("schema")) for item in entries(one.get("schemaExtensions"))]
    return [name for name in schemas if name.endswith(":User") and name != CORE_USER]


async def _listed(http: HttpFunnel, target: str) -> list[Resource]:
    try:
        body = await http.read(target)
    except ConnectorError:
        return []
    return entries(body.get("Resources") if isinstance(body, dict) else body)


def _attributes(schema: Resource, urn: str) -> Iterator[RemoteAttribute]:
    for one in entries(schema.get("attributes")):
        name = str(one.get("name") or "")
        if not name or (urn == CORE_USER and name in _ACCOUNTS_OWN):
            continue
        if urn == CORE_USER and name in TYPED:
            yield from _typed(name, one)
        elif one.get("type") == "complex" and not (urn == CORE_USER and name in VALUED):
            parts = [p for p in entries(one.get("subAttributes")) if p.get("name") not in _NOT_ONE]
            for part in parts:
                yield _one(_name(urn, name, str(part.get("name"))), part, within=one)
        else:
            yield _one(_name(urn, name, ""), one)


def _typed(name: str, one: Resource) -> Iterator[RemoteAttribute]:
    """A list whose entries are told apart by type: an attribute for each type and part."""
    parts = {str(part.get("name")): part for part in entries(one.get("subAttributes"))}
    said = parts.get("type", {}).get("canonicalValues")
    types = [t for t in said if isinstance(t, str)] if isinstance(said, list) else []
    if parts and parts.get("type", {"mutability": "readOnly"}).get("mutability") == "readOnly":
        # It tells no entries apart: one stands for all.
        types = ["work"]
    values = [part for part in parts if part not in _NOT_ONE] or ["value"]
    for kind in types or _USUAL[name]:
        for part in values:
            whole = part == "value"
            flat = f"{name}.{kind}" if whole else f"{name}.{kind}.{part}"
            yield _one(flat, parts.get(part, {}), within=one)


def _name(urn: str, name: str, part: str) -> str:
    holder = {CORE_USER: "", ENTERPRISE_USER: "enterprise."}.get(urn, f"{urn}:")
    if urn == ENTERPRISE_USER and (name, part) == ("manager", "value"):
        return "enterprise.manager"
    return f"{holder}{name}.{part}" if part else f"{holder}{name}"


def _one(flat: str, one: Resource, within: Resource | None = None) -> RemoteAttribute:
    outer = within or {}
    values = one.get("canonicalValues")
    return RemoteAttribute(
        name=flat,
        type=str(one.get("type") or "string"),
        required=bool(one.get("required")) and bool(outer.get("required", True)),
        mutability=_stricter(str(outer.get("mutability") or ""), str(one.get("mutability") or "")),
        many=bool(one.get("multiValued")),
        values=tuple(v for v in values if isinstance(v, str)) if isinstance(values, list) else (),
        description=str(one.get("description") or outer.get("description") or ""),
    )


def _stricter(outer: str, inner: str) -> str:
    return outer if outer in {"readOnly", "immutable"} else inner or outer


def _seen(account: Resource) -> Iterator[tuple[str, str, bool]]:
    """Name, type and whether there are many, of what one account has."""
    for name, value in account.items():
        if name in _ACCOUNTS_OWN:
            continue
        if name.casefold().startswith("urn:") and isinstance(value, dict):
            for inner, part in value.items():
                if isinstance(part, dict):
                    yield from (
                        (_name(name, inner, sub), _kind(v), False)
                        for sub, v in part.items()
                        if sub not in _NOT_ONE
                    )
                else:
                    yield _name(name, inner, ""), _kind(part), isinstance(part, list)
        elif name in TYPED:
            for entry in entries(value):
                kind = entry.get("type") or "work"
                yield from (
                    (
                        f"{name}.{kind}" if part == "value" else f"{name}.{kind}.{part}",
                        "string",
                        False,
                    )
                    for part in entry
                    if part not in _NOT_ONE
                )
        elif isinstance(value, dict):
            yield from ((f"{name}.{sub}", _kind(v), False) for sub, v in value.items())
        else:
            yield name, _kind(value), isinstance(value, list)


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "decimal" if isinstance(value, float) else "string"
