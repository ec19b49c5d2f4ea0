"""Testing a connection in the browser: the question before anything is made, progress, the result,
and keeping what fits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tenure.applications.models import ConnectionCheck
from tenure.provisioning.reconciliation import connection
from tests.browser.conftest import Opener
from tests.browser.test_pages import look
from tests.provisioning.company import Company

Aside = Callable[[Callable[[], Any]], Any]


def test_a_connection_is_tested_with_consent(
    transactional_db: None, browser: object, signed_in: Opener, aside: Aside
) -> None:
    company = Company()
    company.application("chat")
    window = signed_in()
    page = window.page
    window.open("/console/applications/chat/")
    page.get_by_role("link", name="Test connection").click()
    expect(page.get_by_text("Never tested")).to_be_visible()
    page.get_by_role("link", name="Test everything").click()
    question = page.get_by_role("dialog", name="Make an account in Chat?")
    expect(question).to_be_visible()
    assert look(window, "question") == []
    page.keyboard.press("Escape")
    expect(question).not_to_be_visible()
    page.get_by_role("link", name="Test everything").click()
    question.get_by_role("link", name="Not now").click()
    expect(question).not_to_be_visible()
    assert not ConnectionCheck.objects.exists()
    page.get_by_role("link", name="Test everything").click()
    question.get_by_role("button", name="Make it and test").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    assert look(window, "running") == []
    begun = ConnectionCheck.objects.select_related("application").get()
    aside(lambda: asyncio.run(connection.conduct(begun)))
    expect(page.get_by_text("Everything that was tried works.")).to_be_visible()
    expect(page.locator("#live tbody tr").filter(has_text="Delete it")).to_contain_text("Works")
    assert look(window, "result") == []
    assert company.memories["chat"].users == {}
    assert window.wrong == []
