"""Access rules by browser: written, looked at, published; drafts; two who write the same one."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from tenure.audit.models import Event
from tenure.people.models import Person
from tenure.rules.models import AccessRule, RuleDraft
from tests.console.company import Sample
from tests.console.conftest import signed_in

FORM = {
    "name": "Sales of Madrid",
    "mode": "form",
    "attribute-0": "department",
    "relation-0": "is",
    "value-0": "Sales",
    "attribute-1": "location",
    "relation-1": "one_of",
    "value-1": 'Madrid, "Cork"',
    "joint": "all",
    "give": ["desk", "crm"],
    "enabled": "yes",
    "draft": "0",
}
WHEN = 'user.department == "Sales" && user.location in ["Madrid", "Cork"]'


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return unescape(found[1])


def opened(client: Client, path: str) -> dict[str, str]:
    """What the form of a page carries along."""
    page = client.get(path).content.decode()
    return {name: hidden(page, name) for name in ("seen", "base", "draft")}


def test_a_rule_is_written_looked_at_and_published(sample: Sample, owner: Client) -> None:
    answer = owner.post("/console/rules/new/", {**FORM, "do": "review"})
    page = answer.content.decode()
    assert answer.status_code == 200, page
    meets = Person.objects.filter(
        attributes__department="Sales", attributes__location__in=["Madrid", "Cork"]
    ).exclude(state__in=["left", "leaving"])
    assert f'<span class="value">{meets.count()}</span>' in page
    assert not AccessRule.objects.filter(name="Sales of Madrid").exists()
    carried = {name: hidden(page, name) for name in ("seen", "base", "draft")}
    answer = owner.post("/console/rules/new/", {**FORM, **carried, "do": "publish"})
    assert answer.status_code == 302
    rule = AccessRule.objects.get(slug="sales-of-madrid")
    assert (rule.condition, rule.gives) == (WHEN, {"desk": [], "crm": []})
    # And it is read back into the same form.
    page = owner.get("/console/rules/sales-of-madrid/").content.decode()
    assert 'value="Madrid, Cork"' in page
    assert f'<b class="big">{meets.count()}</b>' in page


def test_a_rule_that_is_not_whole_says_what_is_missing(sample: Sample, owner: Client) -> None:
    for change, said in (
        ({"name": ""}, "A rule needs a name"),
        ({"value-0": ""}, "Say what department is compared with"),
        ({"give": []}, "Choose at least one application"),
        ({"mode": "text", "when": "user.departmet == 1"}, "did you mean user.department?"),
        ({"grace": "soon"}, "Expected a number of days"),
    ):
        answer = owner.post("/console/rules/new/", {**FORM, **change, "do": "publish"})
        assert answer.status_code == 422
        assert said in unescape(answer.content.decode())
    assert not AccessRule.objects.filter(name="Sales of Madrid").exists()


def test_buttons_of_the_form_work_without_a_script(sample: Sample, owner: Client) -> None:
    page = owner.post("/console/rules/new/", {**FORM, "do": "add"}).content.decode()
    assert 'name="attribute-2"' in page
    page = owner.post("/console/rules/new/", {**FORM, "do": "drop-0"}).content.decode()
    assert 'name="attribute-1"' not in page
    page = owner.post("/console/rules/new/", {**FORM, "do": "text"}).content.decode()
    assert WHEN in unescape(page)
    given = {**FORM, "mode": "text", "when": WHEN, "do": "form"}
    assert 'value="Madrid, Cork"' in owner.post("/console/rules/new/", given).content.decode()


def test_while_typing_it_is_said_whom_a_condition_meets(sample: Sample, owner: Client) -> None:
    page = owner.post("/console/rules/check/", FORM).content.decode()
    assert "meet" in page
    assert "<html" not in page
    wrong = {**FORM, "mode": "text", "when": "user.department = 1"}
    assert "write ==" in owner.post("/console/rules/check/", wrong).content.decode()
    found = owner.get("/console/rules/words/", {"before": 'user.department == "S'}).json()
    assert found["suggestions"][0]["label"] in ("Sales", "Support")
    found = owner.get("/console/rules/words/", {"before": "user.depa"}).json()
    assert found["suggestions"][0]["insert"] == "department"


def test_of_two_who_write_the_same_rule_the_second_is_told(sample: Sample, owner: Client) -> None:
    other = signed_in()
    slug = AccessRule.objects.get(name="Sales tools").slug
    path = f"/console/rules/{slug}/"
    mine, theirs = opened(owner, path), opened(other, path)
    given = {**FORM, "name": "Sales tools", "give": ["crm"]}
    assert other.post(path, {**given, **theirs, "do": "publish"}).status_code == 302
    changed = {**given, "description": "Asked for by Anna", "value-0": "Support"}
    answer = owner.post(path, {**changed, **mine, "do": "publish"})
    page = unescape(answer.content.decode())
    assert answer.status_code == 409
    assert "Both changed it" in page
    assert WHEN in page
    assert AccessRule.objects.get(slug=slug).condition == WHEN
    # With theirs before their eyes they may go on.
    carried = {name: hidden(answer.content.decode(), name) for name in ("seen", "base", "draft")}
    assert owner.post(path, {**changed, **carried, "do": "publish"}).status_code == 302
    assert AccessRule.objects.get(slug=slug).description == "Asked for by Anna"


def test_a_draft_is_in_force_for_nobody_until_it_is_published(
    sample: Sample, owner: Client
) -> None:
    generation = Person.objects.first().generation  # type: ignore[union-attr]
    answer = owner.post("/console/rules/new/", {**FORM, "seen": "", "do": "draft"})
    assert answer.status_code == 302
    path = answer["Location"]
    assert not AccessRule.objects.filter(slug="sales-of-madrid").exists()
    assert Person.objects.first().generation == generation  # type: ignore[union-attr]
    assert "Not in force" in owner.get("/console/rules/").content.decode()
    # Two who write the same draft see each other too.
    mine, theirs = opened(owner, path), opened(signed_in(), path)
    assert owner.post(path, {**FORM, **mine, "do": "draft"}).status_code == 302
    assert owner.post(path, {**FORM, **theirs, "name": "X", "do": "draft"}).status_code == 409
    carried = opened(owner, path)
    assert owner.post(path, {**FORM, **carried, "do": "publish"}).status_code == 302
    assert AccessRule.objects.filter(slug="sales-of-madrid").exists()
    assert not RuleDraft.objects.exists()


def test_a_draft_of_a_rule_that_changed_since_is_told(sample: Sample, owner: Client) -> None:
    slug = AccessRule.objects.get(name="Sales tools").slug
    path = f"/console/rules/{slug}/"
    given = {**FORM, "name": "Sales tools"}
    owner.post(path, {**given, **opened(owner, path), "do": "draft"})
    AccessRule.objects.filter(slug=slug).update(description="Changed by the document")
    page = owner.get(path).content.decode()
    assert "changed since this draft was begun" in page
    carried = opened(owner, path)
    answer = owner.post(path, {**given, **carried, "do": "publish"})
    assert answer.status_code == 409
    assert "Changed by the document" in answer.content.decode()


def test_rules_are_moved_and_removed_with_what_that_changes(sample: Sample, owner: Client) -> None:
    first, second = AccessRule.objects.all()[:2]
    owner.post(f"/console/rules/{second.slug}/move/", {"do": "up"})
    assert next(iter(AccessRule.objects.all())).slug == second.slug
    page = owner.get(f"/console/rules/{first.slug}/remove/").content.decode()
    assert "Accounts changed" in page
    seen = hidden(page, "seen")
    assert owner.post(f"/console/rules/{first.slug}/remove/", {"seen": seen}).status_code == 302
    assert not AccessRule.objects.filter(slug=first.slug).exists()
    assert Event.objects.filter(subject_kind="rule", subject_key=first.slug).exists()


def test_who_gets_an_application_and_why(sample: Sample, owner: Client) -> None:
    page = owner.get("/console/rules/who-gets/crm/").content.decode()
    assert "Sales tools" in page
    figures = owner.get("/console/rules/figures/").content.decode()
    assert "also by Everyone" in figures
    page = owner.get("/console/rules/who-meets/", {"when": WHEN}).content.decode()
    assert "Department is Sales and Location is one of Madrid or Cork" in page


@pytest.mark.parametrize("path", ["new/", "check/", "rows/", "effect/"])
def test_only_who_may_configure_writes_rules(path: str, sample: Sample) -> None:
    from tenure.signin.models import Role

    for role in (Role.HELP_DESK, Role.AUDITOR):
        assert signed_in(role).post(f"/console/rules/{path}", FORM).status_code == 403
