"""What the lists show: filters, pages, texts of people as texts, and as many queries for many rows
as for few."""

from __future__ import annotations

import math
import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tenure.applications.models import Account
from tenure.audit.models import Action
from tenure.audit.services import acting, event, record_many
from tenure.figures import services as figures
from tenure.people.models import Person
from tenure.provisioning.models import Operation
from tenure.rules.models import AccessRule
from tenure.runs.models import Run, RunIssue
from tenure.sources.models import Source
from tests.console.company import Sample

NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def names(page: str) -> list[str]:
    """The people of a list, in its order."""
    return [unescape(n) for n in re.findall(r'<a href="/console/people/[^/]+/">([^<]+)</a>', page)]


def link(page: str, rel: str) -> str:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', page)
    return unescape(found[1]) if found else ""


def test_pages_of_people_show_everybody_once(sample: Sample, owner: Client) -> None:
    first = text(owner, "/console/people/")
    second = text(owner, "/console/people/" + link(first, "next"))
    both = names(first) + names(second)
    everybody = list(Person.objects.values_list("display_name", flat=True))
    assert sorted(both) == sorted(everybody)
    assert link(second, "next") == ""
    assert names(text(owner, "/console/people/" + link(second, "prev"))) == names(first)


def test_a_page_keeps_its_filter(sample: Sample, owner: Client) -> None:
    first = text(owner, "/console/people/?state=active")
    assert "state=active" in link(first, "next")


@pytest.mark.parametrize(
    ("query", "count"),
    [("state=on_leave", 1), ("state=suspended", 1), ("q=10482", 1), ("q=KOVACS+anna", 1),
     ("q=anna.kovacs%40acme", 1), ("q=zzzz", 0), ("state=left&q=10482", 0)],
)  # fmt: skip
def test_people_are_filtered(query: str, count: int, sample: Sample, owner: Client) -> None:
    assert len(names(text(owner, f"/console/people/?{query}"))) == count


def test_a_filter_that_does_not_exist_is_none(sample: Sample, owner: Client) -> None:
    assert len(names(text(owner, "/console/people/?state=nonsense&at=nonsense"))) == 50
    for path in ("runs/?kind=x&at=x", "audit/?action=x&application=x&at=x", "plan/?only=x"):
        assert text(owner, f"/console/{path}")


def test_while_typing_only_the_list_is_sent(sample: Sample, owner: Client) -> None:
    answer = owner.get("/console/people/?q=10482", headers={"HX-Target": "people"})
    assert "<html" not in answer.content.decode()
    assert names(answer.content.decode()) == ["Anna Kovács"]


def test_accounts_are_filtered_by_situation_and_name(sample: Sample, owner: Client) -> None:
    page = text(owner, "/console/applications/workspace/accounts/?situation=unmatched")
    assert "build-bot@acme.example" in page
    assert "anna.kovacs@acme.example" not in page
    page = text(owner, "/console/applications/workspace/accounts/?q=anna.k")
    assert "anna.kovacs@acme.example" in page
    assert "build-bot@acme.example" not in page


def test_disputed_accounts_name_who_could_own_them(sample: Sample, owner: Client) -> None:
    page = text(owner, "/console/applications/crm/accounts/?situation=disputed")
    owners = [Person.objects.get(pk=sample.people[i].pk).display_name for i in (0, 26)]
    assert all(name in page for name in owners)


def test_runs_and_events_are_filtered(sample: Sample, owner: Client) -> None:
    page = text(owner, "/console/runs/?kind=import")
    assert "Import BambooHR" in page
    assert "Reconcile" not in re.sub(r'class="chip".*?</a>', "", page).partition("<tbody>")[2]
    page = text(owner, "/console/audit/?action=person.terminated").partition("<tbody>")[2]
    assert page.count("<tr>") == 1
    assert "resignation" in page
    page = text(owner, "/console/audit/?person=10482").partition("<tbody>")[2]
    assert page.count("<tr>") == 4


def test_what_is_only_reported_does_not_count_as_held(sample: Sample, owner: Client) -> None:
    held = text(owner, "/console/plan/?only=held")
    assert "Salesforce" in held
    assert "group-design" not in held


def test_texts_of_people_stay_texts(sample: Sample, owner: Client) -> None:
    person = sample.people[0]
    attributes = {**person.attributes, "title": NASTY, "department": NASTY}
    Person.objects.filter(pk=person.pk).update(display_name=NASTY, attributes=attributes)
    Account.objects.filter(person=person).update(user_name=NASTY)
    Source.objects.update(name=NASTY)
    Run.objects.update(message=NASTY, reason=NASTY)
    Operation.objects.update(reason=NASTY, error=NASTY, hold_reason=NASTY)
    paths = (
        "", "people/", f"people/{person.uid}/", f"people/{person.uid}/terminate/", "plan/",
        "applications/workspace/", "runs/", f"runs/{sample.executed.pk}/", "sources/", "audit/",
        f"people/?q={NASTY}", f"find/?q={NASTY}",
    )  # fmt: skip
    seen = 0
    for path in paths:
        answer = owner.get(f"/console/{path}")
        page = answer.content.decode()
        assert "<script>alert" not in page, path
        assert "<img" not in page, path
        seen += "&lt;script&gt;" in page
    assert seen >= len(paths) - 2


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as caught:
        text(client, path)
    return len(caught)


def more_of_everything(sample: Sample) -> None:
    """Twice as many rows of every list, all of them on its first page."""
    for model in (Operation, Run, RunIssue, AccessRule):
        rows = list(model.objects.all()[:20])
        for row in rows:
            row.pk = None
            if isinstance(row, AccessRule):
                row.slug += "-too"
        model.objects.bulk_create(rows)
    accounts = list(Account.objects.filter(situation="unmatched"))
    for account in accounts:
        account.pk, account.remote_id = None, f"{account.remote_id}-too"
    Account.objects.bulk_create(accounts)
    with acting("administrator anna"):
        record_many([
            event(Action.PERSON_CHANGED, subject_kind="person", subject_key=str(p.uid),
                  subject_label=p.display_name, person=str(p.uid))
            for p in sample.people[:20]
        ])  # fmt: skip


def test_many_rows_take_as_many_queries_as_few(
    sample: Sample, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How large tables are is asked once a minute, which may end between the two.
    monkeypatch.setattr(figures, "_ASKED", math.inf)
    paths = [
        "/console/", "/console/people/", "/console/applications/", "/console/rules/",
        "/console/plan/", "/console/runs/", "/console/sources/", "/console/audit/",
        "/console/applications/workspace/", f"/console/runs/{sample.executed.pk}/",
        "/console/tasks/", "/console/requests/", "/console/signals/", "/console/licences/",
        "/console/matches/", "/console/sources/directory/write-back/",
        f"/console/sources/hr/imports/{sample.imported.pk}/",
        "/console/applications/workspace/accounts/", "/console/audit/?q=anna",
        "/console/settings/administrators/", "/console/settings/tokens/",
    ]  # fmt: skip
    for path in paths:
        # Once before it counts: the first look at a plan decides whose the accounts are.
        owner.get(path)
    few = {path: queries(owner, path) for path in paths}
    more_of_everything(sample)
    owner.get("/console/plan/")
    many = {path: queries(owner, path) for path in paths}
    assert many == few
    assert max(many.values()) < 65
