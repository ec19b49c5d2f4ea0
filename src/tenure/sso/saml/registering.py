"""Writing down who an application is, as its metadata says it: into the configuration, as
everything is. What it is told of people stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tenure.applications.models import Application as Row
from tenure.configuration import editing
from tenure.configuration.document import Application
from tenure.configuration.document_sso import SingleSignOn
from tenure.configuration.translation import stored
from tenure.saml.metadata_in import ReadMetadata
from tenure.saml.names import REDIRECT, SOAP_BINDING

#: What applications ask for most, as (name, expression).
USUAL: Final = (
    ("email", "user.email"),
    ("firstName", 'has(user.given_name) ? user.given_name : ""'),
    ("lastName", 'has(user.family_name) ? user.family_name : ""'),
    ("groups", "user.groups"),
)
#: What says who the application is; the rest is what it is told.
_WHO: Final = frozenset(
    {
        "metadata_url",
        "entity_id",
        "acs",
        "logout",
        "certificates",
        "signed_requests",
        "encryption_certificate",
        "cipher",
    }
)


def register(row: Row, who: Mapping[str, Any]) -> None:
    """Store it. Raises `ConfigurationError`, and `ValidationError`."""
    there = (stored().applications or {})[row.slug]
    seen = editing.version(editing.plain("applications", row.slug))
    editing.edit("applications", row.slug, identified(there, who), seen=seen)
    row.refresh_from_db()


def from_metadata(read: ReadMetadata) -> dict[str, Any]:
    """What a document says, as it is written into the configuration."""
    service = read.service
    names = {SOAP_BINDING: "soap", REDIRECT: "redirect"}
    order = sorted(service.consumers, key=lambda place: not place.default)
    found: dict[str, Any] = {
        "entity_id": service.entity_id,
        "acs": [place.location for place in order],
        "certificates": [one.pem for one in service.verify_with],
        "logout": [
            {
                "binding": names.get(place.binding, "post"),
                "address": place.location,
                "answers": place.answers,
            }
            for place in service.logout
        ],
    }
    if service.signed_requests:
        found["signed_requests"] = True
    if read.encryption is not None:
        found["encryption_certificate"] = read.encryption.pem
    return found


def identified(application: Application, who: Mapping[str, Any]) -> Application:
    """The application with another answer to "who is it". Raises `ValidationError`."""
    there = application.single_sign_on
    sso: dict[str, Any] = (
        there.model_dump(mode="json", exclude_defaults=True) if there is not None else {}
    )
    sso.pop("oidc", None)
    kept = {key: value for key, value in sso.get("saml", {}).items() if key not in _WHO}
    if "saml" not in sso:
        kept["attributes"] = {name: {"value": value} for name, value in USUAL}
    if kept.get("encrypt") and not ("encryption_certificate" in who or "metadata_url" in who):
        kept.pop("encrypt")
    found = SingleSignOn.model_validate({**sso, "saml": {**kept, **who}})
    return application.model_copy(update={"single_sign_on": found})
