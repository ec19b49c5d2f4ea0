"""Authorised once, an application stays authorised: its token is renewed ahead of time, by one
process at a time, and whoever cannot renew it says so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.db import connection

from tenure.applications import authorizing as applications
from tenure.applications.connecting import connector_for
from tenure.applications.credentials import warnings
from tenure.applications.models import Application, Authorization
from tenure.applications.services import remove_application
from tenure.audit.models import Action, Event
from tenure.audit.services import acting
from tenure.connectors.base import Check, ConnectorError, RetryLater, StopApplication
from tenure.connectors.oauth import AuthorizationRefused
from tenure.core.model import LifecycleState
from tenure.infra.clock import now, told_by
from tenure.people.models import Person
from tenure.vault import authorizing, giving_back
from tenure.vault.models import Sealed
from tenure.vault.parties import Party, Standing
from tenure.vault.parties import standing as standing_of
from tests.oauth_server import CLIENT, SECRET, OAuthServer, oauth_server

pytestmark = pytest.mark.django_db(transaction=True)
BACK = "http://localhost:8000/console/authorised/"


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    with oauth_server() as found:
        yield found


def application(server: OAuthServer, **oauth: Any) -> Application:
    given = {
        "authorize_url": f"{server.url}/authorize",
        "token_url": f"{server.url}/token",
        "revoke_url": f"{server.url}/revoke",
        "client_id": CLIENT,
        "client_secret": SECRET,
        "scopes": ["users", "groups"],
    }
    return Application.objects.create(
        slug="chat",
        name="Chat",
        connector="scim",
        settings={"base_url": f"{server.url}/api"},
        oauth={**given, **oauth},
    )


def party(row: Application) -> Party:
    return applications.party(row)


def standing(row: Application) -> Standing | None:
    return standing_of(party(row))


def agree(row: Application) -> None:
    """As the administrator's browser does it."""
    begun = authorizing.begin(party(row), redirect_uri=BACK)

    async def follow() -> str:
        async with (
            aiohttp.ClientSession() as session,
            session.get(begun.address, allow_redirects=False) as answer,
        ):
            return answer.headers["Location"]

    query = parse_qs(urlsplit(asyncio.run(follow())).query)
    assert query["state"] == [begun.state]
    with acting("administrator anna@acme.example"):
        authorizing.finish(
            party(row), code=query["code"][0], verifier=begun.verifier, redirect_uri=BACK
        )


def use(row: Application) -> Check:
    """The first line of its connection check."""

    async def check() -> Check:
        async with connector_for(row) as connector:
            return (await connector.check())[0]

    return asyncio.run(check())


def test_authorised_once_it_is_used_and_nothing_readable_is_stored(server: OAuthServer) -> None:
    row = application(server)
    agree(row)
    assert use(row).ok
    found = standing(row)
    assert found is not None
    assert found.authorised
    assert found.granted_by == "administrator anna@acme.example"
    assert found.scopes == ("users", "groups")
    stored = [item.value for item in Sealed.objects.all()]
    assert len(stored) == 2
    assert not any(token in text for text in stored for token in server.access | server.refresh)
    assert Event.objects.filter(action=Action.APPLICATION_AUTHORISED).count() == 1


def test_an_openid_provider_is_given_the_nonce_that_some_insist_on(server: OAuthServer) -> None:
    row = application(server, scopes=["openid", "profile"])
    addresses = [authorizing.begin(party(row), redirect_uri=BACK).address for _ in range(2)]
    nonces = [parse_qs(urlsplit(address).query)["nonce"] for address in addresses]
    assert nonces[0] != nonces[1]
    row = Application(slug="plain", oauth={**row.oauth, "scopes": ["users"]})
    assert "nonce" not in authorizing.begin(party(row), redirect_uri=BACK).address


def test_it_is_renewed_ahead_of_its_end(server: OAuthServer) -> None:
    row = application(server)
    agree(row)
    first, _ = authorizing.fresh_token(party(row))
    assert authorizing.fresh_token(party(row))[0] == first
    later = now() + timedelta(minutes=55)
    with told_by(lambda: later):
        second, until = authorizing.fresh_token(party(row))
        assert second != first
        assert until > later
        assert authorizing.fresh_token(party(row))[0] == second
    assert server.reused == 0


def test_a_token_that_ended_early_is_replaced_while_a_connector_uses_it(
    server: OAuthServer,
) -> None:
    row = application(server)
    agree(row)
    server.access.clear()
    assert use(row).ok


