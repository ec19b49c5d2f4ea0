"""Who we are to applications that speak SAML: our names, addresses, keys and metadata."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from tenure.infra.clock import now
from tenure.people.services import company
from tenure.saml import metadata_out
from tenure.saml.keys import Certificate, KeyPair, read_certificate, self_signed
from tenure.saml.metadata_out import Places
from tenure.sso import keys
from tenure.sso.keys import Private
from tenure.sso.models import Protocol, SigningKey

_ENTITY_ID: Final = "/sso/saml/metadata"


@dataclass(frozen=True, slots=True)
class OurKey:
    """A key that signs, will sign, or signed lately. `fingerprint` is of SHA-256."""

    row: SigningKey
    certificate: Certificate
    signs_now: bool


def places() -> Places:
    """Our addresses. The entity id is the address of our metadata (Metadata 2.0, section 4.1)."""
    return Places(
        entity_id=f"{settings.TENURE_URL}{_ENTITY_ID}",
        sign_on=f"{settings.TENURE_URL}{reverse('saml:sign_on')}",
        log_out=f"{settings.TENURE_URL}{reverse('saml:log_out')}",
        log_out_soap=f"{settings.TENURE_URL}{reverse('saml:log_out_soap')}",
    )


def metadata() -> bytes:
    """Our metadata, with every key that applications may meet."""
    ours = our_keys()
    return metadata_out.metadata(
        places(),
        [key.certificate for key in ours],
        company=company().name,
        address=settings.TENURE_URL,
    )


def our_keys() -> list[OurKey]:
    """The one that signs now first; it is made here where there is none."""
    signing = keys.current(Protocol.SAML)
    return [
        OurKey(row, read_certificate(row.certificate), row.pk == signing.pk)
        for row in keys.published(Protocol.SAML)
    ]


def pair_for(kid: str = "") -> KeyPair:
    """What signs: the key that is named, while it is published; else the one whose time it is. So
    an application can be moved to the next certificate before, or after, the others."""
    row = _published().filter(kid=kid).first() if kid else None
    found = row or keys.current(Protocol.SAML)
    return KeyPair(keys.private_pem(found), read_certificate(found.certificate))


def certify(private: Private, kid: str, ends: datetime) -> str:
    """For `keys.register_certifier`: the certificate of a new key of ours."""
    assert isinstance(private, rsa.RSAPrivateKey)
    certificate = self_signed(private, settings.PASSKEY_DOMAIN, at=now(), ends=ends)
    der = certificate.public_bytes(serialization.Encoding.DER)
    return Certificate(base64.b64encode(der).decode()).pem


def _published() -> QuerySet[SigningKey]:
    return SigningKey.objects.filter(use=Protocol.SAML, expires_at__gt=now())
