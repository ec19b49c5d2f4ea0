"""Signed assertions (RFC 7519, RFC 7515): the two algorithms that service accounts use."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key


class KeyProblem(ValueError):
    """The private key cannot be used. Never shows it."""


def signed(claims: Mapping[str, Any], *, key: str, algorithm: str, key_id: str = "") -> str:
    """A compact JWS. `key` is PEM; a key pasted with `\\n` written out is taken too.

    Raises `KeyProblem`.
    """
    header = {"alg": algorithm, "typ": "JWT", **({"kid": key_id} if key_id else {})}
    text = f"{_encoded(orjson.dumps(header))}.{_encoded(orjson.dumps(claims))}"
    return f"{text}.{_encoded(_signature(text.encode(), key, algorithm))}"


def _signature(data: bytes, pem: str, algorithm: str) -> bytes:
    try:
        key = load_pem_private_key(pem.replace("\\n", "\n").encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyProblem(
            "The private key cannot be read. Expected PEM without a password, beginning with "
            "-----BEGIN PRIVATE KEY-----."
        ) from None
    if algorithm == "RS256" and isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    if (
        algorithm == "ES256"
        and isinstance(key, ec.EllipticCurvePrivateKey)
        and isinstance(key.curve, ec.SECP256R1)
    ):
        # RFC 7518, 3.4: the two numbers one after the other, not DER.
        first, second = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
        return first.to_bytes(32, "big") + second.to_bytes(32, "big")
    raise KeyProblem(f"The private key is not one for {algorithm}.")


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
