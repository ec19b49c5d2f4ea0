"""Every page of a company with something of everything, in light and dark, wide and narrow: no
error, nothing that axe finds, nothing wider than its place, and the keyboard gets everywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.utils import timezone
from playwright.sync_api import Page

from tests.browser.conftest import NARROW, WIDE, Opener, Window
from tests.console.company import Sample, make_company
from tests.console.pages import pages_of

#: What lies beyond the edge of its card cannot be seen at all, however wide the page is.
_TOO_WIDE = """() => {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page");
  for (const card of document.querySelectorAll(".card, .stats, .note, .side")) {
    if (card.scrollWidth > card.clientWidth + 1) {
      found.push(card.className + ": " + card.innerText.slice(0, 40).replaceAll("\\n", " "));
    }
  }
  return found;
}"""
#: Only colours differ in the dark, and what of them is not on a phone is on these pages.
COLOURS = {"design", "overview", "person", "plan"}
#: Rules of axe go by the page's own; nothing is fetched for them.
_AXE = """(rules) => axe.run(document, {
    resultTypes: ["violations"], preload: false, ...(rules.length ? {runOnly: rules} : {})
}).then(({violations}) => violations.map((one) =>
    `${one.id}: ${one.help}: ` + one.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join("; ")
))"""
_FOCUS = """() => {
  const at = document.activeElement;
  if (at === document.body) return null;
  at.dataset.reached = "yes";
  const style = getComputedStyle(at);
  const seen = style.boxShadow !== "none" || style.outlineStyle !== "none";
  return [at.outerHTML.slice(0, 120), seen];
}"""
_UNREACHED = """() => [...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary")]
  .filter((each) => each.checkVisibility() && !each.disabled && !each.dataset.reached)
  .map((each) => each.outerHTML.slice(0, 120))"""


@pytest.fixture
def sample(transactional_db: None) -> Sample:
    return make_company(timezone.now())


def too_wide(window: Window, name: str) -> list[str]:
    """What does not fit into its place."""
    return [f"{name}: too wide: {what}" for what in window.page.evaluate(_TOO_WIDE)]


def look(window: Window, name: str, *rules: str) -> list[str]:
    """What is wrong with the page as it is shown now, by these rules of axe, by default all."""
    if not window.page.evaluate("typeof axe === 'object'"):
        window.page.evaluate(AXE_SCRIPT)
    return too_wide(window, name) + [
        f"{name}: {what}" for what in window.page.evaluate(_AXE, list(rules))
    ]


def keep(window: Window, name: str) -> None:
    """A picture for whoever looks at what CI has made; nothing where no folder is named."""
    folder = os.environ.get("TENURE_PICTURES")
    if folder:
        path = Path(folder) / f"{name.replace(' ', '-').replace(',', '')}.jpg"
        before = list(window.wrong)
        window.page.screenshot(path=path, type="jpeg", quality=70)
        # A picture puts a style of its own into the page, which its policy refuses.
        window.wrong[:] = before


def test_every_page(sample: Sample, signed_in: Opener) -> None:
    """Each is loaded once, then shown in the dark and on a phone."""
    window = signed_in(color_scheme="light")
    page = window.page
    found = []
    for name, path in pages_of(sample):
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.set_viewport_size(WIDE)
        window.open(path)
        found += look(window, name)
        keep(window, f"{name}, light")
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        if name in COLOURS:
            found += look(window, f"{name}, dark", "color-contrast")
        keep(window, f"{name}, dark")
        page.set_viewport_size(NARROW)
        found += look(window, f"{name}, dark, narrow")
        keep(window, f"{name}, narrow")
        found += [f"{name}: {what}" for what in window.wrong]
        window.wrong.clear()
    assert not found, "\n".join(found)


def test_every_page_of_an_empty_installation(signed_in: Opener) -> None:
    window = signed_in()
    found = []
    for name, path in pages_of(None):
        window.open(path)
        found += look(window, name) + window.wrong
        window.wrong.clear()
    assert not found, "\n".join(found)


def test_outside_and_where_nothing_is(sample: Sample, stranger: Opener, signed_in: Opener) -> None:
    outside = stranger(viewport=NARROW)
    outside.open("/sign-in/")
    assert look(outside, "sign-in") + outside.wrong == []
    inside = signed_in()
    inside.page.goto(inside.address + "/console/applications/no-such/")
    assert look(inside, "missing") == []


def test_the_chosen_appearance_stays(sample: Sample, signed_in: Opener) -> None:
    window = signed_in(color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = window.page.evaluate(ground)
    window.page.get_by_role("button", name="Change to light").click()
    window.page.get_by_role("button", name="Change to dark").click()
    window.open("/console/people/")
    assert window.page.evaluate(ground) != light
    assert window.page.locator("html").get_attribute("data-theme") == "dark"


def walk(page: Page) -> list[str]:
    """Tab through the whole page; what gets the focus without showing it."""
    hidden = []
    for _ in range(400):
        page.keyboard.press("Tab")
        at = page.evaluate(_FOCUS)
        if at is None:
            return hidden
        if not at[1]:
            hidden.append(at[0])
    raise AssertionError("the focus never leaves the page: a trap")


@pytest.mark.parametrize("name", ["overview", "person", "plan"])
def test_the_keyboard_reaches_everything(name: str, sample: Sample, signed_in: Opener) -> None:
    window = signed_in()
    window.open(dict(pages_of(sample))[name])
    assert walk(window.page) == []
    assert window.page.evaluate(_UNREACHED) == []


def test_skipping_searching_and_the_menu_by_keyboard(sample: Sample, signed_in: Opener) -> None:
    window = signed_in()
    page = window.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("/")
    page.keyboard.type("10482")
    page.keyboard.press("Enter")
    page.wait_for_url("**/people/*/")
    page.set_viewport_size(NARROW)
    page.get_by_role("button", name="Menu").focus()
    page.keyboard.press("Enter")
    assert page.locator("#menu").is_visible()
    assert look(window, "menu") == []
    page.keyboard.press("Escape")
    assert not page.locator("#menu").is_visible()
