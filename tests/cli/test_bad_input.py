"""Mistakes of a user: one clear sentence, exit code 1, nothing changed, never a traceback."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tenure.people.models import Person
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tenure.rules.models import AccessRule
from tenure.runs.models import Run
from tests.cli.conftest import Tenure
from tests.provisioning.company import Company, apply, change

NOBODY = "Nobody has the employee number"


MISTAKES: list[tuple[list[str], str]] = [
    (["plan", "-p", "1", "--with", "start_date=soon"], "start_date is a day such as"),
    (["plan", "-a", "chatt"], "There is no application 'chatt'. Did you mean chat? Applications"),
    (["plan", "-p", "99"], NOBODY),
    (["apply", "--yes", "-a", "chatt"], "Applications: chat"),
    (["import", "hr"], "There is no source 'hr'"),
    (["reconcile", "chatt"], "Applications: chat"),
    (["explain", "99"], NOBODY),
    (["explain", "1", "chatt"], "Applications: chat"),
    (["person", "show", "99"], NOBODY),
    (["terminate", "99", "--now"], NOBODY),
    (["terminate", "1"], "--now, or --at"),
    (["terminate", "1", "--at", "yesterday"], "ISO 8601"),
    (["retry", "-a", "chatt"], "Applications: chat"),
    (["approve", "--reason", "x", "-a", "chatt"], "Applications: chat"),
    (["approve", "--reason", " "], "reason"),
    (["people", "list", "-f", "colour=red"], "expected field=value"),
    (["people", "list", "-f", "state=gone"], "on_leave"),
    (["people", "list", "-f", "state"], "expected field=value"),
    (["accounts", "list", "-f", "active=maybe"], "neither true nor false"),
    (["accounts", "list", "-f", "application=chatt"], "Applications: chat"),
    (["accounts", "list", "-f", "person=99"], NOBODY),
    (["operations", "list", "-f", "run=abc"], "no number"),
    (["operations", "list", "-f", "kind=remove"], "revoke"),
    (["runs", "list", "-f", "kind=export"], "reconcile"),
    (["config", "apply", "missing.yaml"], "missing.yaml"),
    (["config", "export", "-o", "/missing/tenure.yaml"], "cannot be written"),
]


def test_a_run_that_cannot_be_steered_says_why(company: Company, tenure: Tenure) -> None:
    company.person("1")
    number = str(services.store().run.pk)
    Run.objects.update(state="done")
    for verb in ("pause", "resume", "cancel"):
        ended = tenure("runs", verb, number)
        assert (ended.code, ended.out) == (1, "")
        assert f"Run {number} is done, not " in ended.err
        assert "Traceback" not in ended.err


def test_a_termination_while_an_account_is_made_is_not_told_as_done(
    company: Company, tenure: Tenure
) -> None:
    company.person("1")
    services.store()
    Operation.objects.update(state="started", attempts=1)
    ended = tenure("terminate", "1", "--now", "--no-wait", "--reason", "dismissed")
    assert ended.code == 1
    assert "Their account in Chat is just being made." in ended.out


def test_a_termination_while_an_account_is_changed_is_not_told_as_done(
    company: Company, tenure: Tenure
) -> None:
    person = company.person("1")
    apply()
    change(person, title="Chief")
    services.store()
    Operation.objects.filter(kind="update").update(state="started", attempts=1)
    ended = tenure("terminate", "1", "--now", "--no-wait", "--reason", "dismissed")
    assert ended.code == 1
    assert "Something is just under way at that in Chat." in ended.out
    ended = tenure("terminate", "1", "--now", "--no-wait", "--json", "--reason", "dismissed")
    assert ended.document["being_changed"] == ["Chat"]


def test_unknown_names_and_values(company: Company, tenure: Tenure) -> None:
    company.person("1")
    for arguments, said in MISTAKES:
        ended = tenure(*arguments)
        assert (ended.code, ended.out) == (1, ""), arguments
        assert said in ended.err
        assert "Traceback" not in ended.err
        ended = tenure(*arguments, "--json")
        assert ended.code == 1
        assert set(ended.document) <= {"error", "problems"}
    assert Person.objects.get().terminated_at is None


def test_a_file_that_does_not_exist(tenure: Tenure, tmp_path: Path) -> None:
    from tests.cli.test_contract import CONFIGURATION

    (tmp_path / "tenure.yaml").write_text(CONFIGURATION)
    assert tenure("config", "apply", tmp_path / "tenure.yaml").code == 0
    for arguments in (["import", "hr"], ["import", "hr", "--file", str(tmp_path / "no.csv")]):
        ended = tenure(*arguments)
        assert ended.code == 1
        assert ".csv cannot be read: No such file" in ended.err


def test_an_expression_that_does_not_compile_changes_nothing(
    company: Company, tenure: Tenure, tmp_path: Path
) -> None:
    file = tmp_path / "tenure.yaml"
    file.write_text(
        "rules:\n"
        "  everyone: {name: Everyone, when: has(user.department), give: {chat: []}}\n"
        "  sales:\n    name: Sales\n    when: user.departmnt == 'Sales'\n    give: {chat: []}\n"
    )
    ended = tenure("config", "apply", file)
    assert ended.code == 1
    assert f"{file}:5:" in ended.err
    assert "rules.sales.when" in ended.err
    assert "did you mean user.department" in ended.err
    assert AccessRule.objects.get(slug="everyone").gives == {"chat": ["group:all"]}


def test_a_mapping_without_a_user_name_is_found_before_anything_else(
    anywhere: Tenure, tmp_path: Path
) -> None:
    file = tmp_path / "tenure.yaml"
    file.write_text(
        "applications:\n  chat:\n    name: Chat\n    connector: scim\n"
        '    settings: {base_url: "https://chat.example/v2"}\n'
        '    secrets: {token: "${env:CHAT_TOKEN}"}\n'
        "    mapping:\n      displayName: user.display_name\n"
    )
    ended = anywhere("config", "check", file)
    assert ended.code == 1
    assert f"{file}:7:5: applications.chat.mapping: userName is missing" in ended.err


def test_a_mapping_that_gives_an_empty_user_name(company: Company, tenure: Tenure) -> None:
    from tenure.applications.models import Application

    nickname = 'has(user.preferred_name) ? user.preferred_name : ""'
    company.person("1")
    Application.objects.update(mapping=[{"attribute": "userName", "expression": nickname}])
    ended = tenure("plan")
    assert ended.code == 1
    assert "Nothing to do" not in ended.out
    assert "Person 1 (1) in chat: userName came out empty" in ended.out
    assert tenure("plan", "--json").document["problems"][0]["person"] == "1"
    ended = tenure("apply", "--yes")
    assert (ended.code, company.users()) == (1, {})
    assert "Not planned: Person 1" in ended.out


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "postgresql://tenure:x@127.0.0.1:1/tenure", "does not answer"),
        ("DATABASE_URL", "mysql://tenure@db/tenure", "begins with mysql://"),
        ("TENURE_LOG_LEVEL", "loud", "TENURE_LOG_LEVEL is none of DEBUG"),
    ],
)
def test_no_database_or_a_wrong_setting(
    name: str, value: str, said: str, elsewhere: Tenure
) -> None:
    ended = elsewhere(["people", "list", "--json"], **{name: value})
    assert ended.code == 1
    assert said in ended.err
    assert said in ended.document["error"]
    assert "Traceback" not in ended.err


def test_doctor_without_a_database_says_so(elsewhere: Tenure) -> None:
    url = "postgresql://tenure:x@127.0.0.1:1/tenure"
    ended = elsewhere(["doctor", "--json"], DATABASE_URL=url)
    assert ended.code == 1
    assert [(line["what"], line["ok"]) for line in ended.document] == [("database", False)]


@pytest.mark.parametrize("command", ["up", "web"])
def test_a_port_that_is_taken_is_told_at_once(command: str, anywhere: Tenure) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = anywhere(command, "--port", taken.getsockname()[1])
    assert ended.code == 1
    assert "Choose another --port" in ended.err


def test_who_may_have_been_meant_is_said(company: Company, tenure: Tenure) -> None:
    """By a part of the name, without accents, or by a number without its zeros."""
    found = company.person("000107")
    Person.objects.filter(pk=found.pk).update(display_name="Gábor Nagy")
    for given in ("gabor", "107"):
        told = tenure("explain", given)
        assert (told.code, told.out) == (1, "")
        assert "Did you mean Gábor Nagy (000107)?" in told.err
    assert "Did you mean" not in tenure("explain", "07x").err


def test_terminating_who_has_left_says_so(company: Company, tenure: Tenure) -> None:
    company.person("1")
    assert "has left already" not in tenure("terminate", "1", "--now").err
    again = tenure("terminate", "1", "--now")
    assert again.code == 0
    assert "has left already" in again.err
