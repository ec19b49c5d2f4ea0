"""How an application is reached, changed by form: what is typed is what the connector gets, secrets
are sealed and shown nowhere, and whoever comes second is told."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from tenure.applications.connecting import connector_for
from tenure.applications.models import Application, Health
from tenure.audit.models import Action, Event
from tenure.signin.models import Role
from tenure.vault.services import keep, opened
from tests.console.company import Sample
from tests.console.conftest import signed_in
from tests.console.test_application import form_of
from tests.console.test_lists import text

PAGE = "/console/applications/workspace/settings/"
SEND = f"{PAGE}connection/"
SECRET = "scim-token-nobody-may-see"


def form(client: Client, page: str = PAGE) -> dict[str, str]:
    """The form as it is shown; a box that is not ticked is not sent."""
    whole = text(client, page)
    found = form_of(whole, "reached")
    ticked = re.findall(r'type="checkbox"[^>]*name="([^"]+)" value="yes"( checked)?', whole)
    for name, checked in ticked:
        if not checked:
            found.pop(name, None)
    return found


def test_sent_as_it_came_nothing_changes(sample: Sample, owner: Client) -> None:
    answer = owner.post(SEND, form(owner) | {"do": "keep"}, follow=True)
    assert "Nothing was to be changed" in answer.content.decode()
    assert not Event.objects.filter(action=Action.CONFIGURATION_CHANGED).exists()


def test_a_secret_is_replaced_sealed_and_shown_nowhere(sample: Sample, owner: Client) -> None:
    Application.objects.filter(slug="workspace").update(
        health=Health.STOPPED, stopped_reason="401: the token is not good."
    )
    given = form(owner) | {
        "set-base_url": "https://scim.acme.example/v2",
        "secret-token": f" {SECRET} ",
        "expires-token": "2027-03-31",
        "do": "test",
    }
    answer = owner.post(SEND, given)
    assert answer["Location"].endswith("/workspace/connection/")
    row = Application.objects.get(slug="workspace")
    assert row.settings["base_url"] == "https://scim.acme.example/v2"
    assert row.secrets == {"token": "${box:workspace.token}"}
    assert row.expires == {"token": "2027-03-31"}
    assert opened("workspace.token") == SECRET
    assert row.health != Health.STOPPED, "it is tried again at once"
    assert row.checks.filter(finished_at=None, write=False).exists()
    assert connector_for(row) is not None
    # It is in no page, no trail and no export.
    shown = text(owner, PAGE) + text(owner, "/console/audit/")
    assert SECRET not in shown
    assert "was entered by" in shown
    assert not [e for e in Event.objects.all() if SECRET in str((e.before, e.after, e.reason))]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"set-base_url": "workspace"}, "https://host"),
        ({"set-page_size": "many"}, "is no whole number"),
        ({"secret-token": f"{SECRET} with spaces"}, "without spaces"),
        ({"secret-token": "${box:"}, "expected a reference"),
        ({"expires-token": "soon"}, "date"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(
    typed: dict[str, str], said: str, sample: Sample, owner: Client
) -> None:
    before = Application.objects.values().get(slug="workspace")
    answer = owner.post(SEND, form(owner) | typed | {"do": "keep"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Nothing was kept" in page
    assert said.lower() in page.lower()
    assert SECRET not in page
    assert Application.objects.values().get(slug="workspace") == before
    assert not Event.objects.filter(action=Action.SECRET_KEPT).exists()


def test_the_second_of_two_is_told(sample: Sample, owner: Client) -> None:
    mine = form(owner)
    owner.post(SEND, form(owner) | {"set-page_size": "50", "do": "keep"})
    given = mine | {"set-page_size": "70", "secret-token": SECRET, "do": "keep"}
    answer = owner.post(SEND, given)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "was changed while you wrote" in page
    assert "goes with yours" in page
    assert SECRET not in page
    assert Application.objects.get(slug="workspace").settings["page_size"] == 50
    assert not Event.objects.filter(action=Action.SECRET_KEPT).exists()
    # Mine in its place: the secret need not be typed again.
    token = re.search(r'name="tried" value="([^"]+)"', page)
    assert token
    base = re.findall(r'name="base" value="([^"]*)"', page)[-1]
    sent = {k: v for k, v in given.items() if k != "secret-token"}
    owner.post(SEND, sent | {"base": unescape(base), "tried": token[1]})
    assert opened("workspace.token") == SECRET


def test_a_secret_is_typed_once_though_something_else_was_wrong(
    sample: Sample, owner: Client
) -> None:
    given = form(owner) | {"set-page_size": "many", "secret-token": SECRET, "do": "keep"}
    page = owner.post(SEND, given).content.decode()
    assert "Kept from your last try" in page
    assert SECRET not in page
    again = form_of(page, "reached")
    assert SECRET not in str(dict(owner.session.items()))
    assert not again.get("secret-token")
    # In another form, or anew, it is not there.
    anew = form(owner)
    assert "tried" not in anew
    answer = owner.post(SEND, again | {"set-page_size": "60", "do": "keep"}, follow=True)
    assert answer.status_code == 200
    assert opened("workspace.token") == SECRET
    assert "tried:" not in str(dict(owner.session.items())), "it comes back once"


def test_of_two_who_replace_a_secret_the_second_is_told(sample: Sample, owner: Client) -> None:
    keep("workspace.token", "first")
    Application.objects.filter(slug="workspace").update(secrets={"token": "${box:workspace.token}"})
    mine = form(owner)
    owner.post(SEND, form(owner) | {"secret-token": "second", "do": "keep"})
    assert opened("workspace.token") == "second"
    answer = owner.post(SEND, mine | {"secret-token": "third", "do": "keep"})
    assert answer.status_code == 422
    assert "entered another one" in answer.content.decode()
    assert opened("workspace.token") == "second"


def test_the_client_of_an_authorised_application(sample: Sample, owner: Client) -> None:
    oauth = {
        "authorize_url": "https://id.example/authorize",
        "token_url": "https://id.example/token",
        "client_id": "C0",
        "client_secret": "${env:CLIENT_SECRET}",
        "scopes": ["users:write"],
    }
    Application.objects.filter(slug="workspace").update(oauth=oauth, secrets={})
    shown = form(owner)
    assert "secret-token" not in shown, "OAuth brings the token"
    given = shown | {"oauth-client_id": "C1", "oauth-scopes": "users:write\r\ngroups:write"}
    answer = owner.post(SEND, given | {"secret-client_secret": SECRET, "do": "test"}, follow=True)
    assert "Authorise Google Workspace again" in answer.content.decode()
    row = Application.objects.get(slug="workspace")
    assert (row.oauth["client_id"], row.oauth["scopes"]) == ("C1", ["users:write", "groups:write"])
    assert row.oauth["client_secret"] == "${box:workspace.client_secret}"
    assert opened("workspace.client_secret") == SECRET


def test_a_key_of_several_lines(sample: Sample, owner: Client) -> None:
    oauth = {
        "grant": "jwt_bearer",
        "token_url": "https://id.example/token",
        "issuer": "robot@acme.example",
        "private_key": "${env:KEY}",
    }
    Application.objects.filter(slug="workspace").update(oauth=oauth, secrets={})
    key = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"
    # As it stands in the JSON file that the vendor gives.
    owner.post(SEND, form(owner) | {"secret-private_key": key.replace("\n", "\\n"), "do": "keep"})
    assert opened("workspace.private_key") == key


def test_who_may_not_change_it_reads_it(sample: Sample) -> None:
    auditor = signed_in(Role.AUDITOR)
    page = text(auditor, PAGE)
    assert "SCIM address" not in page
    assert "from environment variable WORKSPACE_TOKEN" in page
    assert 'name="base"' not in page
