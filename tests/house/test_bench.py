"""No page is forgotten by the benchmark that times them."""

from __future__ import annotations

import pytest
from django.urls import URLPattern

from bench import addresses, pages
from tenure.console import urls as console
from tenure.portal import urls as portal


@pytest.mark.parametrize(
    ("patterns", "given", "left"),
    [
        (console.urlpatterns, pages.console_arguments, addresses.NO_PAGES),
        (portal.urlpatterns, pages.portal_arguments, addresses.NO_PORTAL_PAGES),
    ],
)
def test_every_page_can_be_asked_for_or_is_named(
    patterns: list[URLPattern], given: object, left: dict[str, str]
) -> None:
    known = given()  # type: ignore[operator]
    wanted = [p for p in patterns if p.name not in left]
    lacking = {str(p.name): what for p in wanted if (what := addresses.unknown(p, known))}
    assert lacking == {}, "say what they are in bench/pages.py"
    assert left.keys() <= {pattern.name for pattern in patterns}
    assert all(len(reason.split()) > 2 for reason in left.values())


def test_what_is_asked_besides_belongs_to_a_page() -> None:
    names = {str(pattern.name) for pattern in console.urlpatterns}
    assert addresses.QUERIES.keys() <= names
