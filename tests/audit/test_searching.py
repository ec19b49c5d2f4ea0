"""Searching the trail: words that many events have, page by page, and words that few have."""

from __future__ import annotations

import pytest

from tenure.audit import selectors
from tenure.audit.models import Action, Event
from tenure.audit.selectors import Wanted, events, events_at_once
from tenure.audit.services import record

pytestmark = pytest.mark.django_db


def told(label: str, reason: str, action: Action = Action.PERSON_CHANGED) -> None:
    record(action, subject_kind="person", subject_key="1", subject_label=label, reason=reason)


def pages(wanted: Wanted, size: int) -> list[list[int]]:
    """The events of every page, forwards; and the same backwards."""
    found, cursor = [], ""
    while True:
        page = events(wanted, cursor=cursor, size=size)
        found.append([event.pk for event in page.rows])
        if not page.next:
            break
        cursor, before = page.next, page
        back = events(wanted, cursor=events(wanted, cursor=cursor, size=size).previous, size=size)
        assert [event.pk for event in back.rows] == [event.pk for event in before.rows]
    return found


def test_words_that_many_have_come_page_by_page() -> None:
    for number in range(7):
        told(f"Anna Kovacs {number}", "moved to Sales")
        told(f"Jorge Ortiz {number}", "moved to Support", Action.PERSON_ADDED)
    all_of_them = list(
        Event.objects.filter(subject_label__startswith="Anna")
        .order_by("-id")
        .values_list("pk", flat=True)
    )
    assert pages(Wanted(search="kovacs sal"), 3) == [
        all_of_them[:3],
        all_of_them[3:6],
        all_of_them[6:],
    ]
    assert pages(Wanted(search="moved to", action=Action.PERSON_CHANGED), 7) == [all_of_them]
    assert pages(Wanted(search="kovacs support"), 3) == [[]]


def test_what_takes_long_is_known_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        told(f"Anna Kovacs {number}", "moved to Sales")
    monkeypatch.setattr(selectors, "_MANY", -1)
    assert events_at_once(Wanted(search="kovacs"), size=4) is None
    near = events_at_once(Wanted(search="kovacs"), size=3)
    assert near is not None
    assert len(near.rows) == 3
    for easy in (Wanted(), Wanted(search="kovacs", action=Action.PERSON_CHANGED)):
        assert events_at_once(easy, size=4) is not None
    assert len(events(Wanted(search="kovacs"), size=4).rows) == 4


@pytest.mark.parametrize("search", ["\0 \0", "it's o'clock", "a & b", "back\\slash it", "' '"])
def test_signs_are_only_signs(search: str) -> None:
    told("Anna", "it's o'clock")
    assert len(events(Wanted(search=search), size=1).rows) <= 1
