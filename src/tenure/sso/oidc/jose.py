"""Signing and reading JWTs with the keys of the installation. The algorithms that are taken are
named here: what a token says of its own algorithm never decides."""

from __future__ import annotations

from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from tenure.sso import keys
from tenure.sso.models import Algorithm, Protocol, SigningKey

ALGORITHMS: Final = [algorithm.value for algorithm in Algorithm]


def signing_key(algorithm: str) -> RSAKey | ECKey:
    """The key that signs now, with its `kid`."""
    row = keys.current(Protocol.OIDC, Algorithm(algorithm))
    return _jwk(row, keys.private_pem(row))


def signed(claims: dict[str, Any], algorithm: str, *, kind: str = "JWT") -> str:
    """A JWT. `kind` is its `typ`, so that one kind is not taken for another (RFC 8725, 3.11)."""
    key = signing_key(algorithm)
    header = {"alg": algorithm, "kid": key.kid, "typ": kind}
    return jwt.encode(header, claims, key, algorithms=[algorithm])


def public_keys() -> KeySet:
    """Everything that may have signed, or will."""
    return KeySet([_jwk(row, row.public) for row in keys.published(Protocol.OIDC)])


def published() -> dict[str, Any]:
    """As a document (RFC 7517). Both algorithms are there from the beginning."""
    for algorithm in Algorithm:
        keys.current(Protocol.OIDC, algorithm)
    return {"keys": [key.as_dict(private=False) for key in public_keys()]}


def read(token: str) -> dict[str, Any] | None:
    """The claims of a JWT that we signed, None for anything else. Its end is not looked at."""
    try:
        return dict(jwt.decode(token, public_keys(), algorithms=ALGORITHMS).claims)
    except (JoseError, ValueError):
        return None


def _jwk(row: SigningKey, pem: str) -> RSAKey | ECKey:
    kind = RSAKey if row.algorithm == Algorithm.RS256 else ECKey
    parameters = {"kid": row.kid, "use": "sig", "alg": row.algorithm}
    return kind.import_key(pem, parameters)  # type: ignore[arg-type]  # as the library has it
