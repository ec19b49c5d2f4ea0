"""From nothing to accounts in a real SCIM server, by pages alone: what an administrator does on the
first day, with a worker that works as it does anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import expect

from tenure.infra.postgres import EmbeddedPostgres
from tenure.people.models import Person
from tenure.rules.models import AccessRule
from tests.browser.conftest import PATIENCE, Opener, Window
from tests.browser.test_pages import look
from tests.connectors.servers import TOKEN, scim2_server
from tests.console.company import make_company

PEOPLE = """\
Personalnummer;Vorname;Nachname;E-Mail;Abteilung;Status;Eintritt;Austritt
1001;Anna;Kovács;;Sales;Aktiv;01.03.2024;
1002;Jörg;Müller;;Sales;Aktiv;01.05.2024;
1003;Zoë;van der Meer;;Support;Aktiv;15.09.2023;
1004;Jorge;Ortiz;;Sales;Ausgeschieden;01.01.2022;30.06.2024
1005;Mei-Ling;Wang;;Sales;Aktiv;32.01.2024;
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Where a SCIM server of its own answers, with nobody in it."""
    with scim2_server(tmp_path / "server.log") as address:
        yield f"{address}/acme/v2"


def users(server: str) -> list[str]:
    """Who is there, asked without Tenure."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with urllib.request.urlopen(urllib.request.Request(f"{server}/Users", headers=headers)) as got:
        return sorted(user["userName"] for user in json.load(got)["Resources"])


@pytest.fixture
def worker(postgres: EmbeddedPostgres, transactional_db: None) -> Iterator[None]:
    name = connection.settings_dict["NAME"]
    database = postgres.url().replace("/tenure?", f"/{name}?")
    process = subprocess.Popen(
        [sys.executable, "-m", "tenure", "worker", "--name", "first-run"],
        env={**os.environ, "DATABASE_URL": database, "FIRST_RUN_TOKEN": TOKEN},
    )
    yield
    process.terminate()
    process.wait(timeout=60)


def test_the_first_run(signed_in: Opener, worker: None, server: str, tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_bytes(PEOPLE.encode("utf-8-sig"))
    window = signed_in()
    page = window.page
    window.open("/console/")
    page.get_by_role("link", name="Set up Tenure").click()
    company(window)
    people(window, file)
    application(window, server)
    rule(window)
    go(window)
    assert users(server) == ["anna.kovacs@acme.example", "jorg.muller@acme.example"]
    window.open("/console/")
    expect(page.get_by_text("Set up Tenure")).to_have_count(0)
    assert window.wrong == []


def company(window: Window) -> None:
    page = window.page
    assert look(window, "company") == []
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("What is your company called?")).to_be_visible()
    # It was refused, as it should be: the browser says so too.
    window.wrong.clear()
    page.get_by_role("textbox", name="Company").fill("Acme")
    page.get_by_label("E-mail domain").fill("acme.example")
    page.get_by_role("button", name="Go on").click()


def people(window: Window, file: Path) -> None:
    page = window.page
    page.get_by_label("Choose the export").set_input_files(file)
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_label("Attribute of Personalnummer")).to_have_value("employee_number")
    expect(page.get_by_label("Attribute of Austritt")).to_have_value("end_date")
    expect(page.get_by_label("How 31 December 2026 is written")).to_have_value("31.12.2026")
    expect(page.get_by_text("1 of the 5 rows cannot be taken so.")).to_be_visible()
    assert look(window, "columns") == []
    # A change is seen at once, in the rows after.
    after = page.locator("#before-after").locator("xpath=../..")
    expect(after).to_contain_text("DepartmentSales")
    page.get_by_label("Attribute of Abteilung").select_option("division")
    expect(after).to_contain_text("DivisionSales")
    page.get_by_label("Attribute of Abteilung").select_option("department")
    expect(after).to_contain_text("DepartmentSales")
    page.get_by_role("button", name="See what it changes").click()
    expect(page.get_by_text("is no day of the calendar")).to_be_visible()
    assert look(window, "what it changes") == []
    page.get_by_role("button", name="Save and import").click()
    expect(page.get_by_role("heading", name="Set up Tenure")).to_be_visible()
    for _ in range(PATIENCE // 100):
        if Person.objects.count() == 4:
            break
        page.wait_for_timeout(100)
    assert Person.objects.count() == 4


def application(window: Window, server: str) -> None:
    page = window.page
    window.open("/console/start/")
    page.get_by_role("link", name="SCIM 2.0 application").click()
    page.get_by_label("Name", exact=True).fill("Chat")
    page.get_by_label("Short name").fill("chat")
    for field in page.locator("input[name^=set-]").all():
        if not field.input_value():
            field.fill(server)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Go on").click()
    page.locator("input[name^=secret-]").first.fill("${env:FIRST_RUN_TOKEN}")
    page.get_by_role("button", name="Add in report mode").click()
    page.get_by_role("link", name="Back to the guide").click()


def rule(window: Window) -> None:
    page = window.page
    page.get_by_role("link", name="Give Chat to").click()
    page.get_by_label("Name", exact=True).fill("Sales chat")
    page.get_by_label("Value").fill("Sales")
    expect(page.locator("#live")).to_contain_text("2 of 3 people")
    assert look(window, "rule") == []
    # As an expression, with what could come next.
    page.get_by_role("button", name="Write it as an expression").click()
    text = page.get_by_label("Condition")
    text.fill("")
    text.press_sequentially("user.depa")
    expect(page.get_by_role("option", name="department")).to_be_visible()
    text.press("Enter")
    text.press_sequentially(' == "Sa')
    expect(page.get_by_role("option", name="Sales")).to_be_visible()
    text.press("Enter")
    expect(text).to_have_value('user.department == "Sales"')
    expect(page.locator("#live")).to_contain_text("2 of 3 people")
    page.get_by_role("button", name="See what it changes").click()
    expect(page.get_by_text("this edit changes 2 accounts")).to_be_visible()
    assert look(window, "effect") == []
    page.get_by_role("button", name="Publish").click()
    page.wait_for_url("**/console/start/")
    assert AccessRule.objects.get().condition == 'user.department == "Sales"'


def go(window: Window) -> None:
    page = window.page
    window.open("/console/start/?step=look")
    expect(page.get_by_role("heading", name="What would happen")).to_be_visible()
    assert look(window, "look and go") == []
    page.get_by_role("button", name="Go", exact=True).click()
    page.wait_for_url("**/console/runs/*/")
    expect(page.locator("#live")).to_contain_text("Done")


def test_of_two_who_edit_the_same_rule_the_second_is_told(
    transactional_db: None, signed_in: Opener
) -> None:
    make_company(timezone.now())
    first, second = signed_in(), signed_in()
    for window, words in ((first, "Asked for by Anna"), (second, "Asked for by Jorge")):
        window.open("/console/rules/designers/")
        window.page.get_by_label("Note").fill(words)
        window.page.get_by_role("button", name="See what it changes").click()
    for window in (first, second):
        window.page.get_by_role("button", name="Publish").click()
        window.page.wait_for_load_state()
    expect(second.page.get_by_role("heading", name="was changed while you wrote")).to_be_visible()
    told = second.page.locator("main")
    for words in ("Until the trial ends", "Asked for by Anna", "Asked for by Jorge"):
        expect(told).to_contain_text(words)
    assert AccessRule.objects.get(slug="designers").description == "Asked for by Anna"
    second.wrong.clear()
    assert look(second, "conflict") == []
    second.page.get_by_role("button", name="Go on with mine").click()
    expect(second.page.get_by_label("Note")).to_have_value("Asked for by Jorge")
