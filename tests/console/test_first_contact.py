"""The plan of an application that people used before us, as an administrator looks at it and
decides about it in a browser; and what of a plan waits because somebody paused a run."""

from __future__ import annotations

import asyncio
import re

import pytest
from django.test import Client

from tenure.applications.models import Account, Application
from tenure.console.views import plan as views
from tenure.provisioning import services
from tenure.provisioning.decisions import steering
from tenure.provisioning.models import Operation
from tenure.provisioning.reconciliation.reconcile import reconcile_by_slug
from tenure.rules.models import AccessRule
from tenure.runs.models import Run
from tenure.signin.models import Role
from tenure.signin.services import issue_link
from tests.provisioning.company import Company

PLAN = "/console/plan/"


@pytest.fixture
def anna(transactional_db: None) -> Client:
    """An administrator who is signed in."""
    client = Client()
    client.post(issue_link(name="anna", role=Role.ADMINISTRATOR))
    return client


@pytest.fixture
def company(anna: Client) -> Company:
    """Five people, of whom two have an account in Chat; 25 of its accounts are nobody's, and two
    could be the third person's."""
    made = Company()
    made.application("chat", orphans="disable", seat_price="4", seat_currency="EUR")
    made.rule("everyone", "has(user.department)", {"chat": []})
    made.people(5)
    memory = made.memories["chat"]
    for number in range(25):
        memory.add_user({"userName": f"former{number}@acme.example"})
    for number in (1, 2):
        memory.add_user({"userName": f"p{number}@acme.example", "displayName": f"Person {number}"})
    for name in ("old", "new"):
        memory.add_user({"userName": name, "emails.work": "p3@acme.example"})
    return made


def read() -> None:
    asyncio.run(reconcile_by_slug("chat"))


def words(page: str) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.replace("&#x27;", "'")).split())


def plan(client: Client, query: str = "") -> str:
    return client.get(f"{PLAN}{query}").content.decode()


def decide(client: Client, decision: str, *, only: str = "") -> str:
    page = plan(client, f"?application=chat&only={only}")
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen, page
    given = {"application": "chat", "seen": seen[1], "reason": "looked at", "decision": decision}
    answer = client.post(f"{PLAN}decide/", {**given, "only": only}, follow=True)
    return words(answer.content.decode())


def test_what_was_never_read_is_said_to_be_unknown(anna: Client, company: Company) -> None:
    text = words(plan(anna))
    assert "Chat was never read. This plan does not know who has an account there." in text
    assert "Read it now" in text


def test_a_first_contact_is_counted_on_the_plan(anna: Client, company: Company) -> None:
    read()
    text = words(plan(anna))
    assert "First contact with Chat" in text
    assert "Found there 29 Adopted 2 To create 2 Nobody's 25 Disputed 2 Ignored 0" in text
    assert "27 operations for 2 people and 25 accounts that are nobody's in 1 application" in text
    services.store()
    text = words(plan(anna))
    # Each reason with what waits for it: an approval of all is about both.
    assert "2: 29 accounts were here before Tenure." in text
    assert "25: An account that is nobody's is touched only when a person approves it." in text
    # Where to decide whose the disputed are, and no command that there is no terminal for.
    assert "Person 3 in Chat: No account is made" in text
    assert "Say whose 2 accounts in Chat are" in text
    assert "tenure accounts" not in text


def test_what_a_filter_shows_is_decided_alone(anna: Client, company: Company) -> None:
    read()
    services.store()
    page = words(plan(anna, "?application=chat&only=make"))
    assert "2 of 27 held are filtered here. The others stay held." in page
    assert "Approve these 2" in page
    assert "2 operations approved" in decide(anna, "approve", only="make")
    rows = Operation.objects.values_list("kind", "state").distinct()
    assert set(rows) == {("create", "planned"), ("disable", "held")}
    # Not all of it was looked at: what comes later is looked at, too.
    assert Application.objects.get().taken_over_at is None
    assert "25 operations rejected" in decide(anna, "reject", only="remove")
    assert set(Operation.objects.filter(kind="disable").values_list("state", flat=True)) == {
        "rejected"
    }


