"""Flat attribute names to SCIM resources and back (RFC 7643).

    userName, title, externalId         a simple attribute
    name.givenName                      a part of a complex one
    emails.work, phoneNumbers.mobile    the `value` of the entry of that type
    addresses.work.locality             another part of the entry of that type
    roles, entitlements                 a list of texts: the `value` of every entry
    enterprise.department               the enterprise extension; `enterprise.manager` is its id
    urn:example:1.0:User:costCentre     any other extension, also with `.part`

It must not know HTTP, or how a change is sent (see `patch`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tenure.core.model import Attributes, Value

CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

#: Multi-valued attributes whose entries are told apart by `type` (RFC 7643, 4.1.2).
TYPED = frozenset({"emails", "phoneNumbers", "ims", "photos", "addresses"})
#: Multi-valued attributes of which only the values matter.
VALUED = frozenset({"roles", "entitlements", "groups", "x509Certificates", *TYPED})
#: An address has no `value`; as a whole it is this.
_WHOLE = {"addresses": "formatted"}
#: Where an application wants to know which of several is the one.
_WITH_PRIMARY = frozenset({"emails"})


@dataclass(frozen=True, slots=True)
class Path:
    """A flat name, taken apart. `schema` is None for the core schema; `type` is set for an entry
    of a multi-valued attribute; `sub` is the part of a complex attribute."""

    schema: str | None
    attribute: str
    type: str | None = None
    sub: str | None = None
    #: An attribute of the core schema with a value of its own, as most are.
    simple: bool = field(init=False)

    def __post_init__(self) -> None:
        simple = self.schema is None and self.type is None and self.sub is None
        object.__setattr__(self, "simple", simple and self.attribute not in VALUED)

    @property
    def is_list(self) -> bool:
        """Whether it stands for all values of a multi-valued attribute of the core schema."""
        return self.schema is None and self.attribute in VALUED and self.type is None

    def full(self, attribute: str | None = None) -> str:
        """The attribute's name as it stands in a PATCH path or a filter (RFC 7644, 3.10)."""
        name = attribute or self.attribute
        return f"{self.schema}:{name}" if self.schema else name

    @property
    def filter_path(self) -> str:
        """As it stands in a filter. The type is left out: few understand it there, and results
        are verified here."""
        if self.type is not None:
            return f"{self.attribute}.{self.sub}"
        if self.is_list:
            return f"{self.attribute}.value"
        return f"{self.full()}.{self.sub}" if self.sub else self.full()


@functools.lru_cache(maxsize=4096)
def path(name: str) -> Path:
    """`name` taken apart. Raises ValueError for what cannot be one."""
    schema: str | None = None
    rest = name
    if name.casefold().startswith("urn:"):
        schema, _, rest = name.rpartition(":")
        # A version as in `:2.0:User` has dots, so only the last colon separates.
        if schema.casefold() == CORE_USER.casefold():
            schema = None
    elif name.startswith("enterprise."):
        schema, rest = ENTERPRISE_USER, name.removeprefix("enterprise.")
    parts = rest.split(".")
    if not all(parts) or len(parts) > 3:
        raise ValueError(
            f"{name!r} is not a SCIM attribute: write it as userName, name.givenName, emails.work, "
            "addresses.work.locality, enterprise.department or urn:...:User:name."
        )
    if schema is None and parts[0] in TYPED and len(parts) > 1:
        sub = parts[2] if len(parts) == 3 else _WHOLE.get(parts[0], "value")
        return Path(None, parts[0], parts[1], sub)
    if len(parts) > 2:
        raise ValueError(
            f"{name!r} is not a SCIM attribute: only emails, phoneNumbers, ims, photos and "
            "addresses have a type in the middle, as in addresses.work.locality."
        )
    if schema == ENTERPRISE_USER and parts == ["manager"]:
        return Path(schema, "manager", None, "value")
    return Path(schema, parts[0], None, parts[1] if len(parts) == 2 else None)


def flatten(resource: Mapping[str, Any], names: Iterable[str]) -> Attributes:
    """The named attributes that have a value in `resource`."""
    found: dict[str, Value] = {}
    for name in names:
        value = _read(resource, path(name))
        if value is not None:
            found[name] = value
    return found


def unflatten(attributes: Mapping[str, Value | None], *, typed: bool = True) -> dict[str, Any]:
    """A new resource with these attributes, `schemas` included; what is empty is left out.
    `typed`: entries of lists say their type."""
    resource: dict[str, Any] = {"schemas": [CORE_USER]}
    for name, value in attributes.items():
        where = path(name)
        if value and where.simple and type(value) is str:
            resource[where.attribute] = value  # As most are, and very many are made.
        else:
            put(resource, where, present(value), typed=typed)
    return resource


def present(value: Value | None) -> Value | None:
    """The value, or None for an empty text or list, which mean the same (see `core.model`)."""
    return value if isinstance(value, (bool, int, float)) else value or None


