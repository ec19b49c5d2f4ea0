"""Names, exit codes and JSON fields that programs rely on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from tenure.applications.models import Account, Application
from tenure.audit.services import record_many
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import restand
from tenure.provisioning.models import Operation
from tenure.runs.models import Run
from tests.cli.conftest import Tenure
from tests.provisioning.company import Company, apply, change, linked

OPERATION = {
    "application",
    "person",
    "account",
    "kind",
    "attributes",
    "entitlements",
    "reason",
    "state",
}
PEOPLE = "Number,First,Last,Department\n7,Ada,Byron,Sales\n8,Alan,Turing,Research\n"
CONFIGURATION = """
company: {name: Acme, domain: acme.example, email_formats: ["{first}.{last}"]}
sources:
  hr:
    name: HR
    reader: csv
    settings: {path: people.csv}
    mapping:
      employee_number: row["Number"]
      given_name: row["First"]
      family_name: row["Last"]
      department: row["Department"]
"""


def test_plan_says_what_would_be_done_and_does_not_do_it(company: Company, tenure: Tenure) -> None:
    assert tenure("plan").code == 0
    company.people(2)
    ended = tenure("plan", "--json")
    assert (ended.code, set(ended.document)) == (
        2,
        {
            "operations",
            "summary",
            "guard",
            "cost",
            "problems",
            "first_contact",
            "unread",
            "rejected",
            "declined",
            "not_sent",
        },
    )
    first = ended.document["operations"][0]
    assert set(first) >= OPERATION
    assert (first["application"], first["kind"], first["state"]) == ("chat", "create", "planned")
    assert first["attributes"]["userName"] == {"from": None, "to": "p1@acme.example"}
    assert first["entitlements"] == {"grant": ["group:all", "group:sales"], "revoke": []}
    assert "Everyone" in first["reason"]
    assert ended.document["summary"] == {"create": 2}
    assert ended.document["guard"] == {"held": False, "reasons": [], "seen": None}
    assert "Planning" in ended.err
    assert not company.users()
    assert tenure("plan", "--person", "2", "--json").document["summary"] == {"create": 1}


def test_plan_shows_twenty_and_all_of_them_when_asked(company: Company, tenure: Tenure) -> None:
    company.people(23)
    short, whole = tenure("plan").out, tenure("plan", "--all").out
    assert short.count("+ create") == 20
    assert "3 more: --all" in short
    assert whole.count("+ create") == 23
    assert "23 operations for 23 people" in whole


def test_the_cost_is_told_before_and_after(company: Company, tenure: Tenure) -> None:
    company.application("paid", seat_price="7.25", seat_currency="EUR")
    company.rule("paid", "has(user.department)", {"paid": []})
    company.people(2)
    assert tenure("plan", "--json").document["cost"] == {
        "EUR": {"before": "0.00", "after": "14.50"}
    }


def test_apply_does_it_and_ends_with_0_only_when_all_is_done(
    company: Company, tenure: Tenure
) -> None:
    company.people(2)
    refused = tenure("apply")
    assert (refused.code, company.open_users()) == (1, set())
    assert "--yes" in refused.err
    ended = tenure("apply", "--yes", "--json")
    assert (ended.code, ended.document["states"]) == (0, {"done": 2})
    assert company.open_users() == {"p1@acme.example", "p2@acme.example"}
    assert "chat 2/2" in ended.err
    assert tenure("plan").code == 0
    assert tenure("apply", "--yes").code == 0


def test_apply_without_waiting_leaves_it_to_a_worker(company: Company, tenure: Tenure) -> None:
    company.people(1)
    ended = tenure("apply", "--yes", "--no-wait", "--json")
    assert (ended.code, ended.document["states"]) == (0, {"planned": 1})
    assert not company.open_users()


def test_reconcile_tells_orphans_and_drift(company: Company, tenure: Tenure) -> None:
    company.people(2)
    apply()
    memory = company.memories["chat"]
    user = company.users()["p1@acme.example"]
    user.attributes["title"] = "Somebody else"
    company.users()["p2@acme.example"].attributes["displayName"] = "Changed there"
    assert memory
    ended = tenure("reconcile", "chat", "--json")
    assert ended.code == 0
    whole = {"run", "application", "counters", "situations", "issues"}
    assert set(ended.document) == whole
    assert ended.document["counters"]["seen"] == 2
    assert ended.document["counters"]["drift"] == 2
    assert sum(ended.document["situations"].values()) == Account.objects.count()
    words = tenure("reconcile", "chat")
    assert "linked to their owner" in words.out
    assert "in all" in words.out
    assert "newly nobody's (orphans)" in words.out
    assert "drift" in words.out


#: By e-mail address, then by user name.
BY_BOTH = [
    {"account": "emails.work", "person": "email"},
    {"account": "userName", "person": "email"},
]


def test_explain_gives_rule_condition_values_and_history(company: Company, tenure: Tenure) -> None:
    company.person("1", "Sales")
    apply()
    document = tenure("explain", "1", "--json").document
    assert set(document) == {"person", "applications", "history", "ahead"}
    chat = document["applications"][0]
    assert chat["due"] is True
    assert chat["because"][0]["condition"] == "has(user.department)"
    assert chat["because"][1]["saw"] == {"department": "Sales"}
    assert chat["account"]["user_name"] == "p1@acme.example"
    assert any("created" in item["what"] for item in document["history"])
    change(Person.objects.get(), department="Legal")
    words = tenure("explain", "p1@acme.example", "chat").out
    assert "not by Sales" in words
    assert "saw department = 'Legal'" in words


def test_explain_says_what_is_to_come(company: Company, tenure: Tenure) -> None:
    Application.objects.filter(slug="chat").update(lead=timedelta(days=7))
    company.person("1", "Sales")
    person = Person.objects.get()
    person.start_date = now().date() + timedelta(days=10)
    restand([person], now())
    person.save()
    made = person.start_date - timedelta(days=7)
    said = f"Not yet: starts on {person.start_date}; it is made on {made}, ahead of that."
    shown = tenure("explain", "1", "chat").out
    assert said in " ".join(shown.split())
    assert shown.index("To come") < shown.index("create in Chat") < shown.index("  active")
    first, second = tenure("explain", "1", "--json").document["ahead"]
    assert [(c["application"], c["kind"]) for c in first["changes"]] == [("chat", "create")]
    assert (first["state"], second["state"], second["changes"]) == (None, "active", [])
    assert tenure("person", "show", "1", "--json").document["ahead"] == [first, second]
    planned = tenure("plan", "--person", "1", "--json")
    assert (planned.code, planned.document["ahead"]) == (0, [first, second])
    words = tenure("plan", "--person", "1", "--with", f"start_date={now().date()}").out
    assert "create" in words.partition("To come")[0]
    wrong = tenure("plan", "--person", "1", "--with", "start_date=soon")
    assert wrong.code == 1
    assert "start_date is a day such as" in wrong.err
    assert "ahead" not in tenure("plan", "--json").document


def test_explain_says_why_it_is_closed_and_what_changed(company: Company, tenure: Tenure) -> None:
    Application.objects.filter(slug="chat").update(leave="free")
    person = company.person("1", "Sales", employment_type="contractor")
    apply()
    person.on_leave = True
    record_many(restand([person], now()))
    person.generation += 1
    person.save()
    apply()
    shown = " ".join(tenure("explain", "1").out.split())
    assert "Not due at present: it is closed while they are on leave." in shown
    assert "state active → on_leave" in shown
    assert "no last day: employment that ends by itself" in shown


def test_an_exception_until_a_day_counts_that_day_whole(company: Company, tenure: Tenure) -> None:
    company.person("1", "Legal", time_zone="Asia/Taipei")
    Person.objects.update(time_zone="Asia/Taipei")
    give = ["exceptions", "give", "1", "chat", "--reason", "covers", "--no-wait", "--until"]
    given = tenure(*give, "2099-12-31", "--json")
    assert given.document["exception"]["until"] == "2099-12-31T16:00:00+00:00"
    assert "1 Jan 2100 00:00 CST" in tenure("exceptions", "list").out
    assert "until 31 Dec 2099: covers" in tenure("explain", "1").out


def test_explain_says_that_nothing_is_deleted(company: Company, tenure: Tenure) -> None:
    company.person("1", "Sales")
    assert tenure("person", "hold", "1", "--reason", "case [12]").code == 0
    assert "nothing is deleted: case [12]" in " ".join(tenure("explain", "1").out.split())


def test_terminate_takes_everything_now(company: Company, tenure: Tenure) -> None:
    company.people(2)
    apply()
    ended = tenure("terminate", "1", "--now", "--reason", "dismissed", "--json")
    assert (ended.code, ended.document["states"]) == (0, {"done": 1})
    assert company.open_users() == {"p2@acme.example"}
    assert company.members("all") == {"p2@acme.example"}
    later = tenure("terminate", "2", "--at", "2999-01-01T18:00", "--json")
    assert (later.code, later.document["at"]) == (0, "2999-01-01T18:00:00+00:00")
    assert company.open_users() == {"p2@acme.example"}


def test_lists_and_a_person(company: Company, tenure: Tenure) -> None:
    company.people(2)
    company.person("3", "Legal")
    apply()
    people = tenure("people", "list", "--filter", "department=Sales", "--json").document
    assert [person["employee_number"] for person in people] == ["1", "2"]
    accounts = tenure("accounts", "list", "--filter", "person=3", "--json").document
    assert [account["user_name"] for account in accounts] == ["p3@acme.example"]
    done = tenure("operations", "list", "--filter", "state=done", "--limit", "2", "--json").document
    assert len(done) == 2
    assert set(done[0]) >= OPERATION
    assert tenure("runs", "list", "--filter", "kind=execute", "--json").document[0]["done"] == 3
    shown = tenure("person", "show", "3", "--json").document
    assert shown["attributes"]["department"]["value"] == "Legal"
    # Where nobody reads the screen, nothing is cut off.
    assert "p3@acme.example" in tenure("people", "list").out


def test_import_and_its_dry_run(tenure: Tenure, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE + "9,too,many,cells,here\n")
    (tmp_path / "tenure.yaml").write_text(CONFIGURATION)
    assert tenure("config", "apply", tmp_path / "tenure.yaml").code == 0
    dry = tenure("import", "hr", "--dry-run", "--json")
    assert (dry.code, dry.document["dry_run"], Person.objects.count()) == (0, True, 0)
    ended = tenure("import", "hr", "--json")
    assert (ended.code, Person.objects.count()) == (0, 2)
    assert ended.document["counts"]["added"] == 2
    assert ended.document["issues"][0]["line"] == 4
    assert "Reading HR" in ended.err


def test_doctor_has_a_line_for_everything(
    company: Company, tenure: Tenure, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.application("wiki", secrets={"token": "${env:TENURE_TEST_NO_SUCH}"})
    ended = tenure("doctor", "--json")
    lines = {line["what"]: line for line in ended.document}
    assert ended.code == 1
    assert {"database", "migrations", "workers", "clock", "writes"} <= set(lines)
    assert lines["database"]["ok"]
    assert "tenure worker" in lines["workers"]["detail"]
    assert lines["application chat"]["ok"]
    assert "TENURE_TEST_NO_SUCH" in lines["secrets application wiki"]["detail"]
    monkeypatch.setenv("TENURE_TEST_NO_SUCH", "now there is one")
    lines = {line["what"]: line for line in tenure("doctor", "--json").document}
    assert lines["secrets application wiki"]["ok"]


def test_doctor_says_what_is_not_read(company: Company, tenure: Tenure) -> None:
    def reading() -> dict[str, object]:
        lines = {line["what"]: line for line in tenure("doctor", "--json").document}
        return lines.get("reading chat", {})

    apply()
    assert reading() == {}
    chat = Application.objects.filter(slug="chat")
    chat.update(reconcile_every=None)
    never = reading()
    assert (never["ok"], never["warning"]) == (True, True)
    assert "tenure reconcile chat" in str(never["detail"])
    Run.objects.update(state="failed", message="it answers with 502")
    chat.update(reconcile_every=timedelta(days=1), reconciled_at=now() - timedelta(hours=28))
    late = reading()
    assert (late["ok"], "it answers with 502" in str(late["detail"])) == (False, True)


def test_decisions_about_held_operations(company: Company, tenure: Tenure) -> None:
    people = company.people(12)
    apply()
    for person in people:
        change(person, department=None)
    held = tenure("apply", "--yes", "--json")
    assert held.code == 1
    assert held.document["guard"]["held"] is True
    number = Operation.objects.filter(state="held").first().pk  # type: ignore[union-attr]
    wrong = tenure("approve", "--reason", "looked", "--operation", number, "--operation", 999_999)
    assert (wrong.code, Operation.objects.filter(state="held").count()) == (1, 12)
    assert "999999" in wrong.err
    one = tenure("approve", "--reason", "looked", "--operation", number, "--json")
    assert one.document == {"approved": 1, "held_since": 0, "not_due": 0, "taken_over": []}
    rest = tenure("reject", "--reason", "the file was wrong", "--json")
    assert rest.document == {"rejected": 11, "held_since": 0, "not_due": 0}
    assert len(linked()) == 12
    assert Account.objects.filter(active=True).count() == 12


def test_what_nobody_decided_and_what_is_never_touched(company: Company, tenure: Tenure) -> None:
    """Who could own it, why none is made for them, and why another one is left alone."""
    protect = ['account.userName == "owner"']
    memory = company.memories["chat"]
    memory.add_user({"userName": "p1@acme.example", "emails.work": "p2@acme.example"})
    memory.add_user({"userName": "owner"})
    Application.objects.update(matching=BY_BOTH, protect=protect)
    company.people(2)
    assert tenure("plan", "--json").document["operations"] == []
    disputed, owner = sorted(
        tenure("accounts", "list", "--json").document, key=lambda a: a["situation"]
    )
    assert [who["person"] for who in disputed["candidates"]] == ["1", "2"]
    assert (owner["candidates"], owner["protected"]) == ([], 'account.userName == "owner"')
    assert "Person 1 (1), Person 2 (2)" in tenure("accounts", "list").out
    (chat,) = tenure("explain", "1", "--json").document["applications"]
    assert "whose it is has not been decided" in chat["notices"][0]
    assert "has not been decided" in " ".join(tenure("explain", "1").out.split())
    words = tenure("approve", "--application", "chat", "--reason", "looked")
    assert (words.code, words.out) == (0, "No operation is held there.\n")


def test_the_emergency_stop(company: Company, tenure: Tenure) -> None:
    stopped = tenure("stop", "--reason", "nonsense", "--json")
    assert stopped.document == {"writes": "stopped", "application": None}
    assert "resume" in tenure("doctor").out
    resumed = tenure("resume", "--json").document
    assert resumed == {"writes": "on", "application": None, "not_sent": {}}


def test_an_edit_that_names_what_was_never_read_says_so_and_shows_the_rest(
    company: Company, tenure: Tenure, tmp_path: Path
) -> None:
    company.people(2)
    company.memories["chat"].add_user({"userName": "old2", "displayName": "Person 2"})
    assert tenure("plan", "--json").document["unread"] == []
    edit = yaml.safe_load(tenure("config", "export").out)
    edit["applications"]["chat"]["mapping"]["badge"] = "user.employee_number"
    matching = [{"account": "displayName", "person": "display_name"}]
    edit["applications"]["chat"]["matching"] = matching
    (tmp_path / "edit.yaml").write_text(yaml.safe_dump(edit))
    told = tenure("plan", "--config", str(tmp_path / "edit.yaml"), "--json").document
    assert told["unread"] == [{"application": "chat", "attributes": ["badge"]}]
    # Whose accounts are by the new rules is known before they are saved.
    assert told["summary"] == {"create": 1, "update": 1, "grant": 1}
    of_one = tenure("plan", "--config", str(tmp_path / "edit.yaml"), "--person", "1", "--json")
    assert {line["person"] for line in of_one.document["operations"]} == {"1"}
    said = " ".join(tenure("plan", "--config", str(tmp_path / "edit.yaml")).out.split())
    assert "Chat: Its accounts were never read with badge: here it is as if none had it." in said
