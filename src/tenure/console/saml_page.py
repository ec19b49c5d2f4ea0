"""What the SAML page of an application shows: what to give the application, what is known
of it, what it is told of people, who signed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from django.urls import reverse

from tenure.applications.models import Application
from tenure.audit.models import Action, Event
from tenure.catalogue.loading import UnknownEntry
from tenure.catalogue.loading import entry as entry_named
from tenure.console import saml_form
from tenure.infra.clock import now
from tenure.people import selectors as people
from tenure.saml.names import NAME_FORMATS, NAME_ID_FORMATS, REDIRECT, SOAP_BINDING
from tenure.sso.models import ApplicationSession, SignOn
from tenure.sso.policies import NotConfigured, policy_of
from tenure.sso.saml import identity, registered
from tenure.sso.saml.identity import OurKey
from tenure.sso.saml.models import ServiceMetadata
from tenure.sso.saml.preview import Preview, preview
from tenure.sso.saml.registered import NotReady, Registered

_BINDINGS: Final = {SOAP_BINDING: "without a browser", REDIRECT: "by redirect"}
_SHOWN: Final = 12
_LATELY: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Given:
    """A value that is entered in the application."""

    label: str
    value: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the page shows. `known` None: nothing is registered, or (`waits`) something
    is missing yet."""

    application: Application
    known: Registered | None
    waits: str = ""
    other: str = ""
    metadata: ServiceMetadata | None = None
    remarks: Sequence[str] = ()
    facts: Sequence[tuple[str, Sequence[str]]] = ()
    saml: Mapping[str, Any] = field(default_factory=dict)


def page_of(application: Application) -> Page:
    """What is known of it."""
    stored = application.single_sign_on
    if stored and "saml" not in stored:
        return Page(application, None, other="OpenID Connect")
    saml = stored.get("saml", {})
    kept = ServiceMetadata.objects.filter(application=application).first()
    if kept is not None and kept.address != saml.get("metadata_url"):
        kept = None
    try:
        known = registered.registered(application)
    except NotConfigured:
        return Page(application, None)
    except NotReady as error:
        return Page(application, None, str(error), metadata=kept, saml=saml)
    remarks = list(kept.remarks) if kept else []
    return Page(application, known, metadata=kept, remarks=remarks, facts=_facts(known), saml=saml)


def ours() -> tuple[list[Given], list[OurKey]]:
    """What an application asks of an identity provider, and the certificates."""
    places = identity.places()
    given = [
        Given("Entity ID", places.entity_id, "also issuer, identity provider issuer"),
        Given("Sign-on address", places.sign_on, "also SSO URL, login URL; Redirect and POST"),
        Given("Logout address", places.log_out, "also SLO URL; Redirect and POST"),
        Given("Metadata", places.entity_id, "has all of these, for applications that read it"),
    ]
    return given, identity.our_keys()


def steps_of(application: Application) -> list[tuple[str, str]]:
    """The catalogue's instructions for single sign-on, with what is to be copied."""
    try:
        entry = entry_named(application.catalogue_entry)
    except UnknownEntry:
        return []
    return [(step.text, step.copy_ or "") for step in entry.instructions.single_sign_on]


def proposed(application: Application) -> dict[str, str]:
    """What the catalogue knows of the application's addresses, with its settings filled in."""
    try:
        sso = entry_named(application.catalogue_entry).sso
    except UnknownEntry:
        return {}
    found = {"entity_id": sso.entity_id, "acs": sso.acs, "address": sso.metadata}
    return {
        name: text
        for name, text in ((name, _filled(text, application)) for name, text in found.items())
        if text and "{" not in text
    }


def preview_of(page: Page, uid: str) -> Preview | None:
    """What would be told of this person."""
    person = people.person_by_uid(uid) if uid else None
    if page.known is None or person is None:
        return None
    return preview(page.known, person)


def told(found: Preview) -> list[tuple[str, str, Sequence[str]]]:
    """Name, form and values of what is said."""
    if found.said is None:
        return []
    forms = {uri: name for name, uri in {**NAME_ID_FORMATS, **NAME_FORMATS}.items()}
    rows: list[tuple[str, str, Sequence[str]]] = [
        ("NameID", forms.get(found.said.format, ""), [found.said.name_id])
    ]
    rows += [
        (one.name, forms.get(one.name_format, ""), one.values) for one in found.said.statements
    ]
    return rows


def seen(application: Application) -> dict[str, Any]:
    """Who signed in, who is, and what was turned down."""
    since = now() - _LATELY
    refused = Event.objects.filter(action=Action.SAML_REQUEST_REFUSED, at__gte=since)
    return {
        "sign_ons": SignOn.objects.filter(application=application).select_related("person")[
            :_SHOWN
        ],
        "live": ApplicationSession.objects.filter(application=application, ended_at=None).count(),
        # What was sent in nobody's name may well have been meant in this one's.
        "turned_down": refused.filter(application__in=[application.slug, ""]).order_by("-id")[:5],
    }


def options(page: Page) -> dict[str, Any]:
    """What the form of what it is told offers."""
    wanted = page.known.service.wanted if page.known else ()
    return {
        "lines": saml_form.lines_of(page.saml, wanted),
        "formats": saml_form.FORMATS,
        "signed": saml_form.SIGNED,
        "can_encrypt": bool(page.known and _can_encrypt(page)),
        "policies": _policies(page),
    }


def _can_encrypt(page: Page) -> bool:
    assert page.known is not None
    if page.known.saml.encryption_certificate or page.known.service.encrypt_for:
        return True
    read = registered.read_metadata(page.application, page.known.saml)
    return read is not None and read.encryption is not None


def _policies(page: Page) -> list[str]:
    if page.known is None:
        return []
    policy, sso = policy_of(page.known.sso), page.known.sso
    found = []
    if policy.networks:
        found.append("only from " + ", ".join(sso.networks))
    if policy.countries:
        found.append("only from " + ", ".join(sso.countries))
    if sso.hours is not None:
        days = ", ".join(sso.hours.days)
        found.append(f"only {sso.hours.begin} to {sso.hours.end} on {days}")
    if policy.passkey_within is not None:
        minutes = int(policy.passkey_within.total_seconds() // 60)
        found.append(f"only with a passkey that was used within {minutes} minutes")
    return found


def _facts(known: Registered) -> list[tuple[str, Sequence[str]]]:
    service = known.service
    logout = [
        f"{place.location} ({_BINDINGS.get(place.binding, 'by a form')})"
        for place in service.logout
    ]
    keys = [
        f"{one.fingerprint()[:23]}… until {one.ends_at:%-d %b %Y}" for one in service.verify_with
    ]
    return [
        ("Entity ID", [service.entity_id]),
        ("Assertions go to (ACS)", [place.location for place in service.consumers]),
        ("Told of logouts at", logout or ["nowhere: its own sessions end when they end"]),
        ("Its messages are known by", keys or ["nothing: requests are not checked by signature"]),
        ("Its requests", ["have to be signed" if service.signed_requests else "need no signature"]),
        ("Assertions", ["are encrypted for it" if service.encrypt_for else "are not encrypted"]),
    ]


def _filled(text: str, application: Application) -> str:
    for name, value in application.settings.items():
        if isinstance(value, str):
            text = text.replace(f"{{{name}}}", value)
    return text


def launch_address(application: Application) -> str:
    """Where the tile in the portal leads."""
    return reverse("sso:launch", args=[application.slug])
