"""`tenure application check` and `attributes` on servers that are there: what they print, what they
keep, and that nothing is left behind when the command is interrupted, stopped or killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from tenure.applications.models import Application
from tenure.connectors.scim import declared
from tests.cli.conftest import Tenure
from tests.connectors.odd_scim import Odd, Quirks
from tests.provisioning.company import Company
from tests.provisioning.whole_life import application, running


class Slow(Odd):
    """Takes its time over a change, so that there is time to interrupt."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.go_on = Event()

    async def _answer(self, request: Any, parts: list[str]) -> Any:
        if request.method == "PATCH":
            await asyncio.to_thread(self.go_on.wait, 5)
        return await super()._answer(request, parts)


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ODD_TOKEN", "abcdef")
    declared.forget()
    yield
    declared.forget()


def test_a_check_reads_and_says_that_it_only_read(tenure: Tenure, company: Company) -> None:
    ended = tenure("application", "check", "chat")
    assert ended.code == 0
    assert [line.split()[0] for line in ended.out.splitlines()] == ["works"] * 3
    assert "--write tries the rest" in ended.err
    assert company.memories["chat"].history == []


def test_a_check_with_an_account_keeps_what_fits(tenure: Tenure, transactional_db: None) -> None:
    with running(Quirks(count="broken", typed=False)) as odd:
        application(odd.address, {})
        shown = tenure("application", "check", "odd", "--write")
        assert shown.code == 0, shown
        assert "    typed: false" in shown.out
        assert "Not kept" in shown.err
        assert Application.objects.get().settings["dialect"] == {}
        kept = tenure("application", "check", "odd", "--write", "--save", "--json")
        assert kept.code == 0, kept
        document = kept.document
        assert document["ok"] is document["saved"] is document["write"] is True
        assert document["settings"]["dialect"] == {"typed": False, "pages": {"count": False}}
        assert {step["outcome"] for step in document["steps"]} == {"works"}
        again = tenure("application", "check", "odd", "--write", "--json").document
        assert (again["settings"], again["notes"], again["left"]) == ({}, [], [])
        assert (odd.users, odd.groups) == ({}, {})


def test_what_fails_is_said_and_ends_with_1(tenure: Tenure, company: Company) -> None:
    company.application("wiki", secrets={"token": "${env:TENURE_TEST_NO_SUCH}"})
    ended = tenure("application", "check", "wiki")
    assert ended.code == 1
    assert ended.out.startswith("fails")
    assert "TENURE_TEST_NO_SUCH" in ended.out
    assert tenure("application", "check", "nothing").code == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_it_leaves_nothing_and_killed_the_next_one_removes_it(
    tenure: Tenure, database_url: str, how: signal.Signals
) -> None:
    with running(Quirks(), Slow) as odd:
        application(odd.address, {})
        # What a shell runs in the background ignores SIGINT, and so does whatever that starts.
        heard = ["env", "--default-signal=INT"]
        process = subprocess.Popen(
            [*heard, sys.executable, "-m", "tenure", "application", "check", "odd", "--write"],
            env={**os.environ, "DATABASE_URL": database_url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 90
        while not any(method == "PATCH" for method, _ in odd.asked):
            assert time.monotonic() < deadline, process.communicate()
            time.sleep(0.02)
        process.send_signal(how)
        _, said = process.communicate(timeout=90)
        odd.go_on.set()
        assert "Traceback" not in said
        if how is signal.SIGKILL:
            (left,) = odd.users.values()
            assert left["userName"].startswith("tenure-canary-")
            ended = tenure("application", "check", "odd", "--write")
            assert "is being checked already" in ended.err
            Application.objects.get().checks.update(touched_at="2026-01-01T00:00:00Z")
            ended = tenure("application", "check", "odd", "--write")
            assert ended.code == 0
            assert "1 removed." in ended.out
        else:
            assert process.returncode == 1
            assert "What was made there is removed." in said
        assert (odd.users, odd.groups) == ({}, {})


def test_attributes_are_listed_with_what_is_mapped(tenure: Tenure, transactional_db: None) -> None:
    with running(Quirks()) as odd:
        application(odd.address, {})
        odd._create_user({"userName": "ann", "name": {"givenName": "Ann"}, "nickName": "A"})
        shown = tenure("application", "attributes", "odd", "--json").document
        names = {one["name"]: one["mapped"] for one in shown}
        # It publishes no schemas: what accounts have is what there is.
        assert names == {
            "active": False,
            "name.givenName": True,
            "nickName": False,
            "userName": True,
        }
        ended = tenure("application", "attributes", "odd")
        assert "Mapped, and not among these: emails.work" in ended.err


def test_an_application_that_does_not_tell_its_attributes(tenure: Tenure, company: Company) -> None:
    ended = tenure("application", "attributes", "chat")
    assert ended.code == 1
    assert "does not say" in ended.err
