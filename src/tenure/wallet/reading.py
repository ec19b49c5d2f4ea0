"""Signed texts read strictly: bounded, in the algorithms that we allow, with the type that is
expected, and nothing is taken from them before the signature holds."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from tenure.wallet.errors import NotBelieved

#: HAIP 1.0, section 8: ES256 has to be understood; no more is needed.
ALGORITHMS: Final = ("ES256", "ES384")
#: Of a presentation; a list of what was revoked may be longer.
LARGEST: Final = 128 * 1024
_LARGEST_TOKEN: Final = 2 * 1024 * 1024
#: How far clocks may be apart.
SKEW_SECONDS: Final = 120
Json: TypeAlias = Mapping[str, Any]


class _Registry(jws.JWSRegistry):
    """Headers hold certificates here, and those are long."""

    max_header_length = 16 * 1024
    max_payload_length = _LARGEST_TOKEN


#: Header parameters that others have beside those of RFC 7515 change nothing.
_REGISTRY: Final = _Registry(algorithms=list(ALGORITHMS), strict_check_header=False)


def from_text(text: str) -> bytes:
    """Base64url without padding (RFC 7515, section 2), and nothing else."""
    if "=" in text or not text.isascii():
        raise NotBelieved("A part is not base64url.")
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise NotBelieved("A part is not base64url.") from error


def from_json(data: bytes | str) -> Any:
    """A JSON text in which no name is given twice."""
    try:
        return json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise NotBelieved("A part is not JSON, or names something twice.") from error


def header_of(token: str) -> Json:
    """What a token says of itself, not believed yet: by which key it wants to be checked."""
    if len(token) > _LARGEST_TOKEN or token.count(".") != 2:
        raise NotBelieved("This is no signed token, or a very long one.")
    found = from_json(from_text(token.partition(".")[0]))
    if not isinstance(found, dict):
        raise NotBelieved("The header of a token is no object.")
    return found


def verified(token: str, key: ECKey, *, kind: str) -> Json:
    """What was signed by this key, of this type (RFC 8725, section 3.11)."""
    header = header_of(token)
    if header.get("typ") != kind:
        raise NotBelieved(f"A token is of the type {header.get('typ')!r}, not {kind}.")
    try:
        found = jws.deserialize_compact(token.encode(), key, registry=_REGISTRY)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotBelieved(f"The signature of a {kind} does not hold: {error}.") from error
    payload = from_json(found.payload or b"")
    if not isinstance(payload, dict):
        raise NotBelieved(f"The content of a {kind} is no object.")
    return payload


def check_times(payload: Json, at: datetime, *, what: str) -> None:
    """`exp` and `nbf`, where they are said (RFC 7519, section 4.1)."""
    instant = at.timestamp()
    until, since = number(payload, "exp"), number(payload, "nbf")
    if until is not None and until + SKEW_SECONDS <= instant:
        raise NotBelieved(f"{what} has expired.")
    if since is not None and since - SKEW_SECONDS > instant:
        raise NotBelieved(f"{what} does not count yet.")


def number(payload: Json, name: str) -> float | None:
    """A NumericDate; None where it is not there."""
    found = payload.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise NotBelieved(f"`{name}` is no number.")
    return float(found)


def key_of(jwk: Any) -> ECKey:
    """A public key, as JWK."""
    try:
        if not isinstance(jwk, dict) or "d" in jwk:
            raise ValueError("no public key")
        return ECKey.import_key(jwk)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotBelieved("A key is none that we understand: EC on P-256 or P-384.") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("named twice")
    return found