def put(resource: dict[str, Any], where: Path, value: Value | None, *, typed: bool = True) -> None:
    """Sets one attribute in `resource`, or takes it out where `value` is None."""
    if where.simple:
        if value is None:
            resource.pop(where.attribute, None)
        else:
            resource[where.attribute] = value if type(value) is str else rendered(where, value)
        return
    if where.schema is not None:
        if value is None and where.schema not in resource:
            return
        _declare(resource, where.schema)
        holder = resource.setdefault(where.schema, {})
    else:
        holder = resource
    if where.type is not None:
        _put_entry(holder, where, value, typed=typed)
    elif where.sub is not None:
        _put_part(holder, where.attribute, where.sub, value)
    elif value is None:
        holder.pop(where.attribute, None)
    else:
        holder[where.attribute] = rendered(where, value)
    if where.schema is not None and not holder:
        del resource[where.schema]


def rendered(where: Path, value: Value) -> Any:
    """One value as SCIM writes it: lists of the core schema have entries with a `value`."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [{"value": value}] if where.is_list else value
    return [{"value": part} for part in value] if where.is_list else list(value)


def entry_of(resource: Mapping[str, Any], where: Path) -> dict[str, Any] | None:
    """The entry of `where.type`: the primary one of several, else the first. Where an application
    gives no entry a type, any may be it."""
    listed = resource.get(where.attribute)
    if type(listed) is list and len(listed) == 1 and type(listed[0]) is dict:
        only: dict[str, Any] = listed[0]
        if where.type is not None and only.get("type") == where.type:
            return only
    wanted = (where.type or "").casefold()
    every = entries(listed)
    same = [entry for entry in every if str(entry.get("type") or "").casefold() == wanted]
    if not same and not any(entry.get("type") for entry in every):
        same = every
    return next(
        (entry for entry in same if entry.get("primary") is True), same[0] if same else None
    )


def entries(value: Any) -> list[dict[str, Any]]:
    """The entries of a multi-valued attribute, whatever an application makes of it."""
    if isinstance(value, dict):
        value = [value]
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def new_entry(existing: Any, where: Path, value: Value, *, typed: bool = True) -> dict[str, Any]:
    """An entry to be added; the first e-mail address is the primary one."""
    if not typed:
        return {str(where.sub): value}
    entry: dict[str, Any] = {"type": where.type, str(where.sub): value}
    if where.attribute in _WITH_PRIMARY and not entries(existing):
        entry["primary"] = True
    return entry


def boolean(value: Any) -> bool | None:
    """True and False also where an application writes them as text; None for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().casefold())
    return None


def _read(resource: Mapping[str, Any], where: Path) -> Value | None:
    if where.simple:
        plain = resource.get(where.attribute)
        return (plain or None) if plain is None or type(plain) is str else _value(plain)
    holder: Any = resource if where.schema is None else resource.get(where.schema)
    if not isinstance(holder, dict):
        return None
    if where.type is not None:
        entry = entry_of(holder, where)
        return None if entry is None else _value(entry.get(str(where.sub)))
    found = holder.get(where.attribute)
    if where.sub is not None:
        if isinstance(found, dict):
            found = found.get(where.sub)
        elif where.sub != "value":
            # `enterprise.manager` is a bare id in some applications; other parts cannot be.
            return None
    return _value(found)


def _value(found: Any) -> Value | None:
    """A value as mappings know it; empty is None."""
    if type(found) is str:
        return found or None
    if isinstance(found, list):
        texts = [_text(part) for part in found]
        return [text for text in texts if text] or None
    if isinstance(found, dict):
        return _text(found) or None
    return found if isinstance(found, (bool, int, float)) else _text(found) or None


def _text(part: Any) -> str:
    if isinstance(part, dict):
        part = part.get("value")
    if part is None or isinstance(part, (dict, list)):
        return ""
    return part if isinstance(part, str) else str(part)


def _declare(resource: dict[str, Any], schema: str) -> None:
    schemas = resource.setdefault("schemas", [CORE_USER])
    if schema not in schemas:
        schemas.append(schema)


def _put_part(holder: dict[str, Any], attribute: str, sub: str, value: Value | None) -> None:
    part = holder.get(attribute)
    if not isinstance(part, dict):
        part = {}
    if value is None:
        part.pop(sub, None)
        # What is left of a manager without its id is only what the application made of it.
        if sub == "value":
            part = {}
    else:
        part[sub] = value
    if part:
        holder[attribute] = part
    else:
        holder.pop(attribute, None)


def _put_entry(holder: dict[str, Any], where: Path, value: Value | None, *, typed: bool) -> None:
    if where.attribute not in holder:
        if value is not None:
            holder[where.attribute] = [new_entry(None, where, value, typed=typed)]
        return
    listed = entries(holder[where.attribute])
    entry = entry_of(holder, where)
    if entry is None:
        if value is not None:
            listed.append(new_entry(listed, where, value, typed=typed))
    elif value is not None:
        entry[str(where.sub)] = value
    else:
        entry.pop(str(where.sub), None)
        if where.sub == "value" or not set(entry) - {"type", "primary", "display"}:
            listed = [other for other in listed if other is not entry]
    if listed:
        holder[where.attribute] = listed
    else:
        holder.pop(where.attribute, None)