def test_all_of_it_takes_the_application_over_whatever_the_filter(
    anna: Client, company: Company
) -> None:
    Application.objects.update(orphans="report")
    read()
    services.store()
    assert "Chat is taken over" in decide(anna, "approve", only="make")


def test_an_application_in_which_nothing_is_to_be_done_can_be_taken_over(
    anna: Client, company: Company
) -> None:
    """Otherwise every later change in it would wait for somebody, for ever."""
    Application.objects.update(orphans="report")
    read()
    services.store()
    assert "2 operations rejected" in decide(anna, "reject")
    page = words(plan(anna))
    assert "Nothing is to be done there now." in page
    assert "Take it over as it is" in page
    given = {"application": "chat", "seen": "0-0", "reason": "right", "decision": "approve"}
    text = words(anna.post(f"{PLAN}decide/", given, follow=True).content.decode())
    assert "Chat is taken over: the guards decide from here on." in text
    assert "0 operations" not in text
    assert Application.objects.get().taken_over_at is not None
    assert "First contact" not in words(plan(anna))


def test_who_could_have_the_disputed_accounts_is_told(anna: Client, company: Company) -> None:
    read()
    text = words(anna.get("/console/").content.decode())
    assert "2 accounts in Chat: whose? old (Person 3?), new (Person 3?)" in text


def test_a_paused_run_is_not_forgotten(anna: Client, company: Company) -> None:
    read()
    Account.objects.exclude(situation="linked").delete()
    Application.objects.update(orphans="report", found=2, taken_over_at=None)
    services.store()
    run = Run.objects.get(kind="execute")
    assert "3 are on the way" in words(plan(anna))
    steering.pause(run.pk, reason="their migration")
    page = plan(anna)
    assert f"3 operations wait: run {run.pk} is paused." in words(page)
    assert "their migration" in page
    assert "on the way" not in words(page)
    assert f"3 operations of run {run.pk} wait" in words(anna.get("/console/").content.decode())
    steering.resume(run.pk)
    assert "3 are on the way" in words(plan(anna))


def test_enter_decides_nothing(anna: Client, company: Company) -> None:
    """In a text field it presses the first button of the form, here one that cannot be pressed."""
    read()
    services.store()
    form = re.search(r'<form id="decide-chat".*?</form>', plan(anna), re.DOTALL)
    assert form
    first = re.search(r"<button[^>]*>", form[0])
    assert first
    assert "disabled" in first[0]


def test_a_rule_says_for_whom_nothing_follows_yet(anna: Client, company: Company) -> None:
    read()
    AccessRule.objects.all().delete()
    form = {
        "name": "All of Sales", "mode": "form", "joint": "all", "attribute-0": "department",
        "relation-0": "is", "value-0": "Sales", "give": "chat", "enabled": "yes", "draft": "0",
    }  # fmt: skip
    text = words(anna.post("/console/rules/new/", {**form, "do": "review"}).content.decode())
    assert "Accounts changed 5 1 of them not yet" in text
    assert "For 1 of these accounts nothing is done yet" in text
    assert "Person 3 in Chat: " in text


def test_what_was_never_read_is_not_said_to_go_at_once(anna: Client, company: Company) -> None:
    text = plan(anna)
    assert "Nothing of it is sent at once: what was never read is read first" in text
    assert "Applying sends" not in text


def test_every_line_of_a_long_plan_can_be_picked(
    anna: Client, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "_LINES_OF_ONE", 12)
    read()
    services.store()
    page = anna.get(f"{PLAN}?application=chat").content.decode()
    picked = set(re.findall(r'name="operation" value="(\d+)"', page))
    assert "1 to 12 of 27" in page
    while found := re.search(r'rel="next" href="([^"]+)"', page):
        page = anna.get(found[1].replace("&amp;", "&").partition("#")[0]).content.decode()
        picked |= set(re.findall(r'name="operation" value="(\d+)"', page))
    assert "25 to 27 of 27" in page
    held = Operation.objects.filter(state="held").values_list("pk", flat=True)
    assert {int(pk) for pk in picked} == set(held)
    assert "25 to 27 of 27" in anna.get(f"{PLAN}?application=chat&from=9000").content.decode()
