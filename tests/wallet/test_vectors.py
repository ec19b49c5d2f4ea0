"""The specifications' own examples: OpenID for Verifiable Presentations 1.0 (its folder
1.0/examples/sd_jwt_vcld/01, and section 8.3) and RFC 9901 (section 5)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tenure.wallet import asking, sdjwt
from tenure.wallet.errors import NotBelieved
from tenure.wallet.trust import Issuer

ISSUER = Issuer(
    "The example's",
    "https://issuer.example.com",
    keys=(
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ",
            "y": "Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8",
        },
    ),
)
PRESENTED = """\
eyJhbGciOiAiRVMyNTYiLCAidHlwIjogImRjK3NkLWp3dCJ9.eyJpc3MiOiAiaHR0cHM
6Ly9pc3N1ZXIuZXhhbXBsZS5jb20iLCAiaWF0IjogMTY4MzAwMDAwMCwgImV4cCI6IDE
4ODMwMDAwMDAsICJ2Y3QiOiAiaHR0cHM6Ly9jcmVkZW50aWFscy5leGFtcGxlLmNvbS9
leGFtcGxlX2NyZWRlbnRpYWwiLCAibGQiOiB7IkBjb250ZXh0IjogWyJodHRwczovL3d
3dy53My5vcmcvbnMvY3JlZGVudGlhbHMvdjIiLCAiaHR0cHM6Ly93M2lkLm9yZy9jaXR
pemVuc2hpcC92MyJdLCAiY3JlZGVudGlhbFN1YmplY3QiOiB7Il9zZCI6IFsiNkJKZFF
yTzI0ZWpUVE1zRkktd0dpSkptR3Jic2VXYzVJd0NDcDROQUowayIsICJOVERWc2JWQXd
TOUFuVVZxLV9ZR193djB5R0QwYnYySnN0WC1BbXZONjVJIiwgInRzMHB5UG50TGpEMF9
OY2dOT0kzaGRfMldqYlp3MjFwMkxmcWhPQzBiLVUiXX19LCAiX3NkX2FsZyI6ICJzaGE
tMjU2IiwgImNuZiI6IHsiandrIjogeyJrdHkiOiAiRUMiLCAiY3J2IjogIlAtMjU2Iiw
gIngiOiAiVENBRVIxOVp2dTNPSEY0ajRXNHZmU1ZvSElQMUlMaWxEbHM3dkNlR2VtYyI
sICJ5IjogIlp4amlXV2JaTVFHSFZXS1ZRNGhiU0lpcnNWZnVlY0NFNnQ0alQ5RjJIWlE
ifX19.jBu_lyijcnRUx3f5Djr1JGs8w0lAE9kSStA9fI4Z9z9Iq2f6pj_QwndFOIh9EY
hB72fBXgzIwxwyIPsN-D1J9A~WyIyR0xDNDJzS1F2ZUNmR2ZyeU5STjl3IiwgImdpdmV
uTmFtZSIsICJKb2huIl0~eyJhbGciOiAiRVMyNTYiLCAidHlwIjogImtiK2p3dCJ9.ey
Jub25jZSI6ICIxMjM0NTY3ODkwIiwgImF1ZCI6ICJodHRwczovL3ZlcmlmaWVyLmV4YW
1wbGUub3JnIiwgImlhdCI6IDE3NDQ3NDMzOTQsICJzZF9oYXNoIjogIkJvanB1TXZOOT
RHc0lYM1ZoNXllUlBCcDFNLUR3Q0o4a3hwQ2pVMDdsblUifQ.SLZP3Py2tTawKd3TaUV
j0LpFOF6kMTNW8Ku1OA78goep8KUA7yrrYOe8NS9FGRNIGaXS6lgf6ZJBChzwiESi6A""".replace("\n", "")
AT = datetime.fromtimestamp(1744743394, UTC)
EXPECTED = sdjwt.Expected(
    audience="https://verifier.example.org",
    nonce="1234567890",
    types=("https://credentials.example.com/example_credential",),
    asked_at=AT,
)


def test_the_presentation_of_the_specification_is_believed() -> None:
    shown = sdjwt.shown(PRESENTED, EXPECTED, [ISSUER], AT)
    assert shown.issuer.name == "The example's"
    assert asking.at_path(shown.claims, ["ld", "credentialSubject"]) == {"givenName": "John"}
    assert asking.at_path(shown.claims, ["ld", "credentialSubject", "familyName"]) is None
    assert "_sd_alg" not in shown.claims
    late = datetime.fromtimestamp(1883000000 + 3600, UTC)
    with pytest.raises(NotBelieved, match="expired"):
        sdjwt.shown(PRESENTED, EXPECTED, [ISSUER], late)


def test_the_encrypted_response_of_the_specification_is_opened() -> None:
    response = (
        "eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTEyOEdDTSIsImtpZCI6ImFjIiwiZXBrIjp7Imt"
        "0eSI6IkVDIiwieCI6Im5ubVZwbTNWM2piaGNhZlFhUkJrU1ZOSGx3Wkh3dC05ck9wSnVmeVlJdWsiLCJ5I"
        "joicjRmakRxd0p5czlxVU9QLV9iM21SNVNaRy0tQ3dPMm1pYzVWU05UWU45ZyIsImNydiI6IlAtMjU2In1"
        "9..uAYcHRUSSn2X0WPX.yVzlGSYG4qbg0bq18JcUiDRw56yVnbKR8E7S7YlEtzT00RqE3Pw5oTpUG3hdLN"
        "4taHZ9gC1kwak8JOnJgQ.1wR024_3-qtAlx1oFIUpQQ"
    )
    key = ECKey.import_key(
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "YO4epjifD-KWeq1sL2tNmm36BhXnkJ0He-WqMYrp9Fk",
            "y": "Hekpm0zfK7C-YccH5iBjcIXgf6YdUvNUac_0At55Okk",
            "d": "Et-3ce0omz8_TuZ96Df9lp0GAaaDoUnDe6X-CRO7Aww",
        }
    )
    assert asking.opened(response, key) == {
        "vp_token": {"example_credential_id": ["eyJhb...YMetA"]}
    }
    with pytest.raises(NotBelieved, match="another request"):
        asking.presented(response, "state", key)


#: RFC 9901, section 5.1: some of the disclosures, and the digests that they have there.
DISCLOSURES = dict(
    line.split()
    for line in """
