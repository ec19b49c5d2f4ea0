"""Every address outside of the console, read from the URL patterns, and who gets something there:
one that stands in none of the lists below fails here. The console's have a table of their own
(tests/console/test_roles.py)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Final

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tenure.audit.models import Event
from tenure.infra.clock import now
from tenure.people.services import terminate
from tenure.signin.models import Role, User
from tests.console.test_doors import ADDRESSES as CONSOLE
from tests.signin.people import person, sign_in, with_passkey

pytestmark = pytest.mark.django_db

#: For whoever is signed in as a person: others are sent to the door.
PERSONS: Final = frozenset(
    {
        "signin:confirm", "portal:home", "portal:tiles", "portal:here", "portal:profile",
        "portal:data", "portal:data_file", "portal:requests", "portal:request",
        "portal:request_decide", "portal:request_withdraw", "portal:request_give_back",
        "portal:ask", "portal:team", "portal:team_below", "portal:security",
        "portal:passkey_options", "portal:passkey_add", "portal:security_change",
        "portal:security_applications", "portal:codes", "sso:device",
    }
)  # fmt: skip
#: For programs that show a token, a secret or a signature: others are refused as such.
PROGRAMS: Final = frozenset(
    {
        "scim_server:root", "scim_server:scim", "receiving:hook", "receiving:unsigned_hook",
        "receiving:upload", "sso:userinfo", "sso:introspect", "sso:revoke",
        "sso:device_authorization", "sso:token", "signals:streams", "signals:status",
        "signals:add_subject", "signals:remove_subject", "signals:verify", "signals:poll",
        "signals:receive",
    }
)  # fmt: skip
#: For whoever has the secret that is in the address, in a cookie or in what is sent: nothing is
#: shown or done for others.
HOLDERS: Final = frozenset(
    {
        "signin:link", "signin:recover", "signin:passkey", "signin:confirm_passkey", "scan",
        "scan_options", "scan_passkey", "scan_confirm", "wallet_request", "wallet_response",
        "sso:continue", "sso:sign_out", "sso:ready", "portal:welcome", "portal:code",
        "portal:wallet", "portal:wait", "portal:phone", "portal:send", "portal:phone_options",
        "portal:phone_passkey", "saml:leaving", "saml:on", "saml:sign_on", "saml:log_out",
        "saml:log_out_soap", "signin:wait",
    }
)  # fmt: skip
#: For everybody: the ways in and out, what applications have to know of us, how pages look.
OPEN: Final = frozenset(
    {
        "root", "signin:index", "signin:options", "signin:qr", "signin:scanned", "signin:out",
        "signin:forget", "signin:confirm_options", "signin:brand", "saml:metadata",
        "saml:certificate", "saml:certificate_of", "saml:leave", "sso:launch", "sso:discovery",
        "sso:oauth_discovery", "sso:jwks", "sso:authorize", "sso:end_session",
        "signals:metadata", "signals:jwks", "portal:manifest", "portal:worker",
        "portal:offline", "portal:icon",
    }
)  # fmt: skip
_ARGUMENTS: Final[dict[str, object]] = {
    "pk": 1, "colour": "2f5d50", "kind": "192", "token": "A" * 22, "slug": "chat", "kid": "k",
    "secret": "s", "rest": "Users",
}  # fmt: skip
_NOBODY: Final = uuid.UUID(int=7 << 96, version=4)


def _patterns(
    patterns: Sequence[URLPattern | URLResolver], spaces: tuple[str, ...] = ()
) -> Iterator[tuple[str, URLPattern]]:
    for one in patterns:
        if isinstance(one, URLResolver):
            space = (one.namespace,) if one.namespace else ()
            yield from _patterns(one.url_patterns, spaces + space)
        else:
            yield ":".join((*spaces, str(one.name))) if one.name else "root", one


def _addresses() -> dict[str, str]:
    found = {}
    for name, one in _patterns(get_resolver().url_patterns):
        if not name.startswith("console:"):
            given = {key: _ARGUMENTS.get(key, _NOBODY) for key in one.pattern.converters}
            found[name] = "/" if name == "root" else reverse(name, kwargs=given)
    return found


ADDRESSES: Final = _addresses()


def test_every_address_is_somebodys() -> None:
    assert ADDRESSES.keys() == PERSONS | PROGRAMS | HOLDERS | OPEN
    assert len(ADDRESSES) == len(PERSONS) + len(PROGRAMS) + len(HOLDERS) + len(OPEN)


def _not_sent_to_the_door(client: Client, names: dict[str, str]) -> list[str]:
    found = []
    for name, address in names.items():
        for method in ("get", "post"):
            answer = getattr(client, method)(address)
            door = answer.status_code == 302 and answer["Location"].startswith("/sign-in/")
            if answer.status_code != 405 and not door:
                found.append(f"{method} {name} answered {answer.status_code}")
    return found


def _of(names: frozenset[str]) -> dict[str, str]:
    return {name: ADDRESSES[name] for name in sorted(names)}


def test_a_stranger_is_sent_to_the_door_or_refused() -> None:
    person()
    before = Event.objects.count()
    assert not _not_sent_to_the_door(Client(), _of(PERSONS))
    for name, address in _of(PROGRAMS).items():
        for answer in (Client().get(address), Client().post(address)):
            assert answer.status_code in (400, 401, 405), name
            assert b"Ana" not in answer.content, name
    assert Event.objects.count() == before
    for name, address in _of(HOLDERS | OPEN).items():
        for answer in (Client().get(address), Client().post(address)):
            assert b"Ana" not in answer.content, name


def test_an_administrator_is_no_person_and_a_person_no_administrator() -> None:
    administrator, employee = Client(), Client()
    sign_in(administrator, with_passkey(User.objects.create(name="anna", role=Role.OWNER)))
    assert not _not_sent_to_the_door(administrator, _of(PERSONS - {"signin:confirm"}))
    sign_in(employee, with_passkey(person()))
    assert employee.get("/portal/").status_code == 200
    before = Event.objects.count()
    assert not _not_sent_to_the_door(employee, CONSOLE)
    assert Event.objects.count() == before


def test_whoever_is_terminated_gets_nothing_more_with_the_session_that_they_had() -> None:
    ana, client = person(), Client()
    sign_in(client, with_passkey(ana))
    assert client.get("/portal/").status_code == 200
    terminate(ana, at=now(), reason="dismissed", now=now())
    assert not _not_sent_to_the_door(client, _of(PERSONS))
