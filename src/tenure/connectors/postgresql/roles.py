"""Roles as rows, and accounts out of them.

What a role has no column for (whose it is, our own id) is kept in its comment, as JSON that a
person can read: that also tells an account that is switched off from a role that people are members
of. It must not know connections.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import orjson

from tenure.core.model import Value

_OURS = "tenure"
#: Attributes that roles have themselves.
NAME, VALID_UNTIL, CONNECTION_LIMIT = "userName", "validUntil", "connectionLimit"
OWN = frozenset({NAME, VALID_UNTIL, CONNECTION_LIMIT})

COLUMNS = """
    select r.oid, r.rolname, r.rolcanlogin, r.rolconnlimit,
           to_char(r.rolvaliduntil at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), d.description
    from pg_catalog.pg_roles r
    left join pg_catalog.pg_shdescription d
      on d.objoid = r.oid and d.classoid = 'pg_catalog.pg_authid'::regclass
"""


@dataclass(frozen=True, slots=True)
class Role:
    """One role. `kept` is what we keep in its comment, None where it has none of ours; `comment` is
    what somebody else wrote there."""

    oid: int
    name: str
    can_login: bool
    limit: int
    valid_until: str
    kept: Mapping[str, Value] | None
    comment: str

    @property
    def is_account(self) -> bool:
        return self.can_login or self.kept is not None

    @property
    def attributes(self) -> dict[str, Value]:
        """Of the account."""
        shown: dict[str, Value] = {**(self.kept or {}), NAME: self.name}
        if self.valid_until:
            shown[VALID_UNTIL] = self.valid_until
        if self.limit >= 0:
            shown[CONNECTION_LIMIT] = self.limit
        return shown

    @property
    def fingerprint(self) -> bytes:
        told = [self.attributes, self.can_login]
        return blake2b(orjson.dumps(told, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()

    def keeping(self, changes: Mapping[str, Value | None]) -> Role:
        """With other attributes in its comment."""
        kept = {**(self.kept or {}), **changes}
        left = {
            name: value
            for name, value in kept.items()
            if value is not None and value != "" and name not in OWN
        }
        return replace(self, kept=left)

    def written(self) -> str:
        """The comment."""
        told: dict[str, Any] = {_OURS: self.kept or {}}
        if self.comment:
            told["comment"] = self.comment
        return orjson.dumps(told).decode()


def role(row: tuple[Any, ...]) -> Role:
    """A row of `COLUMNS`."""
    oid, name, can_login, limit, valid_until, description = row
    kept, comment = _understood(description or "")
    return Role(int(oid), name, can_login, limit, valid_until or "", kept, comment)


def _understood(description: str) -> tuple[Mapping[str, Value] | None, str]:
    if description.startswith(f'{{"{_OURS}"'):
        try:
            found = orjson.loads(description)
        except orjson.JSONDecodeError:
            return None, description
        if isinstance(found, dict) and isinstance(found.get(_OURS), dict):
            return found[_OURS], str(found.get("comment", ""))
    return None, description
