"""A page that lies open asks by itself: neither the end of its session nor a server that is away
for a while costs what was typed into it, or is told more than once."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect

from tenure.infra.clock import now
from tenure.provisioning import services
from tenure.signin.models import Role, Session
from tenure.signin.services import issue_link
from tests.browser.conftest import Opener
from tests.provisioning.company import Company


def test_what_was_typed_stays_when_the_session_ends_and_when_nobody_answers(
    transactional_db: None, signed_in: Opener
) -> None:
    company = Company()
    company.application("chat")
    company.rule("everyone", "true", {"chat": []})
    company.people(4)
    # Nobody works it off: it can be paused as long as this lasts.
    run = services.store().run
    window = signed_in()
    page = window.page
    path = f"/console/runs/{run.pk}/"
    window.open(path)
    page.get_by_label("Why").fill("Asked for by Anna")

    # The server is away: said once, and taken back when it is there again.
    asked: list[str] = []

    def away(route: Any) -> None:
        asked.append(route.request.url)
        route.abort("connectionrefused")

    page.route(re.compile("/live/"), away)
    notice = page.get_by_text("Tenure does not answer.")
    expect(notice).to_be_visible()
    page.unroute(re.compile("/live/"), away)
    expect(notice).to_have_count(0)
    assert len(asked) < 4, "less and less often"
    expect(page.get_by_label("Why")).to_have_value("Asked for by Anna")
    # A browser notes each request that fails; nothing can be done about that.
    window.wrong.clear()

    # The session ends: to the door, and from there back to this page.
    Session.objects.update(ended_at=now())
    page.wait_for_url(re.compile(rf"/sign-in/\?next={path.replace('/', '%2F')}$"))
    window.open(issue_link(name=Role.OWNER.value, role=Role.OWNER))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console/")
    window.open(path)
    expect(page.get_by_label("Why")).to_have_value("Asked for by Anna")
    expect(page.locator("#toasts")).to_contain_text("It is not sent yet.")
    assert window.wrong == []
    # Once: the next look is a new one.
    window.open(path)
    expect(page.get_by_label("Why")).to_have_value("")
