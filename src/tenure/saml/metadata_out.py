"""Tenure's own metadata, by which an application trusts it (SAML Metadata 2.0, section 2.4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from lxml.etree import _Element

from tenure.saml import building
from tenure.saml.building import add
from tenure.saml.keys import Certificate
from tenure.saml.names import (
    DS,
    MD,
    NAME_ID_FORMATS,
    POST,
    PROTOCOL,
    REDIRECT,
    SOAP_BINDING,
    q,
)

#: How soon applications that read it by themselves should read it again: a certificate is announced
#: for longer than this before it signs.
READ_AGAIN: Final = timedelta(days=1)
MEDIA_TYPE: Final = "application/samlmetadata+xml"
_XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, slots=True)
class Places:
    """Tenure's addresses as an identity provider."""

    entity_id: str
    sign_on: str
    log_out: str
    log_out_soap: str = ""


def metadata(
    places: Places, certificates: Sequence[Certificate], *, company: str = "", address: str = ""
) -> bytes:
    """The document. `certificates`: that which signs first, then those that will or did."""
    root = building.element(MD, "EntityDescriptor", entityID=places.entity_id)
    root.set("cacheDuration", f"P{READ_AGAIN.days}D")
    role = add(
        root,
        MD,
        "IDPSSODescriptor",
        WantAuthnRequestsSigned="false",
        protocolSupportEnumeration=PROTOCOL,
    )
    for certificate in certificates:
        _add_key(role, certificate)
    for binding in (REDIRECT, POST):
        add(role, MD, "SingleLogoutService", Binding=binding, Location=places.log_out)
    if places.log_out_soap:
        add(role, MD, "SingleLogoutService", Binding=SOAP_BINDING, Location=places.log_out_soap)
    for format_ in NAME_ID_FORMATS.values():
        add(role, MD, "NameIDFormat", format_)
    for binding in (REDIRECT, POST):
        add(role, MD, "SingleSignOnService", Binding=binding, Location=places.sign_on)
    if company:
        organisation = add(root, MD, "Organization")
        for name, text in (
            ("OrganizationName", company),
            ("OrganizationDisplayName", company),
            ("OrganizationURL", address or places.entity_id),
        ):
            add(organisation, MD, name, text).set(_XML_LANG, "en")
    return building.written(root)


def _add_key(role: _Element, certificate: Certificate) -> None:
    descriptor = add(role, MD, "KeyDescriptor", use="signing")
    info = descriptor.makeelement(q(DS, "KeyInfo"), nsmap={"ds": DS})
    descriptor.append(info)
    add(add(info, DS, "X509Data"), DS, "X509Certificate", certificate.der_base64)
