"""An issuer and a wallet, small and by code that is not ours: credentials by the reference
implementation of SD-JWT, everything signed and encrypted by jwcrypto. They lie when told to."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer

ISS = "https://registry.example"
VCT = "urn:eudi:pid:1"
CLAIMS = {
    "given_name": "Ana",
    "family_name": "Li",
    "employee_number": "1",
    "birthdate": "1990-05-01",
}


def new_key() -> JWK:
    return JWK.generate(kty="EC", crv="P-256")


def private_of(key: JWK) -> Any:
    return serialization.load_pem_private_key(key.export_to_pem(True, None), None)


def public_of(key: JWK, **more: str) -> dict[str, Any]:
    return {**key.export_public(as_dict=True), **more}


def certified(
    key: JWK, name: str, *, by: JWK | None = None, authority: str = "", ca: bool = False
) -> x509.Certificate:
    """A certificate of this key, by another one or by itself."""
    at = datetime.now(UTC)
    host = name.removeprefix("https://")
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, authority or host)]))
        .public_key(private_of(key).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(private_of(by or key).public_key()),
            critical=False,
        )
    )
    if ca:
        usage = dict.fromkeys(
            (
                "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
                "key_agreement", "crl_sign", "encipher_only", "decipher_only",
            ),
            False,
        )  # fmt: skip
        builder = builder.add_extension(x509.KeyUsage(key_cert_sign=True, **usage), critical=True)
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(private_of(key).public_key()), critical=False
        )
    else:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
        )
    return builder.sign(private_of(by or key), hashes.SHA256())


def pem_of(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def der_of(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()


def signed(payload: Any, key: JWK, **header: Any) -> str:
    token = JWS(json.dumps(payload))
    token.add_signature(key, None, json.dumps({"alg": "ES256", **header}))
    return str(token.serialize(compact=True))


@dataclass
class Registry:
    """Issues credentials."""

    key: JWK = field(default_factory=new_key)
    iss: str = ISS

    def issue(
        self,
        holder: JWK,
        claims: dict[str, Any] | None = None,
        *,
        header: dict[str, Any] | None = None,
        **plain: Any,
    ) -> str:
        """Everything about the person disclosed selectively. `plain`: what is believed of it."""
        hidden = {SDObj(name): value for name, value in (claims or CLAIMS).items()}
        at = int(time.time())
        told = {"iss": self.iss, "vct": VCT, "iat": at, "exp": at + 3600, **plain}
        made = SDJWTIssuer(
            {**{name: v for name, v in told.items() if v is not None}, **hidden},
            self.key,
            holder,
            extra_header_parameters={"typ": "dc+sd-jwt", **(header or {})},
        )
        return str(made.sd_jwt_issuance)

    def status_list(self, uri: str, taken_back: int, *, key: JWK | None = None) -> str:
        """A token in which one place of eight says that the credential was taken back."""
        import zlib

        packed = zlib.compress(bytes([1 << taken_back]))
        text = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
        at = int(time.time())
        payload = {"sub": uri, "iat": at, "exp": at + 60, "status_list": {"bits": 1, "lst": text}}
        return signed(payload, key or self.key, typ="statuslist+jwt")


@dataclass
class Wallet:
    """Holds one credential."""

    credential: str = ""
    key: JWK = field(default_factory=new_key)

    def present(
        self, nonce: str, aud: str, *, show: tuple[str, ...] = tuple(CLAIMS), key: JWK | None = None
    ) -> str:
        """With key binding, as the reference implementation makes it."""
        holder = SDJWTHolder(self.credential)
        wanted = dict.fromkeys(show, True)
        holder.create_presentation(wanted, nonce, aud, key or self.key)
        return str(holder.sd_jwt_presentation)

    def answer(self, request: dict[str, Any], presentation: str, **changes: Any) -> str:
        """Encrypted to the key of the request."""
        told = {"vp_token": {"identity": [presentation]}, "state": request["state"], **changes}
        metadata = request["client_metadata"]
        (jwk,) = metadata["jwks"]["keys"]
        assert "d" not in jwk
        enc = metadata["encrypted_response_enc_values_supported"][-1]
        header = {"alg": jwk["alg"], "enc": enc, "kid": jwk["kid"]}
        token = JWE(json.dumps(told).encode(), json.dumps(header))
        token.add_recipient(JWK(**{name: jwk[name] for name in ("kty", "crv", "x", "y")}))
        return str(token.serialize(compact=True))


def scanned(text: str) -> tuple[str, str]:
    """Who asks, and the path of the request, as the QR code says it."""
    assert text.startswith("openid4vp://?")
    given = parse_qs(urlsplit(text).query)
    assert given["request_uri_method"] == ["post"]
    return given["client_id"][0], urlsplit(given["request_uri"][0]).path


def checked(token: str, client_id: str, nonce: str = "") -> dict[str, Any]:
    """The request, as a wallet has to check it before it shows anything (section 5.9.3)."""
    jws = JWS()
    jws.deserialize(token)
    header = jws.jose_header
    assert header["typ"] == "oauth-authz-req+jwt"
    leaf = x509.load_der_x509_certificate(base64.b64decode(header["x5c"][0]))
    public = leaf.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    jws.verify(JWK.from_pyca(public))
    request = dict(json.loads(jws.payload))
    assert request["client_id"] == client_id
    prefix, _, rest = client_id.partition(":")
    if prefix == "x509_hash":
        digest = hashlib.sha256(leaf.public_bytes(serialization.Encoding.DER)).digest()
        assert rest == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    else:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert prefix == "x509_san_dns"
        assert rest in names.get_values_for_type(x509.DNSName)
        assert rest == urlsplit(request["response_uri"]).hostname
    assert request["aud"] == "https://self-issued.me/v2"
    assert (request["response_type"], request["response_mode"]) == ("vp_token", "direct_post.jwt")
    assert len(base64.urlsafe_b64decode(request["nonce"] + "==")) >= 16
    assert request.get("wallet_nonce", "") == nonce
    assert "redirect_uri" not in request
    return request
