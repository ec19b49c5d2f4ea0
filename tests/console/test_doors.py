"""Nobody gets in unseen, nothing changes by a link that is followed, and every answer carries the
policy. Which pages there are is read from the URL patterns, so a new one cannot be forgotten."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, reverse

from tenure.audit.models import Event
from tenure.console.urls import urlpatterns
from tenure.infra.csp import POLICY
from tenure.people.models import Company
from tenure.provisioning.models import Operation
from tenure.signin.models import Role
from tests.console.company import Sample
from tests.console.conftest import signed_in
from tests.console.pages import pages_of

#: The same in every process of a test run, which must all find the same tests.
NOBODY = uuid.UUID(int=0xA0B0D7, version=4)
_ARGUMENTS = {
    "uid": uuid.UUID(int=(0xA11CE << 96), version=4), "slug": "workspace", "pk": 1,
    "section": "applications", "name": "level", "kind": "csv",
}  # fmt: skip
WRITES = (
    "connection_check",
    "connection_keep",
    "deauthorise",
    "deauthorise_source",
    "reconcile",
    "resume",
    "retry",
    "saml_act",
    "saml_register",
    "saml_tell",
    "apply",
    "decide",
    "appearance",
    "application_writes",
    "application_sso_save",
    "application_sso_secret",
    "decide_request",
    "settle_task",
    "settle_sign_out",
    "removed",
    "steer_run",
    "take_back",
    "rule_check",
    "administrator",
    "token",
    "company_names",
    "group_check",
    "group_effect",
    "sample_make",
    "look_for_pairs",
    "source_discard",
    "source_import",
    "source_move",
    "source_rows",
    "source_written",
    "source_whose_check",
    "source_write_back_columns",
    "source_write_back_steer",
    "source_test",
    "start_go",
    "start_leave",
    "add_receiver",
    "change_receiver",
    "trust",
    "distrust",
    "rule_effect",
    "rule_move",
    "rule_rows",
    "invite",
    "passkey_options",
    "passkey_add",
    "security_change",
    "codes",
    "again",
    "again_options",
    "save_view",
    "remove_view",
    "decide_person",
    "exception",
    "decide_account",
    "edit_application",
    "edit_mapping",
    "edit_connection",
    "mapping_effect",
    "preview_mapping",
    "application_mode",
    "remove_application",
)
#: What everybody may do for themselves, whatever their role.
OWN = {
    "appearance", "passkey_options", "passkey_add", "security_change", "codes", "again",
    "again_options", "save_view", "remove_view",
}  # fmt: skip
#: Those that show a form first and take it at the same address.
FORMS = (
    "person_union",
    "terminate", "writes", "match", "pair", "take_account", "add_application", "review",
    "rule", "rule_new", "rule_remove",
    "add_person", "edit_person", "sensitive",
    "attribute", "attribute_new", "company", "joining", "wallet", "guard", "group", "group_new",
    "mail", "notifications",
    "sample_remove",
    "source_begin", "source_check", "source_edit", "source_from", "source_mapping", "source_remove",
    "source_schedule", "source_whose", "start",
)  # fmt: skip


def addresses() -> Iterator[tuple[str, str]]:
    """(name, path) of every pattern of the console."""
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        names = pattern.pattern.converters
        arguments = {name: _ARGUMENTS[name] for name in names}
        yield str(pattern.name), reverse(f"console:{pattern.name}", kwargs=arguments)


ADDRESSES = dict(addresses())


def test_the_patterns_were_read() -> None:
    assert len(ADDRESSES) == len(urlpatterns) > 20
    assert {*WRITES, *FORMS} < ADDRESSES.keys()


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_is_sent_to_sign_in(method: str, sample: Sample) -> None:
    before = Event.objects.count()
    for name, address in ADDRESSES.items():
        answer = getattr(Client(), method)(address)
        if answer.status_code == 405:
            # The wrong method is refused before anything is looked at.
            assert (name in WRITES) == (method == "get"), name
        else:
            assert answer.status_code == 302, name
            assert answer["Location"].split("?")[0] == "/sign-in/", name
        assert b"Anna" not in answer.content, name
    assert Event.objects.count() == before


def test_a_page_that_asks_by_itself_is_sent_to_sign_in_as_a_whole(sample: Sample) -> None:
    shown = "http://testserver/console/runs/1/?state=failed"
    asked = {"HX-Request": "true", "HX-Current-URL": shown}
    answer = Client().get(ADDRESSES["run_live"], headers=asked)
    # And from there back to the page that is shown.
    back = "/sign-in/?next=%2Fconsole%2Fruns%2F1%2F"
    assert (answer.status_code, answer["HX-Redirect"]) == (204, back)
    sent = Client().post(ADDRESSES["run_live"], headers={"Referer": shown})
    assert sent.status_code == 405 or sent["Location"] == back


def test_a_link_changes_nothing(owner: Client) -> None:
    for name in WRITES:
        assert owner.get(ADDRESSES[name]).status_code == 405, name


def test_a_page_takes_no_form(owner: Client) -> None:
    for name in ADDRESSES.keys() - {*WRITES, *FORMS}:
        assert owner.post(ADDRESSES[name]).status_code == 405, name


def test_a_form_of_another_site_is_refused(sample: Sample) -> None:
    client = signed_in(enforce_csrf_checks=True)
    form = {"reason": "x", "do": "stop", "application": "crm", "decision": "approve"}
    for name in (*WRITES, *FORMS):
        assert client.post(ADDRESSES[name], form).status_code == 403, name
    assert Company.objects.get().writes_stopped_at is None
    assert Operation.objects.filter(state="held").count() == 9


def test_an_auditor_changes_nothing(sample: Sample) -> None:
    client = signed_in(Role.AUDITOR)
    for name in (*sorted(set(WRITES) - OWN), *FORMS):
        answer = client.post(ADDRESSES[name], {"reason": "x", "do": "stop"})
        assert answer.status_code == 403, name
        assert "Your role does not allow this" in answer.content.decode(), name
    assert Company.objects.get().writes_stopped_at is None


def test_the_help_desk_may_read_again_but_not_decide(sample: Sample) -> None:
    client = signed_in(Role.HELP_DESK)
    assert client.post(ADDRESSES["reconcile"]).status_code == 302
    form = {"application": "crm", "decision": "approve", "reason": "x"}
    assert client.post(ADDRESSES["decide"], form).status_code == 403


def _strict(answer: HttpResponse) -> None:
    assert answer["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    text = answer.content.decode()
    assert "<script>" not in text
    assert " style=" not in text
    assert " onclick=" not in text


def test_every_answer_carries_the_policy_and_is_kept_by_nobody(
    sample: Sample, owner: Client
) -> None:
    for name, path in pages_of(sample):
        answer = owner.get(path)
        assert answer.status_code == 200, name
        _strict(answer)
        assert "no-store" in answer["Cache-Control"], name
    _strict(owner.get("/console/no/such/"))
    _strict(Client().get("/sign-in/"))
    _strict(Client().get("/console/"))


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (f"/console/people/{NOBODY}/", "There is no such person"),
        (f"/console/people/{NOBODY}/union/", "There is no such person"),
        (f"/console/people/{NOBODY}/terminate/", "There is no such person"),
        ("/console/applications/nope/", "There is no such application"),
        ("/console/runs/999999/", "There is no such run"),
    ],
)
def test_what_is_not_there_says_so_and_leads_back(path: str, says: str, owner: Client) -> None:
    answer = owner.get(path)
    text = answer.content.decode()
    assert answer.status_code == 404
    assert says in text
    assert "Back to the list" in text


def test_a_decision_takes_a_reason(sample: Sample, owner: Client) -> None:
    answer = owner.post(
        ADDRESSES["decide"], {"application": "crm", "decision": "approve", "reason": "  "},
        follow=True,
    )  # fmt: skip
    assert "Nothing was decided: say why." in answer.content.decode()
    assert Operation.objects.filter(state="held").count() == 9


def test_the_appearance_leads_back_to_our_own_pages_only(owner: Client) -> None:
    form = {"theme": "dark", "back": "https://evil.example/console/"}
    assert owner.post(ADDRESSES["appearance"], form)["Location"] == "/console/"
    named = {"theme": "dark", "back": "no such page"}
    assert owner.post(ADDRESSES["appearance"], named)["Location"] == "/console/"
    answer = owner.post(ADDRESSES["appearance"], {"theme": "dark", "back": "/console/runs/"})
    assert answer["Location"] == "/console/runs/"
    assert 'data-theme="dark"' in owner.get("/console/").content.decode()
