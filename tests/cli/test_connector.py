"""`tenure connector`: a beginning, a check, a recording."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Tenure
from tests.connectors.rest.intranet import KEY, intranet

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-connector.md"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with intranet(tmp_path_factory.mktemp("intranet") / "log") as running:
        yield running


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The finished specification of the how-to."""
    text = PAGE.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    (tmp_path / "intranet.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("INTRANET_KEY", KEY)
    return tmp_path / "intranet.yaml"


def test_a_new_one_is_right_at_once(
    anywhere: Tenure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = anywhere(
        "connector", "new", "My App", "--auth", "session", "--paging", "cursor", "--json"
    )
    assert made.document == {"file": "my-app.yaml"}
    assert anywhere("connector", "check", "my-app.yaml").code == 0
    again = anywhere("connector", "new", "My App")
    assert (again.code, "is there already" in again.err) == (1, True)
    wrong = anywhere("connector", "new", "Other", "--auth", "magic")
    assert "Expected one of bearer, header" in wrong.err


def test_the_schema_is_one(anywhere: Tenure) -> None:
    document = anywhere("connector", "schema").document
    assert document["$schema"].endswith("2020-12/schema")
    assert {"name", "base_url", "account", "requests"} <= set(document["required"])


def test_a_file_is_checked_without_an_application(anywhere: Tenure, file: Path) -> None:
    right = anywhere("connector", "check", file, "--json")
    assert right.document["can"]["disable"] == "POST /staff/{id}/close"
    assert right.document["can"]["delete"].startswith("Nothing to do")
    file.write_text(file.read_text().replace("=page.offset", "=page.ofset"))
    wrong = anywhere("connector", "check", file, "--json")
    assert wrong.code == 1
    assert wrong.document["problems"][0].startswith(f"{file}:27:13: requests.list.query.from")


def test_it_is_read_and_written(anywhere: Tenure, file: Path, address: str, tmp_path: Path) -> None:
    settings = tmp_path / "trial.yaml"
    settings.write_text(
        f"settings: {{url: {address}}}\nsecrets: {{key: '${{env:INTRANET_KEY}}'}}\n"
    )
    ended = anywhere(
        "connector", "check", file, "--settings", settings, "--write", "--group", "group:1",
        "--value", "displayName=Canary {canary}", "--json",
    )  # fmt: skip
    assert ended.code == 0, ended.out
    outcomes = {step["what"]: step["outcome"] for step in ended.document["steps"]}
    assert "fails" not in outcomes.values()
    assert outcomes["Put it into a group"] == outcomes["Take it out of the group"] == "works"
    assert outcomes["Delete it"] == "differs"
    assert (ended.document["ok"], ended.document["left"]) == (True, [])
    again = anywhere("connector", "check", file, "--settings", settings, "--write", "--json")
    details = {step["what"]: step["detail"] for step in again.document["steps"]}
    # It stays there, closed, since nothing is ever deleted; and is not taken for somebody.
    assert details["Left by earlier checks"] == "1 removed."


def test_a_wrong_key_is_told_and_not_shown(
    anywhere: Tenure, file: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTRANET_KEY", "a-wrong-key")
    ended = anywhere(
        "connector", "check", file, "--set", f"url={address}", "--secret", "key=env:INTRANET_KEY"
    )
    assert ended.code == 1
    assert "fails     Accounts" in ended.out
    assert "wrong key" in ended.out
    assert "a-wrong-key" not in ended.out + ended.err


def test_it_is_recorded_and_played(
    anywhere: Tenure, file: Path, address: str, tmp_path: Path
) -> None:
    target = tmp_path / "recorded.json"
    options = ["--set", f"url={address}", "--secret", "key=env:INTRANET_KEY"]
    recorded = anywhere(
        "connector",
        "record",
        file,
        "-o",
        target,
        *options,
        "--write",
        "--group",
        "group:2",
        "--json",
    )
    assert recorded.document["file"] == str(target)
    assert recorded.document["exchanges"] == len(json.loads(target.read_text())["exchanges"]) > 10
    played = anywhere(
        "connector", "check", file, "--replay", target, "--group", "group:2", "--json"
    )
    assert (played.code, played.document["ok"], len(played.document["steps"])) == (0, True, 19)
    file.write_text(file.read_text().replace("/close", "/shut"))
    changed = anywhere(
        "connector", "check", file, "--replay", target, "--group", "group:2", "--json"
    )
    assert changed.code == 1
    (wrong,) = [step for step in changed.document["steps"] if step["what"] == "Close it"]
    assert "is not in the recording" in wrong["detail"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--set", "url"], "--set 'url' is no NAME=VALUE"),
        (["--set", "url=https://x.example"], "The secret key is missing"),
        (["--set", "url=https://x.example", "--secret", "key=abc"], "is never written here"),
        (["--set", "url=https://x.example", "--secret", "key=env:NOT_SET"], "NOT_SET is not set"),
        (["--set", "ulr=x", "--secret", "key=env:INTRANET_KEY"], "url"),
        (["--settings", "/nowhere.yaml"], "cannot be read"),
        (["--replay", "/nowhere.json"], "cannot be played"),
    ],
)
def test_what_is_missing_or_wrong_is_one_sentence(
    options: list[str], told: str, anywhere: Tenure, file: Path
) -> None:
    ended = anywhere("connector", "check", file, *options)
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err


CONFIGURATION = """\
company: {name: Acme, domain: acme.example, plans: review}
sources:
  hr:
    name: HR
    reader: csv
    settings: {path: people.csv}
    mapping:
      employee_number: row["Employee ID"]
      given_name: row["First name"]
      family_name: row["Last name"]
      email: row["E-mail"]
      department: row["Department"]
applications:
  intranet:
    name: Intranet
    connector: rest
    mode: live
    settings: {spec_file: intranet.yaml, url: "%s"}
    secrets: {key: "${env:INTRANET_KEY}"}
    mapping:
      userName: user.email
      displayName: user.given_name + " " + user.family_name
      emails.work: user.email
    matching: [{account: emails.work, person: email}]
    removal: {then: disable}
    guard: {removals: {percent: 100, floor: 10}}
    entitlements: ["group:Sales"]
rules:
  everyone: {name: Everyone, when: has(user.email), give: {intranet: []}}
  sales: {name: Sales, when: 'user.department == "Sales"', give: {intranet: ["group:Sales"]}}
"""
PEOPLE = """\
Employee ID,First name,Last name,E-mail,Department
1,Ada,Byron,ada.byron@acme.example,Sales
2,Joan,Clarke,joan.clarke@acme.example,Sales
3,Mary,Somerville,mary.somerville@acme.example,Research
"""


def test_the_engine_manages_accounts_by_a_specification(
    tenure: Tenure, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a file of HR to accounts in an application that nobody wrote code for, and back."""
    monkeypatch.chdir(tmp_path)
    with intranet(tmp_path / "log") as address:
        (tmp_path / "tenure.yaml").write_text(CONFIGURATION % address)
        (tmp_path / "people.csv").write_text(PEOPLE)
        assert tenure("config", "apply", "tenure.yaml").code == 0
        assert tenure("import", "hr").code == 0
        assert tenure("reconcile", "intranet").code == 0
        applied = tenure("apply", "--yes", "--json")
        assert applied.code == 0, applied.err
        staff = {one["login"]: one for one in _asked(address, "staff")["staff"]}
        # Ada was there already and is taken over; the other two are made.
        assert len(staff) == 8
        assert staff["joan.clarke@acme.example"]["name"] == "Joan Clarke"
        sales = {team["title"]: team["numbers"] for team in _asked(address, "teams")}["Sales"]
        wanted = {staff[f"{name}@acme.example"]["no"] for name in ("ada.byron", "joan.clarke")}
        assert set(sales) == wanted
        assert tenure("terminate", "2", "--now", "--reason", "for this test").code == 0
        staff = {one["login"]: one for one in _asked(address, "staff")["staff"]}
        assert staff["joan.clarke@acme.example"]["status"] == "C"
        assert staff["ada.byron@acme.example"]["status"] == "A"


def _asked(address: str, what: str) -> Any:
    asked = urllib.request.Request(f"{address}/api/{what}", headers={"X-Intranet-Key": KEY})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.loads(answer.read())
