"""Whether what a document says of a SAML application makes sense."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tenure.configuration.checking_addresses import check_address, compiles
from tenure.configuration.document_saml import Saml
from tenure.configuration.problems import Path, Problems
from tenure.core.expressions import AttributeType
from tenure.saml.encrypting import checked_for_encryption
from tenure.saml.errors import SamlError
from tenure.saml.keys import read_certificate
from tenure.saml.service import checked_entity_id


def check_saml(
    saml: Saml, schema: Mapping[str, AttributeType], path: Path, problems: Problems
) -> None:
    """Everything that is wrong with the service provider."""
    if not saml.metadata_url:
        _complete(saml, path, problems)
    if saml.entity_id:
        _tried(lambda: checked_entity_id(saml.entity_id), (*path, "entity_id"), problems)
    if saml.metadata_url:
        check_address(saml.metadata_url, (*path, "metadata_url"), problems)
    for index, address in enumerate(saml.acs):
        check_address(address, (*path, "acs", index), problems)
    for index, place in enumerate(saml.logout):
        check_address(place.address, (*path, "logout", index, "address"), problems)
        if place.answers:
            check_address(place.answers, (*path, "logout", index, "answers"), problems)
    for index, text in enumerate(saml.certificates):
        where = (*path, "certificates", index)
        _tried(lambda text=text: read_certificate(text), where, problems)  # type: ignore[misc]
    if text := saml.encryption_certificate:
        where = (*path, "encryption_certificate")
        _tried(lambda: checked_for_encryption(read_certificate(text)), where, problems)
    if saml.name_id is not None:
        compiles(saml.name_id, schema, (*path, "name_id"), problems)
    if saml.name_id_insist and saml.name_id_format is None:
        problems.add((*path, "name_id_insist"), "Say on which form: give name_id_format too.")
    for name, attribute in saml.attributes.items():
        compiles(attribute.value, schema, (*path, "attributes", name), problems)


def _complete(saml: Saml, path: Path, problems: Problems) -> None:
    """Without metadata everything that is needed stands here."""
    if not saml.entity_id:
        problems.add(
            (*path, "entity_id"),
            "It has none. Give what the application calls itself, or metadata_url.",
        )
    if not saml.acs:
        problems.add(
            (*path, "acs"),
            "There is none: no assertion could be sent anywhere. Give the ACS address that the "
            "application shows, or metadata_url.",
        )
    if saml.signed_requests and not saml.certificates:
        problems.add(
            (*path, "signed_requests"),
            "By which key? Give the application's certificate in `certificates`.",
        )
    if saml.encrypt and not saml.encryption_certificate:
        problems.add(
            (*path, "encrypt"), "For which key? Give the application's encryption_certificate."
        )


def _tried(read: Callable[[], object], path: Path, problems: Problems) -> None:
    try:
        read()
    except SamlError as error:
        problems.add(path, str(error))
