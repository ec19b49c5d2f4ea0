"""Attributes of an account as properties of Graph's user, and back.

https://learn.microsoft.com/en-us/graph/api/resources/user. It must not know requests.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import orjson

from tenure.connectors.base import Rejected
from tenure.core.model import Attributes, Value

LOGIN = "userPrincipalName"
_NAMES = {
    "userName": LOGIN,
    "name.givenName": "givenName",
    "name.familyName": "surname",
    "title": "jobTitle",
    "emails.work": "mail",
    "phoneNumbers.work": "businessPhones",
    "phoneNumbers.mobile": "mobilePhone",
    "addresses.work.streetAddress": "streetAddress",
    "addresses.work.locality": "city",
    "addresses.work.region": "state",
    "addresses.work.postalCode": "postalCode",
    "addresses.work.country": "country",
    "enterprise.employeeNumber": "employeeId",
    "enterprise.department": "department",
    "enterprise.organization": "companyName",
}
#: Properties that can be mapped by their own names, and are strings.
_PLAIN = frozenset(
    {
        *_NAMES.values(),
        "ageGroup",
        "consentProvidedForMinor",
        "displayName",
        "employeeHireDate",
        "employeeType",
        "faxNumber",
        "mailNickname",
        "officeLocation",
        "onPremisesImmutableId",
        "otherMails",
        "passwordPolicies",
        "preferredDataLocation",
        "preferredLanguage",
        "usageLocation",
        "userType",
    }
)
EXTENSIONS = "onPremisesExtensionAttributes"
EXTENSION = re.compile(r"extensionAttribute([1-9]|1[0-5])")
#: Lists in Graph; the first can have one value only.
_LISTS = frozenset({"businessPhones", "otherMails"})
#: What `eq` finds without the index for advanced queries, which lags behind by minutes
#: (https://learn.microsoft.com/en-us/graph/aad-advanced-queries).
FILTERED_AT_ONCE = frozenset(
    {
        *(LOGIN, "mail", "displayName", "givenName", "surname", "jobTitle", "department"),
        *("employeeId", "mailNickname", "city", "country", "state", "usageLocation", "userType"),
    }
)
#: What a userPrincipalName may hold beside letters and digits without accents.
_LOGIN = re.compile(r"[A-Za-z0-9'._!#^~-]+@[A-Za-z0-9.-]+")
_NOT_IN_NICKNAMES = re.compile(r"[^A-Za-z0-9._-]")


def named(attribute: str, external_id: str) -> str:
    """Graph's name for an attribute; empty for our own id where none is kept. Raises ValueError."""
    if attribute == "externalId":
        return external_id
    name = _NAMES.get(attribute, attribute)
    if name not in _PLAIN and not EXTENSION.fullmatch(name):
        raise ValueError(
            f"{attribute!r} is no property of a user in Microsoft Graph that can be set: use "
            "names such as displayName, officeLocation or extensionAttribute1"
        )
    return name


def selected(properties: Sequence[str]) -> str:
    """What is asked for in `$select`."""
    asked = {EXTENSIONS if EXTENSION.fullmatch(name) else name for name in properties}
    return ",".join(sorted({"id", "accountEnabled", "userType", LOGIN, *asked}))


def shown(user: Mapping[str, Any], name: str) -> Value | None:
    """A property's value; None where it is empty."""
    if EXTENSION.fullmatch(name):
        user = user.get(EXTENSIONS) or {}
    value = user.get(name)
    if isinstance(value, list):
        texts = [str(one) for one in value]
        return texts[0] if len(texts) == 1 else texts or None
    return None if value in (None, "") else str(value)


def written(changes: Mapping[str, Value | None], external_id: str) -> dict[str, Any]:
    """The properties to send; what is empty is null, or an empty list."""
    body: dict[str, Any] = {}
    for attribute, value in changes.items():
        name = named(attribute, external_id)
        if not name:
            continue
        sent = _sent(name, value)
        if EXTENSION.fullmatch(name):
            body.setdefault(EXTENSIONS, {})[name] = sent
        else:
            body[name] = sent
    if LOGIN in body:
        must_be_login(body[LOGIN])
    return body


def completed(attributes: Attributes, body: dict[str, Any], *, active: bool) -> dict[str, Any]:
    """A new user, with what Graph requires
    (https://learn.microsoft.com/en-us/graph/api/user-post-users)."""
    login = must_be_login(body.get(LOGIN))
    parts = (attributes.get("name.givenName"), attributes.get("name.familyName"))
    usual = {
        "displayName": " ".join(str(part) for part in parts if part) or login,
        "mailNickname": _NOT_IN_NICKNAMES.sub("", login.partition("@")[0])[:64] or "user",
    }
    given = {name: value for name, value in body.items() if value not in (None, "", [])}
    return {
        **usual,
        **given,
        "accountEnabled": active,
        # Nobody knows it: people sign in by federation, a temporary pass, or a reset.
        "passwordProfile": {
            "password": f"aA1!{secrets.token_urlsafe(24)}",
            "forceChangePasswordNextSignIn": True,
        },
    }


def must_be_login(value: Any) -> str:
    if not isinstance(value, str) or not _LOGIN.fullmatch(value):
        raise Rejected(
            f"{value!r} is no userPrincipalName: name@domain, with letters without accents, "
            "digits and ' . - _ ! # ^ ~ only, and a verified domain of the tenant. Map userName "
            "to one.",
            ["userName"],
        )
    return value


def fingerprint(attributes: Attributes, enabled: object) -> bytes:
    """16 bytes over what an account is to us: Graph adds properties to its answers over time."""
    told = orjson.dumps([dict(attributes), enabled], option=orjson.OPT_SORT_KEYS)
    return blake2b(told, digest_size=16).digest()


def condition(name: str, value: str) -> str:
    """An OData filter for a property that equals a text."""
    quoted = "'" + value.replace("'", "''") + "'"
    if name in _LISTS:
        return f"{name}/any(x:x eq {quoted})"
    if EXTENSION.fullmatch(name):
        return f"{EXTENSIONS}/{name} eq {quoted}"
    return f"{name} eq {quoted}"


def _sent(name: str, value: Value | None) -> Any:
    if name in _LISTS:
        if value in (None, ""):
            return []
        return [value] if isinstance(value, str) else list(value)  # type: ignore[arg-type]
    return None if value in (None, "") else str(value)
