"""People in the console: filters, columns, views that are kept, files; decisions about one, what is
to come, what would be; and people who are entered by hand."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenure.audit.models import Action, Event
from tenure.console.models import SavedView
from tenure.infra.csv_export import cell
from tenure.notices.collecting import Kind, waiting
from tenure.people.models import Company, Person
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tenure.rules.models import AccessException
from tenure.signin.models import Role
from tests.console.company import Sample
from tests.console.conftest import signed_in
from tests.console.test_company import of_page
from tests.console.test_lists import names, text
from tests.provisioning.company import Company as Firm
from tests.provisioning.company import apply, linked


@pytest.fixture
def anna(db: None) -> Client:
    return signed_in(Role.ADMINISTRATOR)


@pytest.fixture
def committed(transactional_db: None, anna: Client) -> Client:
    """For what is really sent: drains have threads of their own."""
    return anna


def file_of(client: Client, path: str) -> list[list[str]]:
    answer = client.get(path)
    content = answer.streaming_content
    assert isinstance(content, Iterator)
    whole = b"".join(content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(whole)))


def test_filters_say_who_is_on_the_list(sample: Sample, owner: Client) -> None:
    found = {
        "department=Sales&state=active": lambda p: p.attributes["department"] == "Sales",
        "problem=email": lambda p: not p.email,
        "source=-": lambda p: p.display_name == "By Hand",
    }
    Person.objects.create(display_name="By Hand", email="by.hand@acme.example")
    everybody = {p.display_name: p for p in Person.objects.all()}
    for query, holds in found.items():
        shown = names(text(owner, f"/console/people/?{query}"))
        assert shown, query
        assert all(holds(everybody[name]) for name in shown), query
    held = set(Operation.objects.filter(state="held").values_list("person", flat=True))
    assert len(names(text(owner, "/console/people/?problem=held"))) == len(held)
    there = names(text(owner, "/console/people/?application=desk"))
    assert there
    assert {everybody[name].attributes["department"] for name in there} == {"Support"}


def test_columns_are_chosen_and_nothing_sensitive_is_one(sample: Sample, owner: Client) -> None:
    from tenure.people.models import AttributeDefinition

    AttributeDefinition.objects.create(name="salary", label="Salary", type="string", sensitive=True)
    page = text(owner, "/console/people/?column=manager&column=time_zone&column=salary&q=10482")
    head = page.partition("<thead>")[2].partition("</thead>")[0]
    assert "Manager" in head
    assert "Time zone" in head
    assert "Salary" not in page
    assert "Europe/Budapest" in page


def test_a_person_is_planned_once_for_a_page(sample: Sample, owner: Client) -> None:
    """What is known of them then is handed on: rules are read once, accounts at most twice, as
    planning sees them and as they are shown."""
    page = f"/console/people/{sample.people[0].uid}/"
    for path, accounts in ((page, 2), (f"{page}what-if/?attribute=department&value=Sales", 4)):
        with CaptureQueriesContext(connection) as caught:
            text(owner, path)
        asked = [query["sql"] for query in caught]
        assert sum('FROM "rules_accessrule"' in sql for sql in asked) == 1, path
        theirs = [sql for sql in asked if 'FROM "applications_account"' in sql]
        assert len([sql for sql in theirs if "person_id" in sql.partition("WHERE")[2]]) <= accounts


def test_a_view_is_kept_shared_and_forgotten(sample: Sample, owner: Client, anna: Client) -> None:
    form = {"name": " Sales  people ", "query": "department=Sales&column=manager&junk=1"}
    owner.post("/console/people/views/", {**form, "shared": "yes"})
    kept = SavedView.objects.get()
    assert (kept.name, kept.query) == ("Sales people", "department=Sales&column=manager")
    page = text(anna, "/console/people/")
    assert f"?{kept.query.replace('&', '&amp;')}" in page
    assert "by owner" in page
    answer = anna.post(f"/console/people/views/{kept.pk}/remove/", follow=True)
    assert "Only its owner removes" in answer.content.decode()
    owner.post(f"/console/people/views/{kept.pk}/remove/")
    assert not SavedView.objects.exists()


def test_the_list_is_taken_away_as_a_file(sample: Sample, owner: Client) -> None:
    person = sample.people[0]
    person.attributes["title"] = '=HYPERLINK("https://evil.example")'
    person.save()
    rows = file_of(owner, "/console/people/export/?department=Support")
    assert rows[0][:4] == ["Name", "Work e-mail", "Employee number", "State"]
    support = [p for p in sample.people if p.attributes["department"] == "Support"]
    assert sorted(row[0] for row in rows[1:]) == sorted(p.display_name for p in support)
    mine = next(row for row in rows if row[2] == person.employee_number)
    assert mine[4] == '\'=HYPERLINK("https://evil.example")'
    event = Event.objects.get(action=Action.PEOPLE_EXPORTED)
    assert event.after is not None
    assert event.after["filter"] == "department=Support"


def test_every_other_list_is_taken_away_as_it_is_filtered(sample: Sample, owner: Client) -> None:
    app = sample.applications["workspace"]
    slug = app.slug
    every = file_of(owner, f"/console/applications/{slug}/accounts/export/")
    assert len(every) - 1 == app.accounts.count()
    linked_only = file_of(
        owner, f"/console/applications/{slug}/accounts/export/?situation=linked&q="
    )
    assert {row[4] for row in linked_only[1:]} == {"Linked"}
    assert Event.objects.filter(action=Action.PEOPLE_EXPORTED, application=slug).count() == 2
    kinds = {row[1] for row in file_of(owner, "/console/runs/export/?kind=import")[1:]}
    assert kinds == {"Import"}
    licences = file_of(owner, "/console/licences/export/")
    assert app.name in {row[0] for row in licences[1:]}
    plan = file_of(owner, f"/console/plan/export/?application={slug}")
    assert {row[0] for row in plan[1:]} <= {app.name}
    for page in (f"applications/{slug}/accounts", "runs", "licences"):
        assert "export/" in owner.get(f"/console/{page}/").content.decode()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\t=1", "  =1", "＝1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell(-3) == "-3"


def company() -> Firm:
    made = Firm()
    made.application("chat")
    made.application("desk")
    made.rule("everyone", "has(user.department)", {"chat": []})
    return made


def test_a_person_is_suspended_held_and_comes_back(committed: Client) -> None:
    made = company()
    person = made.person("1")
    apply()
    page = f"/console/people/{person.uid}/"

    def do(what: str, reason: str = "why not") -> str:
        answer = committed.post(f"{page}decide/", {"do": what, "reason": reason}, follow=True)
        return str(answer.content.decode())

    assert "say why" in do("suspend", " ")
    assert "is suspended" in do("suspend")
    assert Operation.objects.get(kind="disable").state == "planned"
    assert "is suspended already" in do("suspend")
    assert "End the suspension" in text(committed, page)
    assert "is back" in do("end_suspension")
    assert "Nothing of" in do("hold", "case 7")
    shown = text(committed, page)
    assert "case 7" in shown
    assert "Nothing of theirs is due for deletion" in shown
    assert "has ended" in do("release")
    assert "was not terminated here" in do("reinstate")
    assert "not of this page" in do("nonsense")


def test_an_exception_is_decided_and_ended(committed: Client) -> None:
    made = company()
    person = made.person("1")
    apply()
    page = f"/console/people/{person.uid}/"
    until = (timezone.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    form = {"do": "give", "what": "desk", "until": until, "reason": "covers for Bo"}
    committed.post(f"{page}exception/", form)
    row = AccessException.objects.get()
    decided = (row.application, row.gives, row.decided_by)
    assert decided == ("desk", True, "administrator administrator")
    assert "covers for Bo" in text(committed, page)
    apply("desk")
    ahead = text(committed, f"{page}ahead/")
    assert "Nothing changes by itself" not in ahead
    assert "Disable in" in ahead
    committed.post(f"{page}exception/", {"do": "end", "exception": row.pk, "reason": "Bo is back"})
    row.refresh_from_db()
    assert row.ended_at is not None
    bad = committed.post(f"{page}exception/", {"do": "give", "what": "nope", "reason": "x"})
    assert "There is no application" in bad.content.decode()


def test_an_administrator_who_gives_to_themselves_is_told_of(sample: Sample, anna: Client) -> None:
    """Whoever it is of the people is known by the name alone."""
    mine, other = list(Person.objects.exclude(state="left").order_by("pk")[:2])
    form = {"do": "give", "what": "desk", "reason": "I need it."}
    anna.post(f"/console/people/{other.uid}/exception/", form)
    Person.objects.filter(pk=mine.pk).update(display_name="Administrator")
    anna.post(f"/console/people/{mine.uid}/exception/", form)
    of_other, own = list(AccessException.objects.order_by("pk"))
    assert (of_other.by_themselves, own.by_themselves) == (False, True)
    event = Event.objects.get(action=Action.EXCEPTION_ADDED, person=str(mine.uid))
    assert event.subject_label == "Administrator (by themselves): gives Zendesk"
    assert event.after["by_themselves"] is True
    assert "about themselves" in text(anna, f"/console/people/{mine.uid}/")
    assert "about themselves" not in text(anna, f"/console/people/{other.uid}/")
    notices = [one for one in waiting() if one.kind == Kind.OWN]
    titles = [one.title for one in notices]
    assert titles == ["administrator administrator gave Zendesk to themselves"]
    assert notices[0].detail.startswith("until somebody ends it: I need it. Somebody else")
    anna.post(
        f"/console/people/{mine.uid}/exception/",
        {"do": "end", "exception": own.pk, "reason": "it was not right"},
    )
    assert [one for one in waiting() if one.kind == Kind.OWN] == []


def test_what_is_to_come_and_what_would_be(committed: Client) -> None:
    made = company()
    last = timezone.now().date() + timedelta(days=5)
    person = made.person("1", end_date=last.isoformat())
    Person.objects.update(end_date=last)
    apply()
    page = f"/console/people/{person.uid}/"
    ahead = text(committed, f"{page}ahead/")
    assert "Left" in ahead
    assert "Chat" in ahead
    then = text(committed, f"{page}what-if/?attribute=department&value=")
    assert "Then this is done" in then
    assert "Disable" in then
    assert "no difference" in text(committed, f"{page}what-if/?attribute=location&value=Cork")
    away = text(committed, f"{page}what-if/?attribute=status&value=on_leave")
    assert "Who is on leave keeps what they have here (leave: keep)." in away
    assert "is a day such as" in text(committed, f"{page}what-if/?attribute=end_date&value=soon")
    assert linked()["p1@acme.example"].active is True


def test_somebody_is_entered_by_hand_and_changed(committed: Client) -> None:
    company()
    Company.objects.update_or_create(pk=1, defaults={"domain": "acme.example"})
    answer = committed.post("/console/people/add/", {"given_name": "Ödön", "reason": ""})
    assert answer.status_code == 422
    assert "Say why they are entered by hand" in answer.content.decode()
    form = {
        "given_name": "Ödön", "family_name": "Nagy", "department": "Audit",
        "end_date": "2031-01-31", "reason": "auditor",
    }  # fmt: skip
    page = committed.post("/console/people/add/", form)["Location"]
    person = Person.objects.get()
    assert (person.email, person.state) == ("odon.nagy@acme.example", "active")
    assert str(person.end_date) == "2031-01-31"
    assert Operation.objects.count() == 0
    apply()
    assert linked().keys() == {"odon.nagy@acme.example"}
    bad = committed.post(f"{page}edit/", {**form, "end_date": "31.1.2031"})
    assert "end_date is a day such as" in bad.content.decode()
    committed.post(f"{page}edit/", {**form, "title": "Senior auditor", "reason": "promoted"})
    person.refresh_from_db()
    assert person.attributes["title"] == "Senior auditor"
    event = Event.objects.filter(action=Action.PERSON_CHANGED).latest("id")
    assert (event.after, event.reason) == ({"title": "Senior auditor"}, "promoted")
    # Two at once: what only one changed stays, what both did is said to the second.
    shown = of_page(text(committed, f"{page}edit/"), "base")
    theirs = {**shown, "location": "Szeged", "title": "Head of audit", "reason": "a"}
    assert committed.post(f"{page}edit/", theirs).status_code == 302
    mine = {**shown, "department": "Risk", "title": "Lead", "reason": "b"}
    told = committed.post(f"{page}edit/", mine)
    assert told.status_code == 422
    assert "Head of audit here meanwhile" in told.content.decode()
    again = of_page(told.content.decode(), "base")
    assert (again["location"], again["title"], again["department"]) == ("Szeged", "Lead", "Risk")
    assert committed.post(f"{page}edit/", {**again, "reason": "b"}).status_code == 302
    person.refresh_from_db()
    found = {name: person.attributes[name] for name in ("location", "title", "department")}
    assert found == {"location": "Szeged", "title": "Lead", "department": "Risk"}


def test_what_a_source_says_is_changed_there(sample: Sample, owner: Client) -> None:
    page = f"/console/people/{sample.people[0].uid}/edit/"
    assert "come from a source" in owner.get(page, follow=True).content.decode()
    before = Person.objects.get(pk=sample.people[0].pk).attributes
    owner.post(page, {"given_name": "X", "reason": "x"})
    assert Person.objects.get(pk=sample.people[0].pk).attributes == before


def test_a_persons_page_says_what_stands_in_the_way(committed: Client) -> None:
    """Of an account that is not made, of one that is not touched, and of the last owner's."""
    firm = Firm()
    firm.application("chat", recreate="never")
    firm.application("mail")
    firm.rule("everyone", "true", {"chat": [], "mail": []})
    person = firm.person("1")
    apply("chat", "mail")
    chat, mail = linked("chat"), linked("mail")
    row = chat["p1@acme.example"]
    row.situation, row.deleted_there, row.active = "deleted", True, False
    row.save()
    row = mail["p1@acme.example"]
    row.own, row.attributes = True, {"userName": "p1@acme.example"}
    row.save()
    page = text(committed, f"/console/people/{person.uid}/")
    assert "was deleted in the application by somebody else and is not made again" in page
    assert "own credentials are this account" in page
    services.terminate_now(person, reason="gone")
    page = text(committed, "/console/")
    assert "Give Tenure the credentials of another account there" in page
    row.own, row.owner = False, True
    row.save()
    Person.objects.update(generation=F("generation") + 1)
    services.store()
    page = text(committed, "/console/plan/")
    assert "Nobody can approve this." in page
    assert "Approve all" not in page
