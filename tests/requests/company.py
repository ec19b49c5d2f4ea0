"""A small company whose design tool may be asked for, and who decides about that."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client

from tenure.applications.models import Application, Entitlement
from tenure.configuration.document_requests import Requestable, requestable_settings
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import restand
from tenure.requests import services
from tenure.requests.models import AccessRequest
from tests.signin.people import person, sign_in, with_passkey

MAPPING = [{"attribute": "userName", "expression": "user.employee_number", "when": "always"}]


def tool(slug: str = "design", **settings: Any) -> Application:
    """An application that may be asked for, if `settings` do not say otherwise."""
    owner, mode = settings.pop("owner", ""), settings.pop("mode", "live")
    row = Application.objects.create(
        slug=slug,
        name=slug.title(),
        connector="memory",
        mode=mode,
        owner=owner,
        mapping=MAPPING,
        reconciled_at=now(),
        read_attributes=["userName", "externalId", *(item["attribute"] for item in MAPPING)],
        found=0,
        taken_over_at=now(),
        requestable=requestable_settings(Requestable(**settings)),
    )
    for key in settings.get("entitlements", ()):
        kind, _, name = key.partition(":")
        Entitlement.objects.create(application=row, kind=kind, name=name, key=key)
    return row


def staff() -> tuple[Person, Person, Person]:
    """Ana, her manager Bo, and Olga, who looks after things."""
    bo = person("2", "Bo")
    return person("1", "Ana", manager=bo), bo, person("7", "Olga")


def asked(who: Person, **changes: Any) -> AccessRequest:
    """What they ask for: the design tool, for a week, unless said otherwise."""
    given = {"application": "design", "reason": "drawing", "lasts": timedelta(days=7)}
    return services.ask(who, **{**given, **changes})


def changed(who: Person, **values: Any) -> Person:
    """They are otherwise from now on."""
    Person.objects.filter(pk=who.pk).update(**values)
    who.refresh_from_db()
    restand([who], now())
    who.save()
    return who


def inside(who: Person, **options: Any) -> Client:
    """A browser in which they are signed in."""
    client = Client(**options)
    plain = Client()
    sign_in(plain, with_passkey(who))
    client.cookies = plain.cookies
    return client
