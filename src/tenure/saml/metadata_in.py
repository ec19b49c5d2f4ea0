"""An application's metadata to what Tenure keeps of it (SAML Metadata 2.0, section 2.4.4). What
cannot be used is said, never left out in silence, so `read` also gives remarks for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lxml.etree import _Element

from tenure.saml.encrypting import checked_for_encryption
from tenure.saml.errors import NotTrusted, SamlError
from tenure.saml.keys import Certificate, read_certificate
from tenure.saml.names import (
    DS,
    MD,
    MDUI,
    POST,
    PROTOCOL,
    REDIRECT,
    SOAP_BINDING,
    q,
)
from tenure.saml.parsing import boolean, instant, parse_metadata, text_of, whole
from tenure.saml.service import (
    Cipher,
    Consumer,
    LogoutPlace,
    ServiceProvider,
    Wanted,
    checked_address,
    checked_entity_id,
)

_LOGOUT_BINDINGS: Final = (SOAP_BINDING, REDIRECT, POST)
_CIPHERS: Final[dict[str, Cipher]] = {
    "http://www.w3.org/2009/xmlenc11#aes256-gcm": "aes256-gcm",
    "http://www.w3.org/2009/xmlenc11#aes128-gcm": "aes128-gcm",
    "http://www.w3.org/2001/04/xmlenc#aes256-cbc": "aes256-cbc",
    "http://www.w3.org/2001/04/xmlenc#aes128-cbc": "aes128-cbc",
}
_ENDS_SOON: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ReadMetadata:
    """What the document says. `encryption`: the key that assertions could be encrypted for, which
    is a decision of the company's; `remarks`: what people should know of it."""

    service: ServiceProvider
    encryption: Certificate | None
    remarks: tuple[str, ...]


def read(data: bytes, *, at: datetime, entity_id: str = "") -> ReadMetadata:
    """What the metadata says of the application; of several in one file, the one with this entity
    id. Raises `SamlError` with what is wrong and what to do."""
    root = parse_metadata(data)
    entity = _entity(root, entity_id)
    for element in {root, entity}:
        until = element.get("validUntil")
        if until is not None and instant(until, "validUntil") <= at:
            raise SamlError(
                f"The metadata was valid until {until}. Get a new one from the application."
            )
    role = _role(entity)
    remarks: list[str] = []
    signing, encryption = _keys(role, remarks, at)
    service = ServiceProvider(
        entity_id=checked_entity_id(entity.get("entityID") or ""),
        consumers=_consumers(role, remarks),
        logout=_logout(role, remarks),
        verify_with=signing,
        signed_requests=bool(signing)
        and boolean(role.get("AuthnRequestsSigned"), "AuthnRequestsSigned"),
        cipher=_cipher(role),
        formats=tuple(text_of(found) for found in role.findall(q(MD, "NameIDFormat"))),
        name=_name(entity, role),
        wanted=tuple(_wanted(role)),
    )
    return ReadMetadata(service, encryption, tuple(remarks))


def _entity(root: _Element, entity_id: str) -> _Element:
    if root.tag == q(MD, "EntityDescriptor"):
        found = [root]
    elif root.tag == q(MD, "EntitiesDescriptor"):
        found = [
            entity
            for entity in root.iter(q(MD, "EntityDescriptor"))
            if entity.find(q(MD, "SPSSODescriptor")) is not None
        ]
    else:
        raise SamlError(
            f"This is no SAML metadata: it begins with {str(root.tag)[:80]!r}. Expected an "
            "EntityDescriptor; in the application look for 'metadata' of the service provider."
        )
    if entity_id:
        found = [entity for entity in found if entity.get("entityID") == entity_id]
        if not found:
            raise SamlError(f"The metadata has nothing about {entity_id}.")
    if len(found) != 1:
        names = ", ".join(str(entity.get("entityID")) for entity in found[:5])
        raise SamlError(
            f"The metadata describes {len(found)} applications ({names or 'none'}). Give the "
            "entity id of the one that is meant."
        )
    return found[0]


