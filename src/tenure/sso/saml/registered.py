"""Which application a name stands for, and what is known of it: what is configured goes before what
its metadata says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from tenure.applications.models import Application
from tenure.configuration.document_saml import Saml
from tenure.configuration.document_sso import SingleSignOn
from tenure.infra.clock import now
from tenure.saml import metadata_in
from tenure.saml.encrypting import checked_for_encryption
from tenure.saml.errors import NotTrusted, SamlError
from tenure.saml.keys import Certificate, read_certificate
from tenure.saml.names import POST, REDIRECT, SOAP_BINDING
from tenure.saml.service import Consumer, LogoutPlace, ServiceProvider
from tenure.sso.models import Protocol
from tenure.sso.policies import NotConfigured, settings_of
from tenure.sso.saml.models import ServiceMetadata

_BINDINGS: Final = {"soap": SOAP_BINDING, "redirect": REDIRECT, "post": POST}


class NotReady(SamlError):
    """Something that is needed of the application is not known (yet)."""


@dataclass(frozen=True, slots=True)
class Registered:
    """An application with all that is known of it as a service provider."""

    application: Application
    sso: SingleSignOn
    saml: Saml
    service: ServiceProvider


def by_entity_id(name: str) -> Registered:
    """The application that calls itself so. Raises `NotTrusted`."""
    row = Application.objects.filter(single_sign_on__saml__entity_id=name).first()
    if row is None:
        # Of two with one name, the same each time: the first, as where it is set by hand.
        found = ServiceMetadata.objects.filter(entity_id=name).select_related("application")
        kept = found.order_by("application__position", "application__slug").first()
        row = kept.application if kept else None
    if row is None:
        raise NotTrusted(
            f"No application here calls itself {name[:200]}. Compare the entity id in the "
            "application with the one that is registered here."
        )
    try:
        known = registered(row)
    except (NotConfigured, NotReady) as error:
        raise NotTrusted(str(error)) from error
    if known.service.entity_id != name:
        raise NotTrusted(f"{row.name} calls itself {known.service.entity_id}, not {name[:200]}.")
    return known


def registered(application: Application) -> Registered:
    """What is known of the application. Raises `NotConfigured`, and `NotReady` where something is
    missing."""
    sso = settings_of(application, Protocol.SAML)
    assert sso.saml is not None
    return Registered(application, sso, sso.saml, service_of(application, sso.saml))


def service_of(application: Application, saml: Saml) -> ServiceProvider:
    """The service provider. Raises `NotReady`."""
    base, encryption = _from_metadata(application, saml)
    try:
        return _with_settings(base, encryption, application, saml)
    except NotReady:
        raise
    except SamlError as error:
        raise NotReady(f"{application.name}: {error}") from error


def read_metadata(application: Application, saml: Saml) -> metadata_in.ReadMetadata | None:
    """What its address said last; None where it has none. Raises `NotReady`."""
    if not saml.metadata_url:
        return None
    kept = ServiceMetadata.objects.filter(
        application=application, address=saml.metadata_url
    ).first()
    if kept is None or not kept.xml:
        why = kept.problem if kept else "It is read in a moment."
        raise NotReady(f"The metadata of {application.name} has not been read yet. {why}")
    try:
        return metadata_in.read(kept.xml.encode(), at=now(), entity_id=saml.entity_id)
    except SamlError as error:
        raise NotReady(f"The metadata of {application.name}: {error}") from error


def _from_metadata(
    application: Application, saml: Saml
) -> tuple[ServiceProvider, Certificate | None]:
    found = read_metadata(application, saml)
    if found is not None:
        return found.service, found.encryption
    return ServiceProvider(entity_id=saml.entity_id, consumers=()), None


def _with_settings(
    base: ServiceProvider,
    encryption: Certificate | None,
    application: Application,
    saml: Saml,
) -> ServiceProvider:
    if saml.encryption_certificate:
        encryption = checked_for_encryption(read_certificate(saml.encryption_certificate))
    if saml.encrypt and encryption is None:
        raise NotReady(
            f"Assertions for {application.name} are to be encrypted, but its metadata has no "
            "certificate for that."
        )
    consumers = tuple(
        Consumer(address, index, default=index == 0) for index, address in enumerate(saml.acs)
    )
    known = tuple(read_certificate(text) for text in saml.certificates)
    return replace(
        base,
        entity_id=saml.entity_id or base.entity_id,
        consumers=consumers or base.consumers,
        logout=tuple(
            LogoutPlace(_BINDINGS[place.binding], place.address, place.answers)
            for place in saml.logout
        )
        or base.logout,
        verify_with=known or base.verify_with,
        encrypt_for=encryption if saml.encrypt else None,
        signed_requests=base.signed_requests
        if saml.signed_requests is None
        else saml.signed_requests,
        sign=saml.sign,
        cipher=saml.cipher or base.cipher,
        name_id=saml.name_id_format,
        insist=saml.name_id_insist,
    )
