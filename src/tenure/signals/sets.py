"""Security Event Tokens (RFC 8417), as SSF 1.0 wants them: signed here, and checked when they come.
Signing and checking are PyJWT's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.conf import settings
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tenure.signals.events import EventType
from tenure.signals.models import Signal
from tenure.sso import keys
from tenure.sso.models import Algorithm, Protocol

TYPE: Final = "secevent+jwt"
CONTENT_TYPE: Final = "application/secevent+jwt"
#: Those that a sender may sign with: never a shared secret.
_ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384"]
_AHEAD: Final = timedelta(minutes=5)
_LARGEST: Final = 64 * 1024


class SetRefused(ValueError):
    """A token that is not taken. `code`: as RFC 8935, 2.4 and SSF 1.0, 8.1.4.1 name it."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


@dataclass(frozen=True, slots=True)
class Event:
    """What a token says, once it is known whose it is."""

    jti: str
    uri: str
    subject: Mapping[str, Any]
    members: Mapping[str, Any]
    issued_at: datetime


def signed(row: Signal) -> str:
    """The token of a signal."""
    key = keys.current(Protocol.OIDC, Algorithm.RS256)
    claims = {
        "iss": settings.TENURE_URL,
        "aud": row.stream.receiver.audience,
        "iat": int(row.issued_at.timestamp()),
        "jti": row.jti,
        "sub_id": row.subject,
        "events": {EventType(row.kind).uri: row.members},
    }
    headers = {"kid": key.kid, "typ": TYPE}
    return jwt.encode(claims, keys.private_pem(key), algorithm=key.algorithm, headers=headers)


def published_keys() -> dict[str, Any]:
    """What our tokens are checked by (RFC 7517). The key is there from the beginning: whoever
    keeps the answer does not meet one that they do not know."""
    keys.current(Protocol.OIDC, Algorithm.RS256)
    return {
        "keys": [
            {**_jwk(row.public), "kid": row.kid, "alg": row.algorithm, "use": "sig"}
            for row in keys.published(Protocol.OIDC)
        ]
    }


def checked(
    text: bytes, *, jwks: Mapping[str, Any], issuer: str, audience: str, at: datetime
) -> Event:
    """What it says. Raises `SetRefused`, with the reason that its sender is told."""
    if len(text) > _LARGEST:
        raise SetRefused("invalid_request", f"The token is longer than {_LARGEST // 1024} KiB.")
    try:
        header = jwt.get_unverified_header(text)
    except jwt.PyJWTError as error:
        raise SetRefused("invalid_request", f"This is no signed token: {error}.") from None
    if str(header.get("typ", "")).lower().removeprefix("application/") != TYPE:
        raise SetRefused("invalid_request", f"The token's typ is not {TYPE}.")
    if header.get("alg") not in _ALGORITHMS:
        raise SetRefused("invalid_key", f"Nobody may sign with {header.get('alg')!r} here.")
    claims = _verified(text, header, jwks)
    if claims.get("iss") != issuer:
        raise SetRefused("invalid_issuer", f"The issuer is not {issuer}.")
    named = claims.get("aud")
    if audience not in (named if isinstance(named, list) else [named]):
        raise SetRefused("invalid_audience", f"The token is not for {audience}.")
    return _event(claims, at)


def _jwk(pem: str) -> dict[str, Any]:
    public = load_pem_public_key(pem.encode())
    if isinstance(public, ec.EllipticCurvePublicKey):
        return ECAlgorithm.to_jwk(public, as_dict=True)
    assert isinstance(public, rsa.RSAPublicKey)
    return RSAAlgorithm.to_jwk(public, as_dict=True)


def _verified(text: bytes, header: Mapping[str, Any], jwks: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        known = jwt.PyJWKSet.from_dict(dict(jwks)).keys
    except (jwt.PyJWTError, AttributeError, TypeError, KeyError) as error:
        raise SetRefused("invalid_key", f"The issuer's keys cannot be read: {error}.") from None
    fits = [key for key in known if key.key_id == header.get("kid")] if "kid" in header else known
    for key in fits:
        try:
            return jwt.decode(
                text,
                key,
                algorithms=_ALGORITHMS,
                options={"verify_aud": False, "verify_iss": False, "verify_iat": False},
            )
        except jwt.InvalidSignatureError:
            continue
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise SetRefused("invalid_request", f"The token cannot be used: {error}.") from None
    raise SetRefused("authentication_failed", "No key of the issuer has signed this.")


def _event(claims: Mapping[str, Any], at: datetime) -> Event:
    jti, issued, subject = claims.get("jti"), claims.get("iat"), claims.get("sub_id")
    told = claims.get("events")
    if not isinstance(jti, str) or not 0 < len(jti) <= 200 or "\0" in jti:
        raise SetRefused("invalid_request", "jti is missing, or not a text of at most 200.")
    if not isinstance(issued, int | float):
        raise SetRefused("invalid_request", "iat is missing.")
    try:
        moment = datetime.fromtimestamp(issued, UTC)
    except (ValueError, OverflowError, OSError):
        raise SetRefused("invalid_request", "iat is no time.") from None
    if moment > at + _AHEAD:
        raise SetRefused("invalid_request", "iat is in the future.")
    if not isinstance(subject, Mapping) or "sub" in claims:
        raise SetRefused("invalid_request", "The subject has to be in sub_id, and there alone.")
    if not isinstance(told, Mapping) or len(told) != 1:
        raise SetRefused("invalid_request", "events has to have one member.")
    ((uri, members),) = told.items()
    if not isinstance(members, Mapping):
        raise SetRefused("invalid_request", f"{uri} is no object.")
    return Event(jti, str(uri), subject, members, moment)
