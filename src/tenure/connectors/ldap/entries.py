"""Attributes of an account as values of an entry, and back.

What an entry has to have and nobody mapped (`cn`, `sn`) is made from what is there. It must not
know requests.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from hashlib import blake2b

import orjson

from tenure.connectors.ldap.directory import REPLACE, Modification, text
from tenure.connectors.ldap.session import Entry
from tenure.connectors.ldap.settings import LdapSettings
from tenure.core.model import Value


def values(value: Value | None) -> list[str]:
    """What is written: nothing for what is empty."""
    if value is None:
        return []
    if isinstance(value, bool):
        return ["TRUE" if value else "FALSE"]
    if isinstance(value, str):
        return [value] if value.strip() else []
    if isinstance(value, (int, float)):
        return [str(value)]
    return list(dict.fromkeys(part for part in value if part.strip()))


def shown(entry: Entry, name: str) -> Value | None:
    """The value of an attribute; a list where there are several."""
    found = [value.decode(errors="replace") for value in entry.attributes.get(name.lower(), ())]
    if not found:
        return None
    return found[0] if len(found) == 1 else sorted(found)


def identifier(entry: Entry, name: str) -> str:
    """The id that an entry keeps when it is renamed or moved (RFC 4530, objectGUID)."""
    raw = entry.attributes.get(name.lower(), [b""])[0]
    if name.lower() == "objectguid" and len(raw) == 16:
        return str(uuid.UUID(bytes_le=raw))
    return raw.decode(errors="replace")


def identifier_value(name: str, remote_id: str) -> str | bytes | None:
    """The id as it is searched for; None where it cannot be the id of anything."""
    try:
        found = uuid.UUID(remote_id)
    except ValueError:
        return None
    return found.bytes_le if name.lower() == "objectguid" else str(found)


def fingerprint(entry: Entry) -> bytes:
    """16 bytes over the entry's name and everything that was asked for."""
    told = [
        entry.dn,
        sorted((name, sorted(v.hex() for v in found)) for name, found in entry.attributes.items()),
    ]
    return blake2b(orjson.dumps(told), digest_size=16).digest()


#: Attributes of an account that `common_name` is made of.
NAMED_BY = ("displayName", "name.givenName", "name.familyName", "userName")


def common_name(shown_as: Mapping[str, Value | None]) -> str:
    """What somebody is called, for `cn`: by the user name where there is nothing else."""
    display, given, family, login = (shown_as.get(name) for name in NAMED_BY)
    both = " ".join(str(part).strip() for part in (given, family) if part)
    return str(display or both or login or "").strip()


def renamed(
    settings: LdapSettings, entry: Entry, changes: Mapping[str, Value | None]
) -> list[Modification]:
    """`cn` follows what somebody is called, where nobody mapped it and it names no entry."""
    if settings.naming == "cn" or not any(name in changes for name in NAMED_BY):
        return []
    now = {name: text(entry, settings.named(name)) for name in NAMED_BY}
    before, after = common_name(now), common_name({**now, **changes})
    if after in {"", before} or text(entry, "cn") != before:
        return []
    return [(REPLACE, "cn", [after])]


def new_password() -> Modification:
    """One that nobody knows and every policy takes, as `unicodePwd` has it: in quotes, UTF-16
    (MS-ADTS 3.1.1.3.1.5.1)."""
    password = f"aA1!{secrets.token_urlsafe(36)}"
    return (REPLACE, "unicodePwd", [f'"{password}"'.encode("utf-16-le")])
