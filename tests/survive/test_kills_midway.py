"""kill -9 of real processes in the middle of an import, a plan that is stored, an approval, a
reading of an application, a new key, the seal. Each is caught at a row that is known, never after
so many seconds.
"""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from tests.sources import hr
from tests.survive.installation import PEOPLE, Installation, until
from tests.survive.midway import kill_in_the_middle

pytestmark = pytest.mark.long

UNPLANNED = pytest.mark.parametrize("installed", [{"planned": False}], indirect=True)
#: Two transactions of an import, and half of a third (`importing.CHUNK`).
ROWS = 4500
LEAVERS = range(1, 41)
SOURCE = """
import django
django.setup()
from tenure.people.models import Person
from tests.sources.hr import source
Person.objects.all().delete()
source(guard={"leavers": {"percent": 50}})
"""
HOLD = """
import django
django.setup()
from tenure.applications.models import Application
Application.objects.update(guard={"creates": {"most": 10}})
"""
SECRETS = """
import django
django.setup()
from tenure.vault.services import keep, put_ours
for number in range(6):
    keep(f"token-{number}", f"secret {number}")
put_ours("of-ours", "ours")
"""
OPENED = """
import django
django.setup()
from tenure.vault import services as vault
assert list(vault.unreadable()) == []
assert [vault.opened(f"token-{n}") for n in range(6)] == [f"secret {n}" for n in range(6)]
assert vault.get_ours("of-ours") == "ours"
"""


def one(installed: Installation, statement: str) -> int:
    return int(str(installed.query(statement)[0][0]))


def file_of(folder: Path, *, left: bool) -> Path:
    """Everybody, some of whom have left by then."""
    gone = set(LEAVERS) if left else set()
    rows = [hr.row(n, status="Left" if n in gone else "Active") for n in range(1, ROWS + 1)]
    return hr.write(folder, rows)


def assert_everybody_once(installed: Installation) -> None:
    numbers = Counter(n for (n,) in installed.query("SELECT employee_number FROM people_person"))
    assert set(numbers.values()) == {1}
    assert len(numbers) == ROWS
    assert one(installed, "SELECT count(DISTINCT key) FROM sources_sourcerecord") == ROWS
    assert one(installed, "SELECT count(*) FROM sources_sourcerecord") == ROWS
    assert one(installed, "SELECT count(DISTINCT email) FROM people_person") == ROWS


@pytest.mark.parametrize("table", ["people_person", "sources_sourcerecord"])
@UNPLANNED
def test_an_import(table: str, installed: Installation, tmp_path: Path) -> None:
    """In its second chunk, when that writes people and when they are written: what was taken is
    kept, the next one takes the rest, nobody is twice."""
    installed.python("-c", SOURCE)
    file = str(file_of(tmp_path, left=False))
    kill_in_the_middle(installed, table, "import", "hr", "--file", file, row=3000)
    assert one(installed, "SELECT count(*) FROM people_person") == 2000
    assert one(installed, "SELECT count(*) FROM sources_sourcerecord") == 2000
    again = installed.tenure("import", "hr", "--file", file, "--json")
    assert again.returncode == 0, again.stderr
    assert_everybody_once(installed)
    states = installed.query("SELECT state FROM runs_run WHERE kind = 'import' ORDER BY id")
    assert states == [("failed",), ("done",)]


@pytest.mark.parametrize(
    ("table", "what", "when"),
    [
        ("people_person", "UPDATE", "OLD.state <> 'left' AND NEW.state = 'left'"),
        ("audit_event", "INSERT", "NEW.after ->> 'state' = 'left'"),
    ],
)
@UNPLANNED
def test_an_import_that_makes_leavers(
    table: str, what: str, when: str, installed: Installation, tmp_path: Path
) -> None:
    """Killed at the twentieth of forty, when that is written and when it is told: nobody has left,
    and the next one has all of them leave."""
    installed.python("-c", SOURCE)
    first = installed.tenure("import", "hr", "--file", str(file_of(tmp_path, left=False)))
    assert first.returncode == 0
    file = str(file_of(tmp_path, left=True))
    kill_in_the_middle(
        installed, table, "import", "hr", "--file", file, row=20, what=what, when=when
    )
    left = "SELECT count(*) FROM people_person WHERE state = 'left'"
    told = "SELECT count(*) FROM audit_event WHERE after ->> 'state' = 'left'"
    assert (one(installed, left), one(installed, told)) == (0, 0)
    assert installed.tenure("import", "hr", "--file", file).returncode == 0
    assert (one(installed, left), one(installed, told)) == (len(LEAVERS), len(LEAVERS))
    assert_everybody_once(installed)


