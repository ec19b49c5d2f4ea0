"""A service provider that shares no code with ours: it writes its messages as text, signs and
verifies with signxml and cryptography, and decrypts by hand. It lies when told to."""

from __future__ import annotations

import base64
import datetime
import secrets
import zlib
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote

import signxml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID
from lxml import etree

N = {
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "xenc": "http://www.w3.org/2001/04/xmlenc#",
}
_DECLARED = f'xmlns:saml="{N["saml"]}" xmlns:samlp="{N["samlp"]}"'
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
SOAP = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP"


def clock() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def stamp(at: datetime.datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


@dataclass(frozen=True)
class Pair:
    """A private key and its certificate."""

    key: Any
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def base64(self) -> str:
        return base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()

    @property
    def private_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


@cache
def pair(name: str = "app", kind: str = "rsa") -> Pair:
    """The same for the same name, for making one takes its time."""
    bits = {"rsa": 2048, "weak": 1024}
    key: Any = (
        ec.generate_private_key(ec.SECP256R1())
        if kind == "ec"
        else rsa.generate_private_key(public_exponent=65537, key_size=bits[kind])
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock() - datetime.timedelta(days=1))
        .not_valid_after(clock() + datetime.timedelta(days=90))
        .sign(key, hashes.SHA256())
    )
    return Pair(key, certificate)


@dataclass
class Application:
    """`idp`: what it was told of the identity provider: entity id, addresses, certificate."""

    entity_id: str = "https://app.example.com/saml"
    acs: str = "https://app.example.com/saml/acs"
    slo: str = "https://app.example.com/saml/slo"
    keys: Pair = field(default_factory=pair)
    sign_on: str = "https://sign-in.acme.example/sso/saml/sign-on"
    log_out: str = "https://sign-in.acme.example/sso/saml/log-out"

    def metadata(
        self,
        *,
        encryption: Pair | None = None,
        signed_requests: bool = False,
        slo_binding: str = REDIRECT,
        more: str = "",
        acs: str = "",
    ) -> bytes:
        def key(use: str, found: Pair) -> str:
            return (
                f'<md:KeyDescriptor use="{use}"><ds:KeyInfo xmlns:ds="{N["ds"]}"><ds:X509Data>'
                f"<ds:X509Certificate>\n{found.base64}\n</ds:X509Certificate></ds:X509Data>"
                "</ds:KeyInfo></md:KeyDescriptor>"
            )

        return (
            '<?xml version="1.0"?><!-- written by hand -->'
            f'<md:EntityDescriptor xmlns:md="{N["md"]}" entityID="{self.entity_id}">'
            f'<md:SPSSODescriptor AuthnRequestsSigned="{str(signed_requests).lower()}" '
            f'protocolSupportEnumeration="{N["samlp"]}">'
            f"{key('signing', self.keys)}{key('encryption', encryption) if encryption else ''}"
            f'<md:SingleLogoutService Binding="{slo_binding}" Location="{self.slo}"/>'
            f'<md:AssertionConsumerService Binding="{POST}" index="0" isDefault="true" '
            f'Location="{acs or self.acs}"/>{more}'
            "</md:SPSSODescriptor></md:EntityDescriptor>"
        ).encode()

    def authn_request(
        self,
        *,
        id: str = "",
        issuer: str = "",
        destination: str | None = None,
        at: datetime.datetime | None = None,
        attributes: str = "",
        inside: str = "",
        version: str = "2.0",
        before: str = "",
    ) -> bytes:
        to = self.sign_on if destination is None else destination
        return (
            f'{before}<samlp:AuthnRequest {_DECLARED} ID="{id or new_id()}" Version="{version}" '
            f'IssueInstant="{stamp(at or clock())}"{f" Destination={quoted(to)}" if to else ""} '
            f"{attributes}><saml:Issuer>{issuer or self.entity_id}</saml:Issuer>{inside}"
            "</samlp:AuthnRequest>"
        ).encode()

    def logout_request(
        self,
        name_id: str,
        sessions: tuple[str, ...] = (),
        *,
        format: str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
        qualifiers: str = "",
        at: datetime.datetime | None = None,
        attributes: str = "",
    ) -> bytes:
        indexes = "".join(f"<samlp:SessionIndex>{one}</samlp:SessionIndex>" for one in sessions)
        return (
            f'<samlp:LogoutRequest {_DECLARED} ID="{new_id()}" Version="2.0" '
            f'IssueInstant="{stamp(at or clock())}" Destination="{self.log_out}" {attributes}>'
            f"<saml:Issuer>{self.entity_id}</saml:Issuer>"
            f'<saml:NameID Format="{format}" {qualifiers}>{name_id}</saml:NameID>{indexes}'
            "</samlp:LogoutRequest>"
        ).encode()

    def logout_response(
        self,
        in_response_to: str,
        *,
        status: str = "urn:oasis:names:tc:SAML:2.0:status:Success",
    ) -> bytes:
        return (
            f'<samlp:LogoutResponse {_DECLARED} ID="{new_id()}" Version="2.0" '
            f'IssueInstant="{stamp(clock())}" Destination="{self.log_out}" '
            f'InResponseTo="{in_response_to}"><saml:Issuer>{self.entity_id}</saml:Issuer>'
            f'<samlp:Status><samlp:StatusCode Value="{status}"/></samlp:Status>'
            "</samlp:LogoutResponse>"
        ).encode()

    def signed(self, xml: bytes, *, keys: Pair | None = None, **config: Any) -> bytes:
        """Signed inside, by signxml."""
        chosen = keys or self.keys
        root = etree.fromstring(xml)
        method = "ecdsa-sha256" if isinstance(chosen.key, ec.EllipticCurvePrivateKey) else None
        signer = signxml.XMLSigner(
            c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#",
            **({"signature_algorithm": method} if method else {}),
            **config,
        )
        issuer = root.find("saml:Issuer", N)
        placeholder = etree.Element(
            f"{{{N['ds']}}}Signature", {"Id": "placeholder"}, nsmap={"ds": N["ds"]}
        )
        assert issuer is not None
        issuer.addnext(placeholder)
        done = signer.sign(
            root,
            key=chosen.private_pem,
            cert=[chosen.pem],
            reference_uri=f"#{root.get('ID')}",
            id_attribute="ID",
        )
        return etree.tostring(done)

    def query(
        self,
        xml: bytes,
        *,
        field: str = "SAMLRequest",
        relay_state: str = "",
        keys: Pair | None = None,
        algorithm: str = RSA_SHA256,
        unsigned: bool = False,
    ) -> str:
        """The query of an address, signed beside."""
        text = f"{field}={quote(deflated(xml), safe='')}"
        if relay_state:
            text += f"&RelayState={quote(relay_state, safe='')}"
        if unsigned:
            return text
        text += f"&SigAlg={quote(algorithm, safe='')}"
        key = (keys or self.keys).key
        if isinstance(key, ec.EllipticCurvePrivateKey):
            from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

            r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32) + s.to_bytes(32)
        else:
            hash_ = hashes.SHA1() if algorithm.endswith("rsa-sha1") else hashes.SHA256()
            signature = key.sign(text.encode(), padding.PKCS1v15(), hash_)
        return f"{text}&Signature={quote(base64.b64encode(signature), safe='')}"


