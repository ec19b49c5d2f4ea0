"""A value that nobody may read is followed the whole way: from HR into accounts by SCIM and by
hand, through a refusal, a crash, drift and a change. It arrives there; here it is in no plan,
operation, event, page, export, log or letter, and whoever may see it is recorded when they look."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.urls import reverse

from tenure.applications.models import Account, Application
from tenure.audit.models import Action, Event
from tenure.configuration.applying import apply
from tenure.configuration.document import Document
from tenure.configuration.translation import stored
from tenure.core.model import OperationState
from tenure.infra.clock import now
from tenure.notices import collecting
from tenure.people.models import AttributeDefinition
from tenure.people.models import Company as CompanyRow
from tenure.provisioning import services
from tenure.provisioning.execution import claiming
from tenure.provisioning.models import Operation
from tenure.provisioning.reconciliation.reconcile import reconcile_by_slug
from tenure.provisioning.records import veiling
from tenure.rules.models import AccessRule
from tenure.runs.models import Run
from tenure.signin import reminders
from tenure.signin.models import Role
from tenure.sources.models import Source
from tenure.vault import services as vault
from tests.cli.conftest import Tenure, anywhere, tenure
from tests.connectors.odd_patch import Refused
from tests.connectors.odd_scim import Odd, Quirks
from tests.console.conftest import signed_in
from tests.provisioning.company import Company, drain
from tests.provisioning.whole_life import running
from tests.sources import hr

__all__ = ["anywhere", "tenure"]

ADDRESS, MOVED = "Kanarienweg 4711", "Kanarienplatz 4712"
MARK = "kanarien"
#: Where values of people are kept on purpose: who they are, what was last seen of their accounts.
KEPT_IN = {"people_person", "sources_sourcerecord", "applications_account"}
MAPPING = {
    "userName": 'user.employee_number + "@acme.example"',
    "name.familyName": "user.family_name",
    "nickName": "user.private_address",
    "title": 'lower(user.private_address) + ", floor " + string(1)',
}


class Refusing(Odd):
    """Refuses the first users that are made, and says what it does not like of them."""

    refusals = 1

    def _create_user(self, body: dict[str, object]) -> dict[str, object]:
        if self.refusals:
            self.refusals -= 1
            raise Refused(400, f"the nickName {body['nickName']} is none, nor is {body['title']!r}")
        return super()._create_user(body)  # type: ignore[no-any-return]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Odd]:
    monkeypatch.setenv("ODD_TOKEN", "a-token")
    with running(Quirks(), Refusing) as odd:
        yield odd


def configure(address: str) -> Source:
    AttributeDefinition.objects.create(
        name="private_address", label="Private address", type="string", sensitive=True
    )
    scim = {
        "connector": "scim",
        "settings": {"base_url": address},
        "secrets": {"token": "${env:ODD_TOKEN}"},
    }
    broken = {"userName": "user.employee_number", "nickName": "string(date(user.private_address))"}
    for slug, more in (
        ("odd", {**scim, "drift": {"nickName": "report"}}),
        ("desk", {"connector": "manual", "settings": {}, "owner": "desk@acme.example"}),
        ("wrong", {"connector": "memory", "settings": {"name": "wrong"}, "mapping": broken}),
    ):
        mapping = more.pop("mapping", MAPPING)
        Application.objects.create(
            slug=slug,
            name=slug.title(),
            mode="live",
            mapping=[{"attribute": a, "expression": e} for a, e in mapping.items()],
            **more,
        )
    AccessRule.objects.create(
        slug="all",
        name="All",
        condition='user.private_address != "" && has(user.employee_number)',
        gives={"odd": [], "desk": [], "wrong": []},
    )
    mapping = {**hr.MAPPING, "private_address": 'row["Address"]'}
    return hr.source(mapping=mapping)


def told(address: str) -> list[str]:
    return [f"{hr.row(number)},{address}" for number in (1, 2)]


def take(source: Source, folder: Path, address: str) -> None:
    path = hr.write(folder, told(address), f"{hr.HEADER},Address")
    from tenure.sources.importing import import_source

    import_source(source, file=path, accept="a test")


def in_the_tables() -> set[str]:
    """The tables that hold the value."""
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
        found = set()
        for name in names:
            cursor.execute(
                f'SELECT 1 FROM "{name}" AS one WHERE to_jsonb(one)::text ILIKE %s LIMIT 1',
                [f"%{MARK}%"],
            )
            if cursor.fetchone():
                found.add(name)
    return found


def said_by(tenure: Tenure) -> str:
    """Everything that commands print of it; each of them works."""
    commands = (
        ["plan"], ["plan", "--json", "--all"], ["explain", "1"], ["explain", "1", "--json"],
        ["person", "show", "1"], ["people", "list", "--json"], ["accounts", "list", "--json"],
        ["operations", "list", "--json"], ["tasks", "list", "--json"], ["config", "export"],
    )  # fmt: skip
    found = {" ".join(words): tenure(*words) for words in commands}
    assert {words for words, ended in found.items() if ended.code not in (0, 2)} == set()
    return "\n".join(ended.out + ended.err for ended in found.values())


def read_by(role: Role) -> dict[str, str]:
    """Every page that tells of it, as an auditor reads it; for others those that show more to one
    than to another."""
    client, person = signed_in(role), hr.person(1)
    account = Account.objects.filter(application__slug="odd").latest("pk")
    places = [
        ("person", [person.uid], ""), ("account", ["odd", account.pk], ""), ("tasks", [], ""),
        ("plan", [], "?all=1"), ("application_provisioning", ["odd"], "?person=1"),
    ]  # fmt: skip
    if role is Role.AUDITOR:
        places += [
            ("people", [], ""), ("export_people", [], ""), ("ahead", [person.uid], ""),
            ("what_if", [person.uid], "?attribute=title&value=Lead"), ("audit", [], ""),
            ("proof", [person.uid], ""), ("export_audit", [], ""), ("overview", [], ""),
            ("plan_lines", [], "?application=odd"), ("runs", [], ""), ("find", [], "?q=4711"),
            ("palette", [], "?q=4711"), ("rules", [], ""), ("who_gets", ["odd"], ""),
            ("application_provisioning", ["wrong"], "?person=1"),
        ]  # fmt: skip
        tabs = ("application", "application_access", "application_accounts", "application_new")
        places += [(name, ["odd"], "") for name in tabs]
        places += [("run", [run.pk], "") for run in Run.objects.order_by("-pk")[:6]]
    found: dict[str, str] = {}
    for name, arguments, query in places:
        answer = client.get(reverse(f"console:{name}", args=arguments) + query)
        body = b"".join(answer) if answer.streaming else answer.content
        assert answer.status_code in (200, 286), name
        found[f"{name} {arguments} {query}"] = body.decode()
    return found


def test_it_arrives_and_is_read_nowhere(
    company: Company,
    server: Odd,
    tmp_path: Path,
    tenure: Tenure,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    source = configure(server.address)
    take(source, tmp_path, ADDRESS)
    assert (
        len(
            {
                str(line.attributes["nickName"])
                for line in services.preview().lines
                if line.application == "odd"
            }
        )
        == 2
    )
    services.store()
    drain("odd")
    drain("desk")
    drain("wrong")

    # One was refused, with words that repeat it; the other arrived.
    assert [user["nickName"] for user in server.users.values()] == [ADDRESS]
    refused = Operation.objects.get(state="failed")
    assert "(not shown)" in refused.error
    # A worker dies when it has claimed it; the next one sends it.
    services.retry_failed("odd")
    odd = Application.objects.get(slug="odd")
    (claimed, _) = claiming.claim(odd, 10, now())
    assert [row.state for row in claimed] == ["planned"]
    claiming.recover(odd)
    # What was sent has arrived, if it was.
    arrived = now() - timedelta(minutes=5)
    Operation.objects.filter(state="unknown").update(not_before=None, started_at=arrived)
    drain("odd")
    assert [user["title"] for user in server.users.values()] == [f"{ADDRESS.lower()}, floor 1"] * 2
    assert not Operation.objects.filter(state=OperationState.DONE.value).exclude(sealed="").exists()

    # Somebody changes both there: one is reported, the other put right.
    for user in server.users.values():
        user["nickName"], user["title"] = f"{MARK} elsewhere", f"{MARK} other"
    asyncio.run(reconcile_by_slug("odd"))
    services.store()
    drain("odd")
    assert {u["nickName"] for u in server.users.values()} == {f"{MARK} elsewhere"}
    assert {u["title"] for u in server.users.values()} == {f"{ADDRESS.lower()}, floor 1"}
    # HR has another one: both are ours again.
    take(source, tmp_path, MOVED)
    services.store()
    drain("odd")
    assert {u["nickName"] for u in server.users.values()} == {MOVED}

    drain("desk")
    monkeypatch.setattr(reminders, "_MORNING", 0)
    CompanyRow.objects.update(tasks_to="it@acme.example")
    Operation.objects.filter(state="manual").update(asked_at=now() - timedelta(days=9))
    assert reminders.remind(now())
    pages = {
        f"{role.value}: {name}": page
        for role in (Role.HELP_DESK, Role.AUDITOR, Role.ADMINISTRATOR)
        for name, page in read_by(role).items()
    }
    assert [name for name, page in pages.items() if MARK in page.casefold()] == []
    assert sum("(sensitive " in page for page in pages.values()) > 12
    said = said_by(tenure)
    assert MARK not in said.casefold()
    assert said.count("(sensitive ") > 12
    assert MARK not in "".join(str(one) for one in collecting.waiting()).casefold()
    assert MARK not in caplog.text.casefold()
    # Letters, notices, runs and their issues, jobs and the trail are tables.
    assert in_the_tables() <= KEPT_IN


def test_whoever_may_see_it_says_why_and_is_recorded(
    company: Company, server: Odd, tmp_path: Path, tenure: Tenure
) -> None:
    take(configure(server.address), tmp_path, ADDRESS)
    services.store()
    drain("desk")
    task = Operation.objects.filter(state="manual").latest("pk")
    person = task.person
    assert person is not None
    page = reverse("console:sensitive", args=[person.uid])
    for role in (Role.HELP_DESK, Role.AUDITOR):
        client = signed_in(role)
        assert client.post(page, {"reason": "I wonder"}).status_code == 403
        # Neither do they find it out by asking who has it.
        asked = reverse("console:who_meets") + "?when=user.private_address+%3D%3D+%22x%22"
        assert client.get(asked).status_code == 403
    owner = signed_in(Role.ADMINISTRATOR)
    assert MARK not in owner.get(page).content.decode().casefold()
    assert owner.post(page, {"reason": " "}).status_code == 422
    assert not Event.objects.filter(action=Action.SENSITIVE_SEEN).exists()
    shown = owner.post(page, {"reason": "a parcel came back"}).content.decode()
    # Of the person, and in the two operations that wait; each with what is computed from it.
    assert (shown.count(ADDRESS), shown.count(ADDRESS.lower())) == (3, 2)
    assert ADDRESS in tenure("tasks", "show", task.pk, "--sensitive").out
    assert ADDRESS in tenure("person", "show", "2", "--sensitive").out
    events = list(Event.objects.filter(action=Action.SENSITIVE_SEEN).order_by("pk"))
    assert [event.reason for event in events] == ["a parcel came back", "", ""]
    assert MARK not in " ".join(str(event.after) for event in events).casefold()


def test_a_new_key_takes_what_waits_along(company: Company, server: Odd, tmp_path: Path) -> None:
    take(configure(server.address), tmp_path, ADDRESS)
    services.store()
    before = set(Operation.objects.exclude(sealed="").values_list("sealed", flat=True))
    vault.rotate()
    after = Operation.objects.exclude(sealed="")
    assert len(before) == len(after) == 4
    assert before.isdisjoint(after.values_list("sealed", flat=True))
    assert {veiling.private(row)["nickName"].after for row in after} == {ADDRESS}
    # What is the same stays as it is, decisions and all: digests have a key of their own.
    kept = set(after.values_list("pk", flat=True))
    services.store()
    assert (
        set(Operation.objects.filter(state__in=["planned", "held"]).values_list("pk", flat=True))
        == kept
    )


def test_what_was_kept_before_it_was_called_sensitive_is_veiled_then(
    company: Company, server: Odd, tmp_path: Path
) -> None:
    source = configure(server.address)
    AttributeDefinition.objects.update(sensitive=False)
    take(source, tmp_path, ADDRESS)
    server.refusals = 0  # type: ignore[attr-defined]
    services.store()
    drain("odd")
    assert in_the_tables() > KEPT_IN
    before = stored().attributes
    assert before is not None
    secret = before["private_address"].model_copy(update={"sensitive": True})
    apply(Document(attributes={"private_address": secret}))
    # The trail alone says what it said.
    assert in_the_tables() == {*KEPT_IN, "audit_event"}
    drain("desk")
    assert Operation.objects.filter(state="manual").exclude(sealed="").count() == 2


def test_a_value_that_cannot_be_opened_any_more_is_planned_anew(
    company: Company, server: Odd, tmp_path: Path
) -> None:
    take(configure(server.address), tmp_path, ADDRESS)
    server.refusals = 0  # type: ignore[attr-defined]
    services.store()
    Operation.objects.filter(application__slug="odd").update(sealed="gone.AAAA")
    drain("odd")
    assert server.users == {}
    assert set(Operation.objects.filter(state="failed").values_list("error", flat=True)) == {
        "Its sensitive values cannot be opened: the key that sealed them is not there. It is "
        "planned anew."
    }
    services.store()
    drain("odd")
    assert {user["nickName"] for user in server.users.values()} == {ADDRESS}