@pytest.mark.parametrize(
    ("table", "what", "when"),
    [
        ("provisioning_operation", "INSERT", ""),
        ("people_person", "UPDATE", "NEW.planned_generation > OLD.planned_generation"),
    ],
)
@UNPLANNED
def test_a_plan_that_is_stored(table: str, what: str, when: str, installed: Installation) -> None:
    """It is there whole or not at all, with what is told of it."""
    kill_in_the_middle(installed, table, "apply", "--yes", row=100, what=what, when=when)
    assert installed.states() == {}
    lagging = "SELECT count(*) FROM people_person WHERE planned_generation < generation"
    assert one(installed, lagging) == PEOPLE
    assert installed.names() == []
    worker = installed.worker("worker")
    assert installed.tenure("apply", "--yes").returncode == 0
    installed.assert_all_there_once()
    assert worker.poll() is None


@UNPLANNED
def test_an_approval(installed: Installation) -> None:
    """Of a large held plan: everything of it stays held, and nothing is sent."""
    installed.python("-c", HOLD)
    installed.tenure("apply", "--yes", "--no-wait")
    assert installed.states() == {"held": PEOPLE}
    approve = ["approve", "--application", "app0", "--reason", "looked at"]
    kill_in_the_middle(
        installed, "provisioning_operation", *approve,
        row=100, what="UPDATE", when="NEW.decided_by <> ''",
    )  # fmt: skip
    assert installed.states() == {"held": PEOPLE}
    assert one(installed, "SELECT count(*) FROM audit_event WHERE action = 'plan.approved'") == 0
    installed.worker("worker")
    assert installed.tenure(*approve).returncode == 0
    until(lambda: installed.states() == {"done": PEOPLE})
    installed.assert_all_there_once()
    assert one(installed, "SELECT count(*) FROM audit_event WHERE action = 'plan.approved'") == 1


def test_a_reading_of_an_application(installed: Installation) -> None:
    """Nobody's account counts as gone; the next one reads all of it, and closes what was begun."""
    assert installed.tenure("apply", "--yes").returncode == 0
    strangers = 120
    for number in range(strangers):
        body = json.dumps({"userName": f"stranger{number}", "active": True}).encode()
        headers = {"Authorization": "Bearer a-token", "Content-Type": "application/scim+json"}
        request = urllib.request.Request(f"{installed.address}/Users", body, headers)
        urllib.request.urlopen(request, timeout=10).close()
    kill_in_the_middle(installed, "applications_account", "reconcile", "app0", row=60)
    situations = "SELECT situation, count(*) FROM applications_account GROUP BY 1 ORDER BY 1"
    half = dict(installed.query(situations))
    assert half.pop("linked") == PEOPLE
    assert sum(int(str(count)) for count in half.values()) < strangers
    assert installed.tenure("reconcile", "app0").returncode == 0
    assert installed.query(situations) == [("linked", PEOPLE), ("unmatched", strangers)]
    ids = "SELECT count(DISTINCT remote_id) FROM applications_account"
    assert one(installed, ids) == PEOPLE + strangers
    states = installed.query("SELECT state FROM runs_run WHERE kind = 'reconcile' ORDER BY id")
    assert states[-2:] == [("failed",), ("done",)]


def test_a_new_key(installed: Installation) -> None:
    """What is sealed opens all the time, with the keys that are there."""
    installed.python("-c", SECRETS)
    sealed = "SELECT name, value FROM vault_sealed ORDER BY id"
    before = installed.query(sealed)
    kill_in_the_middle(installed, "vault_sealed", "secrets", "rotate", row=4, what="UPDATE")
    assert installed.query(sealed) == before
    assert installed.python("-c", OPENED) == 0
    assert installed.tenure("secrets", "rotate").returncode == 0
    after = installed.query(sealed)
    assert len({str(value).partition(".")[0] for _, value in after}) == 1
    assert installed.python("-c", OPENED) == 0


def test_the_seal(installed: Installation) -> None:
    """The chain has no gap and no place twice, and whoever seals next goes on where it ended."""
    assert installed.tenure("apply", "--yes").returncode == 0
    kill_in_the_middle(installed, "audit_event", "worker", row=20, what="UPDATE")
    sealed = "SELECT count(*) FROM audit_event WHERE position IS NOT NULL"
    assert one(installed, sealed) == 0
    installed.worker("worker")
    until(lambda: one(installed, "SELECT count(*) FROM audit_event WHERE position IS NULL") == 0)
    verified = installed.tenure("audit", "verify", "--json")
    assert verified.returncode == 0, verified.stdout
    places = installed.query("SELECT position FROM audit_event ORDER BY position")
    assert [int(str(place)) for (place,) in places] == list(range(1, len(places) + 1))
