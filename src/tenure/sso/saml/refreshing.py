"""Reading applications' metadata from their addresses: daily, soon after an address was set, and
when asked. What changed is in the audit trail; what cannot be read leaves what was read before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from django.db import transaction

from tenure.applications.models import Application
from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.connectors import fetching
from tenure.connectors.fetching import CannotFetch, Document
from tenure.infra.clock import now
from tenure.saml import metadata_in
from tenure.saml.errors import SamlError
from tenure.saml.metadata_in import ReadMetadata
from tenure.saml.parsing import LONGEST_METADATA
from tenure.sso.models import Protocol
from tenure.sso.policies import NotConfigured, settings_of
from tenure.sso.saml.models import ServiceMetadata

AGAIN: Final = timedelta(days=1)
_AFTER_TROUBLE: Final = timedelta(minutes=15)
_METADATA: Final = Document(
    largest=LONGEST_METADATA,
    accept="application/samlmetadata+xml, application/xml, */*",
    seconds=15,
    redirects=3,
)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What came of it. `problem` "": it was read."""

    application: Application
    address: str
    problem: str = ""
    changed: bool = False


def refresh_due() -> list[Refreshed]:
    """Read what was not read for a day, or never from where it is now."""
    at, due = now(), []
    for application, address in with_address():
        kept = ServiceMetadata.objects.filter(application=application).first()
        if kept is None or kept.address != address:
            due.append((application, address))
            continue
        wait = _AFTER_TROUBLE if kept.problem else AGAIN
        if at - kept.tried_at >= wait:
            due.append((application, address))
    return refresh(due)


def refresh(which: Sequence[tuple[Application, str]]) -> list[Refreshed]:
    """Read these now."""
    if not which:
        return []
    found = fetching.fetch_all([address for _, address in which], _METADATA)
    return [_store(app, address, data) for (app, address), data in zip(which, found, strict=True)]


def with_address() -> list[tuple[Application, str]]:
    """The applications whose metadata has an address."""
    found = []
    for row in Application.objects.exclude(single_sign_on={}).order_by("slug"):
        try:
            saml = settings_of(row, Protocol.SAML).saml
        except NotConfigured:
            continue
        if saml is not None and saml.metadata_url:
            found.append((row, saml.metadata_url))
    return found


def fetch(address: str) -> bytes:
    """The document at the address. Raises `SamlError`."""
    try:
        return fetching.fetch(address, _METADATA)
    except CannotFetch as error:
        raise SamlError(str(error)) from None


@transaction.atomic
def _store(application: Application, address: str, found: bytes | CannotFetch) -> Refreshed:
    at = now()
    row = ServiceMetadata.objects.filter(application=application).first()
    if row is None or row.address != address:
        # Of another address nothing stays.
        ServiceMetadata.objects.filter(application=application).delete()
        row = ServiceMetadata(application=application, address=address)
    row.tried_at = at
    before = _facts(row, application)
    try:
        if isinstance(found, CannotFetch):
            raise SamlError(str(found))
        read = metadata_in.read(found, at=at, entity_id=_named(application))
        row.xml, row.read_at, row.problem = found.decode(), at, ""
        row.entity_id, row.remarks = read.service.entity_id, list(read.remarks)
    except SamlError as error:
        row.problem = str(error)
    row.save()
    after = _facts(row, application)
    if not row.problem and before != after:
        record(
            Action.SAML_METADATA_READ,
            subject_kind="application",
            subject_key=application.slug,
            subject_label=application.name,
            application=application.slug,
            reason=address,
            before=before,
            after=after,
        )
    return Refreshed(application, address, row.problem, changed=before != after)


def _named(application: Application) -> str:
    saml = settings_of(application, Protocol.SAML).saml
    return saml.entity_id if saml is not None else ""


def _facts(row: ServiceMetadata, application: Application) -> dict[str, Any] | None:
    """What matters of the document: who, where, by which keys."""
    if not row.xml:
        return None
    try:
        read = metadata_in.read(row.xml.encode(), at=now(), entity_id=_named(application))
    except SamlError:
        return None
    return facts_of(read)


def facts_of(read: ReadMetadata) -> dict[str, Any]:
    """What matters of the document, as data."""
    service = read.service
    return {
        "entity_id": service.entity_id,
        "acs": [place.location for place in service.consumers],
        "logout": [asdict(place) for place in service.logout],
        "certificates": [one.fingerprint() for one in service.verify_with],
        "encryption": read.encryption.fingerprint() if read.encryption else "",
        "signed_requests": service.signed_requests,
    }