def test_of_ten_who_renew_at_once_one_asks(server: OAuthServer) -> None:
    """A refresh token that is used twice is taken for stolen: everybody would be signed out."""
    row = application(server)
    agree(row)
    server.delay = 0.1
    refused = next(iter(server.access))
    before = len(server.forms)

    def renewed(_: int) -> str:
        try:
            return authorizing.fresh_token(party(row), refused=refused)[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        found = set(pool.map(renewed, range(10)))
    assert len(found) == 1
    assert len(server.forms) - before == 1
    assert server.reused == 0


def test_revoked_there_it_stops_and_says_what_to_do(server: OAuthServer) -> None:
    row = application(server)
    agree(row)
    server.refresh.clear()
    server.access.clear()
    assert "authorise again" in use(row).detail
    with pytest.raises(AuthorizationRefused, match="authorise again"):
        authorizing.fresh_token(party(row))
    found = standing(row)
    assert found is not None
    assert not found.authorised
    assert "authorise again" in found.refused
    assert [item.urgent for item in warnings()] == [True]
    assert Event.objects.filter(action=Action.AUTHORISATION_ENDED).count() == 1
    agree(row)
    assert use(row).ok
    assert warnings() == []


def test_a_server_that_is_down_is_tried_again_later(server: OAuthServer) -> None:
    row = application(server, grant="client_credentials")
    server.down = True
    with pytest.raises(RetryLater, match="503"):
        authorizing.fresh_token(party(row))
    server.down = False
    assert use(row).ok


def test_not_authorised_yet(server: OAuthServer) -> None:
    row = application(server)
    assert "press Authorise" in use(row).detail
    with pytest.raises(StopApplication, match="press Authorise"):
        authorizing.fresh_token(party(row))
    assert [(item.what, item.urgent) for item in warnings()] == [
        ("Chat is not authorised yet", True)
    ]


@pytest.mark.parametrize("how", ["basic", "post"])
def test_client_credentials(server: OAuthServer, how: str) -> None:
    row = application(server, grant="client_credentials", client_authentication=how)
    assert use(row).ok
    assert ("client_secret" in server.forms[0]) is (how == "post")


def test_wrong_client_secret_is_never_shown(server: OAuthServer) -> None:
    row = application(server, grant="client_credentials", client_secret="wrong-and-secret")
    with pytest.raises(StopApplication, match="client ID and secret") as caught:
        authorizing.fresh_token(party(row))
    assert "wrong-and-secret" not in str(caught.value)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_service_account_signs_for_itself(server: OAuthServer, algorithm: str) -> None:
    key: Any = ec.generate_private_key(ec.SECP256R1())
    if algorithm == "RS256":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    server.public_key = (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    row = application(
        server,
        grant="jwt_bearer",
        issuer="robot@acme.example",
        subject="admin@acme.example",
        private_key=private,
        algorithm=algorithm,
    )
    assert use(row).ok
    row.oauth = {**row.oauth, "private_key": "no key at all"}
    with pytest.raises(StopApplication, match="PEM key"):
        authorizing.fresh_token(party(row), refused=next(iter(server.access)))


def test_taken_back_it_is_given_back_there(server: OAuthServer) -> None:
    row = application(server)
    agree(row)
    assert authorizing.withdraw(party(row)) == ""
    assert server.refresh == set()
    assert not Sealed.objects.exists()
    assert not Authorization.objects.exists()


def test_one_that_nobody_uses_is_kept_alive(server: OAuthServer) -> None:
    row = application(server)
    agree(row)
    before = set(server.refresh)
    assert authorizing.renew_idle(applications.authorised(), now()) == 0
    assert authorizing.renew_idle(applications.authorised(), now() + timedelta(days=8)) == 1
    assert server.refresh != before


def test_whoever_granted_it_and_leaves_is_named(server: OAuthServer) -> None:
    row = application(server)
    agree(row)
    assert warnings() == []
    anna = Person.objects.create(
        employee_number="1",
        display_name="Anna Kovács",
        email="anna@acme.example",
        end_date=now().date() + timedelta(days=10),
    )
    assert "Anna Kovács, whose last day is" in warnings()[0].what
    anna.state = LifecycleState.LEFT.value
    anna.save()
    assert "who is left" in warnings()[0].what


def test_a_token_that_dies_is_announced(db: None) -> None:
    row = Application.objects.create(
        slug="chat", name="Chat", connector="scim", secrets={"token": "${env:X}"}
    )
    for days, said in [(60, None), (20, "dies in 20 days"), (0, "dies today"), (-2, "died 2 days")]:
        row.expires = {"token": (date.fromordinal(now().date().toordinal() + days)).isoformat()}
        row.save()
        found = [item.what for item in warnings()]
        assert found == [] if said is None else said in found[0]


def given_back(task: str = "tenure.give_back") -> dict[str, str]:
    """What the job is asked that gives them back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT args FROM procrastinate_jobs WHERE task_name = %s ORDER BY id DESC LIMIT 1",
            [task],
        )
        found = cursor.fetchone()
    return {} if found is None else json.loads(found[0])


def test_what_is_removed_gives_its_tokens_back(server: OAuthServer) -> None:
    row = application(server)
    agree(row)
    assert "the audit trail says whether it took them" in giving_back.words(party(row))
    (token,) = server.refresh
    remove_application(slug="chat")
    job = given_back()
    assert (job["slug"], job["word"]) == ("chat", "application")
    assert token not in str(job)
    kept = Sealed.objects.get(name=job["key"])
    assert token not in str(kept.value)
    server.broken = True
    with pytest.raises(ConnectorError):
        giving_back.send(**job, last=False)
    assert server.refresh == {token}
    server.broken = False
    giving_back.send(**job, last=False)
    assert (server.refresh, server.forms[-1]["token"]) == (set(), token)
    assert not Sealed.objects.filter(name=job["key"]).exists()
    event = Event.objects.get(action=Action.TOKENS_GIVEN_BACK)
    assert (event.subject_key, event.application) == ("chat", "chat")
    giving_back.send(**job, last=True)
    assert Event.objects.filter(action=Action.TOKENS_GIVEN_BACK).count() == 1


def test_tokens_that_could_not_be_given_back_are_told(server: OAuthServer) -> None:
    row = application(server)
    agree(row)
    server.broken = True
    remove_application(slug="chat")
    job = given_back()
    giving_back.send(**job, last=True)
    said = Event.objects.get(action=Action.TOKENS_KEPT_THERE).reason
    assert said.startswith("They may still be good there, revoke them by hand:")
    assert not Sealed.objects.filter(name=job["key"]).exists()
    row = application(server, revoke_url="")
    agree(row)
    said = "Chat names no revoke_url: revoke Tenure's access there by hand."
    assert giving_back.words(party(row)) == said
    remove_application(slug="chat")
    assert Event.objects.filter(action=Action.TOKENS_KEPT_THERE, reason=said).exists()
    assert given_back() == job, "nothing is asked for"
    row = application(server)
    assert giving_back.words(party(row)) == ""
