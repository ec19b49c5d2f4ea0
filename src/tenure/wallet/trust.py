"""Whom a company believes: issuers with their keys, or with the authorities that certify them. What
a credential says of its own key counts only if it leads to one of these."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import verification
from joserfc.jwk import ECKey

from tenure.wallet.errors import NotBelieved
from tenure.wallet.reading import Json, key_of

_LONGEST_CHAIN: Final = 4


@dataclass(frozen=True, slots=True)
class Issuer:
    """`iss` is what its credentials name. Either `keys` (JWK) or `roots` (certificates) say which
    signatures are its own. `status_lists`: addresses under which it tells what is revoked."""

    name: str
    iss: str
    keys: tuple[Json, ...] = ()
    roots: tuple[x509.Certificate, ...] = ()
    status_lists: tuple[str, ...] = ()


def certificates(pem: str) -> tuple[x509.Certificate, ...]:
    """Those of a PEM text, in its order. Raises `ValueError`."""
    return tuple(x509.load_pem_x509_certificates(pem.encode()))


def key_for(
    header: Json, iss: Any, issuers: Sequence[Issuer], at: datetime
) -> tuple[Issuer, ECKey]:
    """The issuer that the company trusts under this name, and its key that the header means."""
    found = next((one for one in issuers if one.iss == iss), None)
    if found is None:
        raise NotBelieved(f"The issuer {str(iss)[:200]!r} is not on the list of those trusted.")
    if found.roots:
        return found, _certified(header, found, at)
    kid = header.get("kid")
    fitting = [jwk for jwk in found.keys if kid is None or jwk.get("kid") in (kid, None)]
    if len(fitting) != 1:
        raise NotBelieved(f"{found.name}: which of its keys has signed is not known (kid {kid!r}).")
    return found, key_of(dict(fitting[0]))


def _certified(header: Json, issuer: Issuer, at: datetime) -> ECKey:
    """The key of the first certificate of `x5c`, which has to lead to a root of the issuer and to
    be for its name (SD-JWT VC, section 3.5)."""
    told = header.get("x5c")
    if not isinstance(told, list) or not 1 <= len(told) <= _LONGEST_CHAIN:
        raise NotBelieved(f"{issuer.name}: the credential has no chain of certificates.")
    try:
        leaf, *others = (x509.load_der_x509_certificate(b64decode(c, validate=True)) for c in told)
        _verifier(issuer, at).verify(leaf, others)
    except (ValueError, TypeError, verification.VerificationError) as error:
        raise NotBelieved(f"{issuer.name}: its certificate is not certified: {error}") from error
    if issuer.iss not in _names(leaf):
        raise NotBelieved(f"{issuer.name}: the certificate is for somebody else.")
    public = leaf.public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise NotBelieved(f"{issuer.name}: the certificate's key is none on an elliptic curve.")
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return ECKey.import_key(pem)


def _verifier(issuer: Issuer, at: datetime) -> verification.ClientVerifier:
    """Path validation (RFC 5280). What a certificate of an issuer is for is said in no extension
    that all of them have, so of the last one only the path is judged."""
    return (
        verification.PolicyBuilder()
        .store(verification.Store(list(issuer.roots)))
        .time(at)
        .max_chain_depth(_LONGEST_CHAIN)
        .extension_policies(
            ca_policy=verification.ExtensionPolicy.webpki_defaults_ca(),
            ee_policy=verification.ExtensionPolicy.permit_all(),
        )
        .build_client_verifier()
    )


def _names(leaf: x509.Certificate) -> set[str]:
    """What a credential of this certificate may name as its issuer: `iss` is an address or URI."""
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    hosts = names.get_values_for_type(x509.DNSName)
    return {
        *names.get_values_for_type(x509.UniformResourceIdentifier),
        *(f"https://{host}" for host in hosts),
    }
