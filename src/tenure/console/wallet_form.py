"""How wallets are asked, as a form: issuers, what their credentials hold, who asks. Between the
document's section and fields with texts; a key that was typed is in nothing that is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tenure.configuration.references import is_reference

_ISSUER: Final = ("name", "iss", "keys", "roots", "status_lists")
_PLAIN: Final = ("types", "certificate", "client_id", "scheme")
_LONGEST: Final = 60_000
#: So many issuers a company believes at most, by this form.
_MOST: Final = 20
USUAL_SCHEME: Final = "openid4vp://"


@dataclass(frozen=True, slots=True)
class Shown:
    """The fields as texts. `key` is the reference of the key that is kept."""

    values: dict[str, str]
    issuers: list[dict[str, str]]
    claims: list[tuple[str, str]]
    key: str
    required: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """What the section is to be, without its key; the key as it was typed; what is wrong so far."""

    section: dict[str, Any]
    key: str
    errors: dict[str, str]


def shown(wallet: Mapping[str, Any] | None, asked: Sequence[str]) -> Shown:
    """Of what is stored; where nothing is, empty fields with one issuer. `asked`: the attributes
    that people are asked for."""
    there = wallet or {}
    issuers = [
        {
            "name": one["name"],
            "iss": one["iss"],
            "keys": json.dumps(one["keys"], indent=1) if one["keys"] else "",
            "roots": one["roots"],
            "status_lists": "\n".join(one["status_lists"]),
        }
        for one in there.get("issuers", ())
    ]
    values = {name: str(there.get(name, "")) for name in _PLAIN}
    values |= {
        "types": "\n".join(there.get("types", ())),
        "client_id": str(there.get("client_id", "x509_hash")),
        "scheme": str(there.get("scheme", USUAL_SCHEME)),
    }
    claims = there.get("claims", {})
    return Shown(
        values=values,
        issuers=issuers or [dict.fromkeys(_ISSUER, "")],
        claims=[(name, str(claims.get(name, ""))) for name in asked],
        key=str(there.get("key", "")),
        required=bool(there.get("required")),
    )


def again(given: Mapping[str, str], asked: Sequence[str]) -> Shown:
    """As it was typed. `do` may be `add` (one more issuer), or `drop-2`."""
    do = given.get("do", "")
    issuers = [
        {part: _text(given, f"issuer-{index}-{part}") for part in _ISSUER}
        for index in _indices(given)
        if do != f"drop-{index}"
    ]
    # An issuer of which nothing is filled in is none.
    issuers = [one for one in issuers if any(one.values())]
    if do == "add" or not issuers:
        issuers.append(dict.fromkeys(_ISSUER, ""))
    reference = _text(given, "kept")
    return Shown(
        values={name: _text(given, name) for name in _PLAIN},
        issuers=issuers,
        claims=[(name, _text(given, f"claim-{name}")) for name in asked],
        key=reference if is_reference(reference) else "",
        required=given.get("required") == "yes",
    )


def typed(form: Shown, given: Mapping[str, str]) -> Typed:
    """As the document says it."""
    errors: dict[str, str] = {}
    issuers = []
    for index, one in enumerate(form.issuers):
        keys: list[Any] = []
        try:
            keys = _keys(one["keys"])
        except ValueError as error:
            errors[f"issuer-{index}-keys"] = str(error)
        issuers.append({**one, "keys": keys, "status_lists": _lines(one["status_lists"])})
    section = {
        **form.values,
        "types": _lines(form.values["types"]),
        "scheme": form.values["scheme"] or USUAL_SCHEME,
        "issuers": issuers,
        "claims": {name: path for name, path in form.claims if path},
        "required": form.required,
    }
    return Typed(section, _text(given, "key"), errors)


def field_of(path: str) -> str:
    """The field at which something about this part of the section is said."""
    parts = [part for part in re.split(r"[.\[\]]+", path) if part]
    if "wallet" in parts:
        parts = parts[parts.index("wallet") + 1 :]
    match parts:
        case ["issuers", index, part, *_]:
            return f"issuer-{index}-{part}"
        case ["issuers", index]:
            return f"issuer-{index}-keys"
        case ["issuers"]:
            return "issuer-0-name"
        case ["claims", name, *_]:
            return f"claim-{name}"
        case [name, *_]:
            return name
    return ""


def _indices(given: Mapping[str, str]) -> list[int]:
    return [index for index in range(_MOST) if f"issuer-{index}-name" in given]


def _text(given: Mapping[str, str], name: str) -> str:
    return given.get(name, "").replace("\r\n", "\n").strip()[:_LONGEST]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _keys(text: str) -> list[Any]:
    """One JWK, a list of them, or a whole key set (RFC 7517, section 5)."""
    if not text:
        return []
    try:
        found = json.loads(text)
    except ValueError:
        raise ValueError(
            'This is no JSON. Paste the issuer\'s key as it publishes it: {"kty": "EC", ...}, or '
            'its whole key set: {"keys": [...]}.'
        ) from None
    if isinstance(found, dict):
        found = found.get("keys", [found])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError('Expected one key, {"kty": "EC", ...}, or a key set, {"keys": [...]}.')
    return found
