"""Attributes of an account as parts of a Directory API user, and back.

The lists in a user (organizations, phones, externalIds) are replaced as wholes by an update, so
what is not ours in them is sent along. It must not know requests.

https://developers.google.com/workspace/admin/directory/reference/rest/v1/users
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from tenure.connectors.base import Rejected
from tenure.core.model import Attributes, Value

_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class InList:
    """A value in an entry of a list: which list, which entry, which key of it."""

    field: str
    key: str
    type: str = ""
    primary: bool = False

    def is_it(self, entry: Any) -> bool:
        if not isinstance(entry, dict):
            return False
        return bool(entry.get("primary")) if self.primary else entry.get("type") == self.type

    def new(self) -> dict[str, Any]:
        return {"primary": True} if self.primary else {"type": self.type}


_ORGANIZATION = {
    name: InList("organizations", key, primary=True)
    for name, key in {
        "title": "title",
        "enterprise.department": "department",
        "enterprise.costCenter": "costCenter",
        "enterprise.organization": "name",
    }.items()
}
_LISTED = {
    **_ORGANIZATION,
    "phoneNumbers.work": InList("phones", "value", "work"),
    "phoneNumbers.mobile": InList("phones", "value", "mobile"),
    "phoneNumbers.home": InList("phones", "value", "home"),
    # The primary address is userName; these are what the directory shows beside it.
    "emails.work": InList("emails", "address", "work"),
    "emails.home": InList("emails", "address", "home"),
    "enterprise.employeeNumber": InList("externalIds", "value", "organization"),
    "enterprise.manager": InList("relations", "value", "manager"),
    "externalId": InList("externalIds", "value", "account"),
    "addresses.work.formatted": InList("addresses", "formatted", "work"),
}
_PLAIN = {
    "userName": "primaryEmail",
    "ou": "orgUnitPath",
    "recoveryEmail": "recoveryEmail",
    "recoveryPhone": "recoveryPhone",
    "includeInGlobalAddressList": "includeInGlobalAddressList",
}
_NAME = {
    "name.givenName": "givenName",
    "name.familyName": "familyName",
    "displayName": "displayName",
}
_CUSTOM = "custom."
#: What `query` searches by; it lags behind by up to 36 hours
#: (https://developers.google.com/workspace/admin/directory/v1/guides/search-users).
QUERIES = {
    "emails.work": "email",
    "emails.home": "email",
    "name.givenName": "givenName",
    "name.familyName": "familyName",
    "externalId": "externalId",
    "enterprise.employeeNumber": "externalId",
}


def must_be_known(attribute: str) -> None:
    """Raises ValueError for what a user does not have."""
    if attribute in _PLAIN or attribute in _NAME or attribute in _LISTED:
        return
    if attribute.startswith(_CUSTOM) and attribute.count(".") == 2:
        return
    raise ValueError(
        f"{attribute!r} is nothing that a Google Workspace user has: use names such as title, "
        "ou, phoneNumbers.mobile, or custom.SCHEMA.FIELD for custom attributes"
    )


def shown(user: Mapping[str, Any], attribute: str) -> Value | None:
    """The value of an attribute; None where there is none."""
    if attribute in _LISTED:
        where = _LISTED[attribute]
        entries = user.get(where.field) or []
        value = next((one.get(where.key) for one in entries if where.is_it(one)), None)
    elif attribute in _NAME:
        value = (user.get("name") or {}).get(_NAME[attribute])
    elif attribute.startswith(_CUSTOM):
        _, schema, name = attribute.split(".")
        value = ((user.get("customSchemas") or {}).get(schema) or {}).get(name)
    else:
        value = user.get(_PLAIN[attribute])
    if isinstance(value, bool):
        return value
    if attribute == "ou" and value == "/":
        return None
    return None if value in (None, "") else str(value)


def body(changes: Mapping[str, Value | None], now: Mapping[str, Any]) -> dict[str, Any]:
    """What to send to make these changes to the user as it is `now`; empty for a new one."""
    sent: dict[str, Any] = {}
    for attribute, value in changes.items():
        must_be_known(attribute)
        given = None if value in (None, "") else value
        if attribute in _LISTED:
            _set_in_list(sent, now, _LISTED[attribute], given)
        elif attribute in _NAME:
            _must_be_short(attribute, given)
            sent.setdefault("name", {})[_NAME[attribute]] = given
        elif attribute.startswith(_CUSTOM):
            _, schema, name = attribute.split(".")
            sent.setdefault("customSchemas", {}).setdefault(schema, {})[name] = given
        elif attribute == "ou":
            sent["orgUnitPath"] = _path(given)
        else:
            sent[_PLAIN[attribute]] = given
    # An update clears what is null (users.update); of empty lists it says nothing.
    return {name: None if value == [] else value for name, value in sent.items()}


def new(attributes: Attributes, *, active: bool) -> dict[str, Any]:
    """A new user with what Google requires: an address, both names, a password."""
    made = body(attributes, {})
    login = str(made.get("primaryEmail") or "")
    if "@" not in login:
        raise Rejected(
            f"{login!r} is no address: map userName to one in a domain of the Workspace, as in "
            "userName: user.email.",
            ["userName"],
        )
    name = {key: value for key, value in made.get("name", {}).items() if value}
    usual = login.partition("@")[0]
    made["name"] = {"givenName": usual, "familyName": usual, **name}
    # Nobody knows it: people sign in by single sign-on, or an administrator sets one.
    made["password"] = secrets.token_urlsafe(48)
    made["changePasswordAtNextLogin"] = True
    made["suspended"] = not active
    return {key: value for key, value in made.items() if value not in (None, [], {})}


def fingerprint(attributes: Attributes, active: object) -> bytes:
    """16 bytes over what an account is to us: sign-ins and quotas change all the time."""
    told = orjson.dumps([dict(attributes), active], option=orjson.OPT_SORT_KEYS)
    return blake2b(told, digest_size=16).digest()


def condition(attribute: str, value: str) -> str | None:
    """A clause of `query`; None where it cannot be asked like that."""
    field = QUERIES.get(attribute)
    if field is None or "'" in value or "\\" in value:
        return None
    return f"{field}='{value}'"


def _set_in_list(
    sent: dict[str, Any], now: Mapping[str, Any], where: InList, value: Value | None
) -> None:
    entries = [dict(one) for one in sent.get(where.field, _own(now, where.field))]
    mine = next((one for one in entries if where.is_it(one)), None)
    if mine is None and value is not None:
        mine = where.new()
        entries.append(mine)
    if mine is not None:
        if value is None:
            mine.pop(where.key, None)
        else:
            mine[where.key] = str(value)
        if not set(mine) - {"type", "primary", "customType"}:
            entries.remove(mine)
    sent[where.field] = entries


def _own(now: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    """The entries of a list that were set, not those that Google adds: the user's own address and
    its aliases."""
    entries = [one for one in now.get(field) or [] if isinstance(one, dict)]
    if field != "emails":
        return entries
    theirs = {now.get("primaryEmail"), *now.get("aliases", ()), *now.get("nonEditableAliases", ())}
    return [one for one in entries if not one.get("primary") and one.get("address") not in theirs]


def _path(value: Value | None) -> str:
    """`Europe/Sales` and `/Europe/Sales` are the same; nothing is the top."""
    return "/" + str(value or "").strip("/")


def _must_be_short(attribute: str, value: Value | None) -> None:
    if value is not None and len(str(value)) > _LONGEST_NAME:
        raise Rejected(f"{value!r} is longer than {_LONGEST_NAME} characters.", [attribute])
    if value is None and attribute != "displayName":
        raise Rejected("Google keeps no account without a given and a family name.", [attribute])