def _role(entity: _Element) -> _Element:
    for role in entity.findall(q(MD, "SPSSODescriptor")):
        if PROTOCOL in (role.get("protocolSupportEnumeration") or "").split():
            return role
    if entity.find(q(MD, "IDPSSODescriptor")) is not None:
        raise SamlError(
            "This is metadata of an identity provider (perhaps ours). Get the application's own, "
            "which it calls metadata of the service provider."
        )
    raise SamlError("The metadata has no service provider of SAML 2.0 (SPSSODescriptor).")


def _keys(
    role: _Element, remarks: list[str], at: datetime
) -> tuple[tuple[Certificate, ...], Certificate | None]:
    signing: dict[str, Certificate] = {}
    encryption: Certificate | None = None
    for descriptor in role.findall(q(MD, "KeyDescriptor")):
        use = descriptor.get("use")
        for element in descriptor.iter(q(DS, "X509Certificate")):
            try:
                found = read_certificate(text_of(element))
            except NotTrusted:
                raise
            except SamlError as error:
                remarks.append(f"A certificate for {use or 'everything'} is left out: {error}")
                continue
            if found.ends_at - at < _ENDS_SOON:
                remarks.append(
                    f"The certificate {found.fingerprint()[:23]}... says that it ends on "
                    f"{found.ends_at:%Y-%m-%d}. Its key is used all the same."
                )
            if use in (None, "signing"):
                signing[found.der_base64] = found
            if use in (None, "encryption") and encryption is None:
                encryption = _for_encryption(found, remarks)
    return tuple(signing.values()), encryption


def _for_encryption(certificate: Certificate, remarks: list[str]) -> Certificate | None:
    try:
        return checked_for_encryption(certificate)
    except SamlError as error:
        remarks.append(str(error))
        return None


def _consumers(role: _Element, remarks: list[str]) -> tuple[Consumer, ...]:
    found: list[Consumer] = []
    problems: list[str] = []
    for place in role.findall(q(MD, "AssertionConsumerService")):
        if place.get("Binding") != POST:
            continue
        try:
            location = checked_address(
                place.get("Location") or "", "The address for assertions (ACS)"
            )
        except SamlError as error:
            problems.append(str(error))
            continue
        index = whole(place.get("index"), "index")
        default = boolean(place.get("isDefault"), "isDefault")
        found.append(Consumer(location, len(found) if index is None else index, default))
    if not found:
        raise SamlError(
            " ".join(problems)
            or "The metadata has no address for assertions by HTTP-POST (AssertionConsumerService)."
        )
    remarks += [f"Left out: {problem}" for problem in problems]
    return tuple(found)


def _logout(role: _Element, remarks: list[str]) -> tuple[LogoutPlace, ...]:
    found = []
    for place in role.findall(q(MD, "SingleLogoutService")):
        binding = place.get("Binding") or ""
        if binding not in _LOGOUT_BINDINGS:
            continue
        answers = place.get("ResponseLocation") or ""
        what = "The address for logouts"
        try:
            location = checked_address(place.get("Location") or "", what)
            found.append(
                LogoutPlace(binding, location, checked_address(answers, what) if answers else "")
            )
        except SamlError as error:
            remarks.append(f"Left out: {error}")
    return tuple(found)


def _cipher(role: _Element) -> Cipher | None:
    """The first that it lists and that is strong; None where it lists none."""
    for descriptor in role.findall(q(MD, "KeyDescriptor")):
        for method in descriptor.findall(q(MD, "EncryptionMethod")):
            if found := _CIPHERS.get(method.get("Algorithm") or ""):
                return found
    return None


def _name(entity: _Element, role: _Element) -> str:
    for namespace, tag in ((MDUI, "DisplayName"), (MD, "ServiceName"), (MD, "OrganizationName")):
        for found in (*role.iter(q(namespace, tag)), *entity.iter(q(namespace, tag))):
            if text := text_of(found):
                return text[:200]
    return ""


def _wanted(role: _Element) -> Iterator[Wanted]:
    for attribute in role.iter(q(MD, "RequestedAttribute")):
        if name := attribute.get("Name"):
            yield Wanted(
                name=name[:500],
                friendly_name=(attribute.get("FriendlyName") or "")[:200],
                required=boolean(attribute.get("isRequired"), "isRequired"),
            )
