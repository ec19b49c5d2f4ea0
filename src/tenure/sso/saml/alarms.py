"""What somebody has to do before sign-ins stop: our next certificate that begins to sign,
applications' metadata that cannot be read, and their certificates that end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tenure.applications.models import Application
from tenure.configuration.document_sso import stored_settings
from tenure.infra.clock import now
from tenure.saml.errors import SamlError
from tenure.saml.keys import read_certificate
from tenure.sso.models import Protocol, SigningKey
from tenure.sso.saml.models import ServiceMetadata

_SOON: Final = timedelta(days=21)
#: An application that restarts is nobody's alarm.
_UNREADABLE: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Alarm:
    """`urgent`: people cannot sign in already."""

    what: str
    detail: str
    application: str = ""
    urgent: bool = False


def alarms() -> list[Alarm]:
    """Everything, the most urgent first."""
    rows = list(Application.objects.filter(single_sign_on__has_key="saml").order_by("slug"))
    if not rows:
        return []
    at = now()
    found = [*_ours(at), *_metadata(at), *(alarm for row in rows for alarm in _theirs(row, at))]
    return sorted(found, key=lambda alarm: not alarm.urgent)


def _ours(at: datetime) -> list[Alarm]:
    """Keys that end are told of for every protocol; this is of one that begins."""
    found = []
    coming = SigningKey.objects.filter(use=Protocol.SAML, signs_from__gt=at, expires_at__gt=at)
    for key in coming.filter(signs_from__lte=at + _SOON):
        found.append(
            Alarm(
                f"The next SAML certificate signs from {key.signs_from:%-d %b %Y}",
                "Add it in every application that does not read our metadata by itself. One that "
                "takes a single certificate is moved by itself, on its page here.",
            )
        )
    return found


def _metadata(at: datetime) -> list[Alarm]:
    found = []
    kept = ServiceMetadata.objects.exclude(problem="").select_related("application")
    for row in kept.order_by("application__slug"):
        if row.read_at is not None and at - row.read_at < _UNREADABLE:
            continue
        name = row.application.name
        what = f"The metadata of {name} cannot be read"
        found.append(Alarm(what, row.problem, row.application.slug, urgent=row.read_at is None))
    return found


def _theirs(row: Application, at: datetime) -> list[Alarm]:
    sso = stored_settings(row.single_sign_on)
    found = []
    for text in sso.saml.certificates if sso is not None and sso.saml is not None else ():
        try:
            certificate = read_certificate(text)
        except SamlError:
            continue
        if certificate.ends_at - at < _SOON:
            found.append(
                Alarm(
                    f"{row.name} signs with a certificate that ends on "
                    f"{certificate.ends_at:%-d %b %Y}",
                    "It still works here after that day. Once the application signs with a new "
                    "one, its requests are refused until that is registered.",
                    row.slug,
                )
            )
    return found
