"""The request that a wallet fetches, signed as RFC 9101 says, and what stands in the QR code; and
the answer, which comes encrypted to a key that is for this request alone. Sections are those of
OpenID for Verifiable Presentations 1.0."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from tenure.wallet.errors import NotBelieved
from tenure.wallet.reading import ALGORITHMS, LARGEST, Json, from_json
from tenure.wallet.sdjwt import CREDENTIAL

REQUEST_TYPE: Final = "oauth-authz-req+jwt"
#: Section 5.8: a wallet that is not known before.
_ANY_WALLET: Final = "https://self-issued.me/v2"
#: The name of the one credential that is asked for.
QUERY: Final = "identity"
_ENCRYPTIONS: Final = ("A128GCM", "A256GCM")
_LONGEST_ANSWER: Final = 2 * LARGEST


class _Registry(jwe.JWERegistry):
    """Presentations are longer than the library expects of an encrypted token."""

    max_ciphertext_length = _LONGEST_ANSWER


_JWE: Final = _Registry(algorithms=["ECDH-ES", *_ENCRYPTIONS], strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Verifier:
    """Who asks: the key, and the certificates that say whose it is, the first one its own."""

    key: ECKey
    chain: tuple[x509.Certificate, ...]
    prefix: str = "x509_hash"

    def client_id(self) -> str:
        """Section 5.9.3; HAIP 1.0 asks for `x509_hash`."""
        leaf = self.chain[0]
        if self.prefix == "x509_hash":
            digest = hashlib.sha256(leaf.public_bytes(Encoding.DER)).digest()
            return "x509_hash:" + urlsafe_b64encode(digest).rstrip(b"=").decode()
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return "x509_san_dns:" + names.get_values_for_type(x509.DNSName)[0]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `paths`: where in the credential each claim is."""

    response_uri: str
    nonce: str
    state: str
    types: Sequence[str]
    paths: Sequence[Sequence[str]]
    encryption_key: ECKey


def invocation(scheme: str, client_id: str, request_uri: str) -> str:
    """What the QR code holds (sections 5.1 and 13.1)."""
    given = {"client_id": client_id, "request_uri": request_uri, "request_uri_method": "post"}
    return f"{scheme}?{urlencode(given)}"


def request_object(verifier: Verifier, asked: Asked, *, wallet_nonce: str = "") -> str:
    """The signed request (sections 5 and 8.3)."""
    public = asked.encryption_key.as_dict(private=False)
    payload: dict[str, Any] = {
        "aud": _ANY_WALLET,
        "client_id": verifier.client_id(),
        "response_type": "vp_token",
        "response_mode": "direct_post.jwt",
        "response_uri": asked.response_uri,
        "nonce": asked.nonce,
        "state": asked.state,
        "dcql_query": {
            "credentials": [
                {
                    "id": QUERY,
                    "format": CREDENTIAL,
                    "meta": {"vct_values": list(asked.types)},
                    "claims": [{"path": list(path)} for path in asked.paths],
                }
            ]
        },
        "client_metadata": {
            "jwks": {"keys": [{**public, "kid": "1", "use": "enc", "alg": "ECDH-ES"}]},
            "encrypted_response_enc_values_supported": list(_ENCRYPTIONS),
            "vp_formats_supported": {
                CREDENTIAL: {
                    "sd-jwt_alg_values": list(ALGORITHMS),
                    "kb-jwt_alg_values": list(ALGORITHMS),
                }
            },
        },
    }
    if wallet_nonce:
        payload["wallet_nonce"] = wallet_nonce
    certificates = [b64encode(one.public_bytes(Encoding.DER)).decode() for one in verifier.chain]
    algorithm = "ES384" if verifier.key.curve_name == "P-384" else "ES256"
    header = {"alg": algorithm, "typ": REQUEST_TYPE, "x5c": certificates}
    return jws.serialize_compact(header, _text(payload), verifier.key, algorithms=[*ALGORITHMS])


def presented(response: str, asked_state: str, key: ECKey) -> str:
    """The one presentation of an encrypted answer (section 8.1). Raises `NotBelieved`."""
    answer = opened(response, key)
    if answer.get("state") != asked_state:
        raise NotBelieved("The answer is to another request (state).")
    tokens = answer.get("vp_token")
    mine = tokens.get(QUERY) if isinstance(tokens, dict) and set(tokens) == {QUERY} else None
    if not (isinstance(mine, list) and len(mine) == 1 and isinstance(mine[0], str)):
        raise NotBelieved("There is not the one presentation that was asked for.")
    return mine[0]


def opened(response: str, key: ECKey) -> Json:
    """What an encrypted answer says (section 8.3). Raises `NotBelieved`."""
    if len(response) > _LONGEST_ANSWER:
        raise NotBelieved("The answer is very long.")
    try:
        found = jwe.decrypt_compact(response.encode(), key, registry=_JWE)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotBelieved(
            f"The answer is not encrypted to the key of its request: {error}."
        ) from error
    if found.protected.get("zip"):
        raise NotBelieved("The answer is compressed.")
    answer = from_json(found.plaintext or b"")
    if not isinstance(answer, dict):
        raise NotBelieved("The answer is no object.")
    return answer


def at_path(claims: Json, path: Sequence[str]) -> Any:
    """What is at a claims path of names (section 7); None where nothing is."""
    found: Any = claims
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _text(payload: Json) -> bytes:
    return json.dumps(payload, separators=(",", ":")).encode()
