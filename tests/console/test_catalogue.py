"""From the catalogue to an application that is read and not written to."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from tenure.applications.models import Application
from tenure.audit.models import Event
from tenure.signin.models import Role
from tenure.vault.services import opened
from tests.console.conftest import signed_in
from tests.console.pages import pages_of

ADD = reverse("console:add_application", args=["gitlab"])
FORM = {
    "name": "Our GitLab",
    "slug": "code",
    "set-host": "git.acme.example",
    "secret-token": "${env:CODE_TOKEN}",
}


def text_of(client: Client, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, path
    return answer.content.decode()


def test_search_and_filters(owner: Client) -> None:
    page = reverse("console:catalogue")
    assert "Slack" in text_of(owner, page)
    found = text_of(owner, page + "?q=slcak", **{"HX-Request": "true"})
    assert "Slack" in found
    assert "GitLab" not in found
    assert "<html" not in found
    narrowed = text_of(owner, page + "?category=development&can=automatic", **{"HX-Request": "1"})
    assert "GitLab" in narrowed
    assert "Jenkins" not in narrowed
    assert "Nothing found" in text_of(owner, page + "?q=zzzzzz&can=nonsense&category=nonsense")


def test_the_three_tabs_say_what_is_known(owner: Client) -> None:
    general = text_of(owner, reverse("console:entry", args=["gitlab"]))
    assert "Not confirmed" in general
    assert "Add this application" in general
    sign_on = text_of(owner, reverse("console:entry_single_sign_on", args=["gitlab"]))
    assert "The steps and addresses are the application" in sign_on
    assert "users/auth/saml/callback" in sign_on
    provisioning = text_of(owner, reverse("console:entry_provisioning", args=["gitlab"]))
    assert "mode: report" in provisioning
    by_hand = text_of(owner, reverse("console:entry_provisioning", args=["circleci"]))
    assert "no connector for this application yet" in by_hand
    assert "connector: manual" in by_hand


@pytest.mark.parametrize("name", ["entry", "entry_provisioning", "add_application"])
def test_an_entry_that_there_is_not(name: str, owner: Client) -> None:
    assert owner.get(reverse(f"console:{name}", args=["no-such"])).status_code == 404


def test_adding_saves_it_in_report_mode_and_tests_the_connection(owner: Client) -> None:
    answer = owner.post(ADD, FORM)
    assert (answer.status_code, answer["Location"]) == (
        302,
        reverse("console:connection", args=["code"]),
    )
    row = Application.objects.get()
    assert (row.name, row.mode, row.catalogue_entry) == ("Our GitLab", "report", "gitlab")
    assert row.settings["base_url"] == "https://git.acme.example/api/scim/v2/application"
    assert row.secrets == {"token": "${env:CODE_TOKEN}"}
    assert Event.objects.filter(subject_key="code").exists()
    page = text_of(owner, answer["Location"])
    assert "Waiting for a worker" in page
    assert "Where to go next" in page
    assert "/console/rules/new/?application=code" in page
    assert row.checks.get().write is False
    assert "You have it" in text_of(owner, reverse("console:entry", args=["gitlab"]))


def test_a_secret_that_is_typed_is_sealed(owner: Client) -> None:
    owner.post(ADD, {**FORM, "secret-token": "glsoat-very-secret"})
    assert Application.objects.get().secrets == {"token": "${box:code.token}"}
    assert opened("code.token") == "glsoat-very-secret"
    assert not [e for e in Event.objects.all() if "very-secret" in str((e.before, e.after))]
    owner.post(ADD, {**FORM, "slug": "other", "secret-token": ""})
    assert Application.objects.get(slug="other").secrets == {"token": "${env:OTHER_TOKEN}"}


def hidden(page: str) -> dict[str, str]:
    """What the form carries from the steps before, and its own step."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))


