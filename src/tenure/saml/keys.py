"""Certificates and keys: what a certificate says, whether its key is strong enough, and Tenure's
own pair. A certificate in SAML only carries a key (metadata interoperability profile, section 2.5):
who signed it and when it ends is told to people, and decides nothing.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tenure.saml.errors import SamlError

_PEM = re.compile(
    r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL | re.ASCII
)
SHORTEST_RSA = 2048
_CURVES = ("secp256r1", "secp384r1", "secp521r1")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate whose key is strong enough. `der_base64` as metadata has it, on one line."""

    der_base64: str

    @property
    def pem(self) -> str:
        """The certificate as a file."""
        lines = [self.der_base64[at : at + 64] for at in range(0, len(self.der_base64), 64)]
        return "\n".join(("-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""))

    @property
    def opened(self) -> x509.Certificate:
        """As cryptography has it."""
        return _opened(self.der_base64)

    @property
    def public_key(self) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
        """The key that it carries."""
        key = self.opened.public_key()
        assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
        return key

    @property
    def subject(self) -> str:
        """Whose it says it is."""
        return self.opened.subject.rfc4514_string()

    @property
    def ends_at(self) -> datetime:
        """The last instant that it says it is good for."""
        return self.opened.not_valid_after_utc

    def fingerprint(self, algorithm: str = "sha256") -> str:
        """As people compare them: `AB:CD:...`."""
        chosen = hashes.SHA1() if algorithm == "sha1" else hashes.SHA256()
        return ":".join(f"{byte:02X}" for byte in self.opened.fingerprint(chosen))


@dataclass(frozen=True, slots=True)
class KeyPair:
    """What Tenure signs with. `private_pem` is PKCS #8, and is never shown."""

    private_pem: str
    certificate: Certificate

    def __repr__(self) -> str:
        return f"KeyPair({self.certificate.fingerprint()[:11]}...)"


@lru_cache(maxsize=256)
def _opened(der_base64: str) -> x509.Certificate:
    return x509.load_der_x509_certificate(base64.b64decode(der_base64))


def read_certificate(text: str) -> Certificate:
    """A certificate as PEM, or as the base64 that metadata has. Raises `SamlError`."""
    found = _PEM.search(text)
    body = re.sub(r"\s+", "", found[1] if found else text)
    try:
        der = base64.b64decode(body, validate=True)
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
    except (ValueError, binascii.Error) as error:
        raise SamlError(
            "This is no certificate. Expected a PEM file (-----BEGIN CERTIFICATE-----) or the "
            "base64 text between its lines."
        ) from error
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < SHORTEST_RSA:
            raise SamlError(
                f"The certificate's RSA key has {key.key_size} bits: too weak. Ask for one with at "
                f"least {SHORTEST_RSA}."
            )
    elif not (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES):
        raise SamlError("The certificate's key is neither RSA nor one of the NIST curves.")
    return Certificate(base64.b64encode(der).decode())


def self_signed(
    key: rsa.RSAPrivateKey, name: str, *, at: datetime, ends: datetime
) -> x509.Certificate:
    """The certificate of a key of ours, for `name` (a host)."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A clock that is behind must not find it "not yet valid".
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
