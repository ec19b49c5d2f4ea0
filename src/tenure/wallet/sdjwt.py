"""Selective disclosure (RFC 9901, section 7): what an issuer has signed and its holder has chosen
to show, put together; and the proof that it is its holder who shows it, here and now."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tenure.wallet.errors import NotBelieved
from tenure.wallet.reading import (
    LARGEST,
    SKEW_SECONDS,
    Json,
    check_times,
    from_json,
    from_text,
    header_of,
    key_of,
    number,
    verified,
)
from tenure.wallet.trust import Issuer, key_for

CREDENTIAL: Final = "dc+sd-jwt"
_BINDING: Final = "kb+jwt"
_MOST_DISCLOSURES: Final = 200
#: Never disclosed selectively (SD-JWT VC, section 3.2.2.2): they are what is believed of the rest.
_ALWAYS: Final = ("iss", "nbf", "exp", "cnf", "vct", "status")


@dataclass(frozen=True, slots=True)
class Expected:
    """What was asked for: by whom, in which transaction, of which kinds of credentials, when."""

    audience: str
    nonce: str
    types: Sequence[str]
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """What is believed: who says it, and the claims, as the issuer structured them."""

    issuer: Issuer
    claims: Json


def shown(text: str, expected: Expected, issuers: Sequence[Issuer], at: datetime) -> Shown:
    """Check a presentation, all of it. Raises `NotBelieved`."""
    if len(text) > LARGEST:
        raise NotBelieved("The presentation is very long.")
    signed, *disclosures, binding = text.split("~")
    if not binding or binding == signed:
        raise NotBelieved("There is no proof that its holder shows it (key binding).")
    header = header_of(signed)
    # Who has signed is looked up by what is not believed yet, and holds once the signature does.
    unbelieved = from_json(from_text(signed.split(".")[1]))
    if not isinstance(unbelieved, dict):
        raise NotBelieved("The credential is no object.")
    issuer, key = key_for(header, unbelieved.get("iss"), issuers, at)
    payload = verified(signed, key, kind=CREDENTIAL)
    if payload.get("vct") not in expected.types:
        raise NotBelieved(f"The credential is of the type {payload.get('vct')!r}.")
    check_times(payload, at, what="The credential")
    claims = disclosed(payload, disclosures)
    _check_binding(binding, text[: -len(binding)], payload, expected, at)
    return Shown(issuer, claims)


def disclosed(payload: Json, disclosures: Sequence[str]) -> Json:
    """The payload with what was disclosed in its places (section 7.1, steps 3 to 5)."""
    if payload.get("_sd_alg", "sha-256") != "sha-256":
        raise NotBelieved("Disclosures are hashed by something other than SHA-256.")
    if len(disclosures) > _MOST_DISCLOSURES:
        raise NotBelieved("There are very many disclosures.")
    left = {_hash(text): from_json(from_text(text)) for text in disclosures}
    if len(left) != len(disclosures):
        raise NotBelieved("A disclosure is there twice.")
    seen: set[str] = set()
    try:
        found = _filled(payload, left, seen)
    except RecursionError as error:
        raise NotBelieved("The credential is very deep.") from error
    if left:
        raise NotBelieved("Something is disclosed that the issuer has not signed.")
    for name in _ALWAYS:
        if found.get(name) != payload.get(name):
            raise NotBelieved(f"`{name}` is disclosed selectively.")
    return {name: value for name, value in found.items() if name != "_sd_alg"}


def _filled(value: Any, left: dict[str, Any], seen: set[str]) -> Any:
    if isinstance(value, list):
        return [item for part in value for item in _element(part, left, seen)]
    if not isinstance(value, dict):
        return value
    found = {
        name: _filled(part, left, seen)
        for name, part in value.items()
        if name not in ("_sd", "...")
    }
    digests = value.get("_sd", [])
    if not isinstance(digests, list):
        raise NotBelieved("A list of digests is none.")
    for digest in digests:
        part = _taken(digest, left, seen, length=3)
        if part is None:
            continue
        _, name, content = part
        if not isinstance(name, str) or name in ("_sd", "...") or name in found:
            raise NotBelieved("A disclosure takes the place of something else.")
        found[name] = _filled(content, left, seen)
    return found


def _element(part: Any, left: dict[str, Any], seen: set[str]) -> list[Any]:
    """An element of a list: itself, what was disclosed for it, or nothing."""
    if not (isinstance(part, dict) and set(part) == {"..."}):
        return [_filled(part, left, seen)]
    taken = _taken(part["..."], left, seen, length=2)
    return [] if taken is None else [_filled(taken[1], left, seen)]


def _taken(digest: Any, left: dict[str, Any], seen: set[str], *, length: int) -> list[Any] | None:
    """The disclosure of this digest, used up; None where it was not disclosed."""
    if not isinstance(digest, str) or digest in seen:
        raise NotBelieved("A digest is there twice, or is none.")
    seen.add(digest)
    part = left.pop(digest, None)
    if part is not None and (not isinstance(part, list) or len(part) != length):
        raise NotBelieved("A disclosure is none of its place.")
    return part


def _check_binding(
    binding: str, shown_text: str, payload: Json, expected: Expected, at: datetime
) -> None:
    """Its holder shows it, to us, in this transaction, now (section 7.3)."""
    holder = payload.get("cnf")
    key = key_of(holder.get("jwk") if isinstance(holder, dict) else None)
    proof = verified(binding, key, kind=_BINDING)
    if proof.get("aud") != expected.audience:
        raise NotBelieved("It is shown to somebody else (aud).")
    if proof.get("nonce") != expected.nonce:
        raise NotBelieved("It is shown in another transaction (nonce).")
    if proof.get("sd_hash") != _hash(shown_text):
        raise NotBelieved("What is shown is not what its holder has signed (sd_hash).")
    made = number(proof, "iat")
    earliest = expected.asked_at.timestamp() - SKEW_SECONDS
    if made is None or not earliest <= made <= at.timestamp() + SKEW_SECONDS:
        raise NotBelieved("The proof was made at another time (iat).")
    check_times(proof, at, what="The proof")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