def test_three_steps_and_nothing_is_stored_before_the_last(owner: Client) -> None:
    def send(page: str, status: int = 200, **typed: str) -> str:
        answer = owner.post(ADD, hidden(page) | typed)
        assert answer.status_code == status
        return str(answer.content.decode())

    general = text_of(owner, ADD)
    assert "Its credentials" not in general
    form = {"name": "Our GitLab", "slug": "code", "owner": "Ada", "price": "19,5"}
    form["set-host"] = "git.acme.example"
    assert "is missing" in send(general, 422, **{**form, "set-host": ""})
    assert "Correct 1 field" in send(general, 422, **form), "a price needs its currency"
    sign_on = send(general, **form, currency="eur")
    assert "By SAML 2.0" in sign_on
    assert 'value="https://git.acme.example/users/auth/saml/callback"' in sign_on
    assert "or both of the two" in send(sign_on, 422, sso="saml")
    assert "at least one" in send(sign_on, 422, sso="oidc")
    chosen = {"sso": "saml", "entity_id": "https://git.acme.example"}
    chosen["acs"] = "https://git.acme.example/users/auth/saml/callback"
    assert "Nothing was added" in send(sign_on, 422, **{**chosen, "acs": "callback"})
    last = send(sign_on, **chosen)
    assert "Its credentials" in last
    back = send(last, do="back")
    assert 'value="https://git.acme.example"' in back
    assert not Application.objects.exists()
    answer = owner.post(ADD, hidden(last) | {"secret-token": "glsoat-very-secret"})
    assert answer["Location"] == reverse("console:connection", args=["code"])
    row = Application.objects.get()
    assert (row.name, row.owner) == ("Our GitLab", "Ada")
    assert (row.seat_price, row.seat_currency) == (Decimal("19.5"), "EUR")
    assert row.single_sign_on["saml"]["entity_id"] == "https://git.acme.example"
    assert opened("code.token") == "glsoat-very-secret"


def test_what_is_authorised_by_oauth_goes_on_to_the_button(owner: Client) -> None:
    form = {
        "name": "Webex",
        "slug": "webex",
        "set-organization": "2c3c9f9e-73d9-4460-a668-047162ff1bac",
        "set-client_id": "C0",
        "secret-client_secret": "${box:webex}",
    }
    answer = owner.post(reverse("console:add_application", args=["webex"]), form)
    page = reverse("console:application", args=["webex"])
    assert (answer.status_code, answer["Location"]) == (302, f"{page}#authorisation")
    assert "Authorise" in text_of(owner, page)
    row = Application.objects.get()
    assert row.secrets == {}
    assert row.oauth["client_secret"] == "${box:webex}"
    assert not row.checks.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"set-host": ""}, "is missing"),
        ({"set-host": "https://git/"}, "does not have the right form"),
        ({"slug": "Our GitLab"}, "lower-case letters"),
        ({"set-host": "", "secret-token": "glsoat-very-secret"}, "is kept for your next try"),
        ({"secret-token": "${vault:glsoat-very-secret}"}, "Give a reference"),
        ({"name": "x" * 300}, "at most 200"),
    ],
)
def test_what_is_wrong_stands_at_its_field(
    change: dict[str, str], said: str, owner: Client
) -> None:
    answer = owner.post(ADD, {**FORM, **change})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert "Nothing was added" in page
    assert "very-secret" not in page
    assert not Application.objects.exists()


def test_a_name_that_is_taken(owner: Client) -> None:
    owner.post(ADD, FORM)
    again = owner.post(ADD, FORM)
    assert again.status_code == 422
    assert "already" in again.content.decode()


def test_an_auditor_reads_and_does_not_add(db: None) -> None:
    auditor = signed_in(Role.AUDITOR)
    assert "Add this application" not in text_of(auditor, reverse("console:entry", args=["gitlab"]))
    assert auditor.post(ADD, FORM).status_code == 403
    assert not Application.objects.exists()


def test_the_pages_are_among_those_that_browsers_open() -> None:
    names = {name for name, _ in pages_of(None)}
    assert {"catalogue", "entry", "add_application", "by hand"} <= names