jsu9yVulwQQlhFlM_3JlzMaSFzglhQG0DpfayQwLUK4 \
WyIyR0xDNDJzS1F2ZUNmR2ZyeU5STjl3IiwgImdpdmVuX25hbWUiLCAiSm9obiJd
TGf4oLbgwd5JQaHyKVQZU9UdGE0w5rtDsrZzfUaomLo \
WyJlbHVWNU9nM2dTTklJOEVZbnN4QV9BIiwgImZhbWlseV9uYW1lIiwgIkRvZSJd
pFndjkZ_VCzmyTa6UjlZo3dh-ko8aIKQc9DlGzhaVYo WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIlVTIl0
""".strip().splitlines()
)


def test_disclosures_of_the_rfc_are_put_in_their_places() -> None:
    given, family, nationality = DISCLOSURES
    payload = {
        "_sd": [family, given, "JzYjH4svliH0R3PyEMfeZu6Jt69u5qehZo7F7EPYlSE"],
        "iss": "https://issuer.example.com",
        "nationalities": [
            {"...": nationality},
            {"...": "7Cf6JkPudry3lcbwHgeZ8khAv1U1OSlerP0VkBJrWZ0"},
        ],
        "_sd_alg": "sha-256",
    }
    assert sdjwt.disclosed(payload, list(DISCLOSURES.values())) == {
        "iss": "https://issuer.example.com",
        "given_name": "John",
        "family_name": "Doe",
        "nationalities": ["US"],
    }
    assert sdjwt.disclosed(payload, []) == {"iss": payload["iss"], "nationalities": []}


def _disclosure(*parts: Any) -> tuple[str, str]:
    import base64
    import hashlib

    text = base64.urlsafe_b64encode(json.dumps(parts).encode()).rstrip(b"=").decode()
    digest = hashlib.sha256(text.encode()).digest()
    return text, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("parts", "place", "says"),
    [
        (("salt", "iss", "https://evil.example"), "object", "takes the place"),
        (("salt", "_sd", ["x"]), "object", "takes the place"),
        (("salt", "...", "x"), "object", "takes the place"),
        (("salt", "exp", 9_999_999_999), "object", "disclosed selectively"),
        (("salt", 7, "x"), "object", "takes the place"),
        (("salt", "x"), "object", "none of its place"),
        (("salt", "name", "x"), "list", "none of its place"),
        (("salt", "name", "x"), "nowhere", "not signed"),
        (("salt", "name", "x"), "twice", "twice"),
        (("salt", "name", "x"), "number", "list of digests"),
        (("salt", "name", "x"), "sha-1", "SHA-256"),
    ],
)
def test_disclosures_that_the_rfc_forbids(parts: Any, place: str, says: str) -> None:
    text, digest = _disclosure(*parts)
    payload: dict[str, Any] = {"iss": "https://issuer.example.com"}
    payload |= {
        "object": {"_sd": [digest]},
        "list": {"all": [{"...": digest}]},
        "nowhere": {},
        "twice": {"_sd": [digest], "deep": {"_sd": [digest]}},
        "number": {"_sd": 7},
        "sha-1": {"_sd": [digest], "_sd_alg": "sha-1"},
    }[place]
    with pytest.raises(NotBelieved, match=says):
        sdjwt.disclosed(payload, [text])