def deflated(data: bytes) -> str:
    engine = zlib.compressobj(wbits=-15)
    return base64.b64encode(engine.compress(data) + engine.flush()).decode()


def inflated(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text), -15)


def new_id() -> str:
    return f"_{secrets.token_hex(16)}"


def quoted(text: str) -> str:
    return f'"{text}"'


def verified(xml: bytes, certificate_pem: str, location: str) -> Any:
    """What is signed at `location` (`Response`, `Assertion`), as signxml returns it: only that is
    to be believed."""
    path = {"Response": "./", "Assertion": f"./{{{N['saml']}}}Assertion/", "": "./"}[location]
    result = signxml.XMLVerifier().verify(
        xml,
        x509_cert=certificate_pem,
        expect_config=signxml.SignatureConfiguration(location=path),
        id_attribute="ID",
    )
    assert not isinstance(result, list)
    return result.signed_xml


def decrypted(response: Any, key: rsa.RSAPrivateKey) -> Any:
    """The assertion inside of an EncryptedAssertion, by XML Encryption's text alone."""
    data = response.find("saml:EncryptedAssertion/xenc:EncryptedData", N)
    wrapped = data.find("ds:KeyInfo/xenc:EncryptedKey/xenc:CipherData/xenc:CipherValue", N)
    # rsa-oaep-mgf1p: SHA-1 in both places, unless it says otherwise.
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    session = key.decrypt(base64.b64decode(wrapped.text), oaep)
    sealed = base64.b64decode(data.find("xenc:CipherData/xenc:CipherValue", N).text)
    method = data.find("xenc:EncryptionMethod", N).get("Algorithm")
    if method.endswith("-gcm"):
        return etree.fromstring(AESGCM(session).decrypt(sealed[:12], sealed[12:], None))
    opener = Cipher(algorithms.AES(session), modes.CBC(sealed[:16])).decryptor()
    padded = opener.update(sealed[16:]) + opener.finalize()
    # XML Encryption, section 5.2.1: the last byte says how many were added.
    return etree.fromstring(padded[: -padded[-1]])
