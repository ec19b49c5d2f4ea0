"""Asking and deciding in two browsers; a manager's team; one's own data: what they show, and what
axe says of every page, in the light and in the dark, wide and narrow, each loaded once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tenure.applications.models import Application, Entitlement
from tenure.configuration.document_requests import Requestable, requestable_settings
from tenure.people.models import Person
from tenure.provisioning.questions.explain import explain
from tenure.requests import services
from tenure.rules.models import AccessRule
from tests.browser.conftest import NARROW, WIDE, Opener, Window
from tests.browser.test_pages import keep, look, too_wide
from tests.console.company import Sample, make_company
from tests.requests.company import inside

_DESIGN = Requestable(
    entitlements=["role:editor", "role:admin"],
    words="Drawings and prototypes",
    longest=timedelta(days=180),
)


@pytest.fixture
def sample(transactional_db: None) -> Sample:
    """A company in which tools may be asked for, with teams below the team of the fourth."""
    made = make_company(timezone.now())
    people = made.people
    for slug, policy in (
        ("design", _DESIGN),
        ("meet", Requestable(words="Meetings with more than forty people")),
        ("crm", Requestable(approver="named", named=[str(people[40].employee_number)])),
    ):
        Application.objects.filter(slug=slug).update(
            mode="live", requestable=requestable_settings(policy)
        )
    for name in ("editor", "admin"):
        Entitlement.objects.create(
            application=made.applications["design"], kind="role", name=name, key=f"role:{name}"
        )
    AccessRule.objects.filter(gives__has_key="crm").delete()
    Person.objects.filter(pk__in=[row.pk for row in people[40:44]]).update(manager=people[6])
    Person.objects.filter(pk__in=[row.pk for row in people[44:46]]).update(manager=people[40])
    Person.objects.filter(pk=people[3].pk).update(manager=people[46])
    return made


@pytest.fixture
def come_in(stranger: Opener, address: str) -> Opener:
    """Opens windows in which a person is signed in, without the way there."""

    def opened(person: Person, **options: object) -> Window:
        window = stranger(**options)
        window.page.context.add_cookies(
            [
                {"name": name, "value": morsel.value, "url": address}
                for name, morsel in inside(person).cookies.items()
            ]
        )
        return window

    return opened


def _fits(window: Window, name: str) -> list[str]:
    """What is too wide, of a page whose like is looked at elsewhere."""
    keep(window, name)
    window.page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    found = too_wide(window, f"{name}, narrow")
    keep(window, f"{name} narrow")
    window.page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    return found


def _seen(window: Window, name: str) -> list[str]:
    """What is wrong with what is shown now, wide and narrow, in the light and in the dark, where
    only colours differ; pictures where they are wanted."""
    found = look(window, name)
    keep(window, name)
    window.page.emulate_media(color_scheme="dark")
    found += look(window, f"{name}, dark", "color-contrast")
    keep(window, f"{name} dark")
    window.page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    found += too_wide(window, f"{name}, narrow")
    keep(window, f"{name} dark narrow")
    window.page.emulate_media(color_scheme="light")
    window.page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    return found


def test_asked_for_decided_and_given_back(
    sample: Sample, come_in: Opener, signed_in: Opener
) -> None:
    anna, boss = sample.people[0], sample.people[3]
    hers = come_in(anna)
    hers.open("/portal/")
    found = _seen(hers, "portal")
    hers.page.get_by_role("button", name="To ask for").click()
    expect(hers.page.locator(".tile:visible")).to_have_count(3)
    hers.page.get_by_label("Find an application").fill("fig")
    expect(hers.page.locator(".tile:visible")).to_have_count(1)
    hers.page.get_by_role("link", name="Figma").click()
    found += _seen(hers, "ask")
    hers.page.get_by_text("With role editor").click()
    hers.page.get_by_label("For how long").select_option("1 week")
    hers.page.get_by_label("What you need it for").fill("The stand at the fair in May.")
    hers.page.get_by_role("button", name="Ask", exact=True).click()
    expect(hers.page.get_by_role("status")).to_contain_text("It is asked")
    found += _fits(hers, "asked")

    services.ask(
        sample.people[6], application="meet", reason="The yearly meeting", lasts=timedelta(days=1)
    )
    his = come_in(boss)
    his.open("/portal/requests/")
    expect(his.page.get_by_label("2 to decide")).to_be_visible()
    found += _seen(his, "to decide")
    his.page.get_by_role("link", name="asks for Figma").click()
    found += _seen(his, "decide")
    his.page.get_by_role("button", name="Reject").click()
    expect(his.page.get_by_role("alert")).to_contain_text("Say why not")
    his.page.get_by_role("button", name="Approve").click()
    expect(his.page.get_by_role("status")).to_contain_text("approved")
    assert explain(anna, "design").applications[0].due
    found += _fits(his, "decided")
    office = signed_in()
    office.open("/console/requests/?state=all")
    office.page.get_by_text("Decide instead of them").click()
    found += _seen(office, "console requests")
    office.open("/console/applications/design/settings/")
    found += _fits(office, "console asking for it")

    hers.open("/portal/requests/")
    found += _fits(hers, "own")
    hers.page.get_by_role("button", name="Give back Figma").click()
    expect(hers.page.get_by_role("status")).to_contain_text("taken back")
    assert not explain(anna, "design").applications[0].due
    (refused,) = his.wrong  # The browser tells of the answer 422.
    assert "422" in refused
    assert not found + hers.wrong + office.wrong, "\n".join(found)


def test_the_team_and_ones_own_data(sample: Sample, come_in: Opener) -> None:
    his = come_in(sample.people[3])
    his.open("/portal/team/")
    row = his.page.locator(".team > li", has_text=sample.people[6].display_name)
    row.locator("summary").click()
    expect(row).to_contain_text(sample.people[40].display_name)
    inner = row.locator("li", has_text=sample.people[40].display_name)
    inner.locator("summary").click()
    expect(inner).to_contain_text(sample.people[44].display_name)
    found = _seen(his, "team")
    his.open(f"/portal/team/{sample.people[6].uid}/")
    found += _fits(his, "team of one")
    his.open("/portal/profile/")
    his.page.get_by_role("link", name="My data").click()
    expect(his.page.get_by_role("heading", level=1)).to_have_text("My data")
    found += _seen(his, "data")
    with his.page.expect_download() as download:
        his.page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.startswith("my-data-")
    assert not found + his.wrong, "\n".join(found)
