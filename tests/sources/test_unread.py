"""People who are here and whose row could not be read: they stay, and are told by name wherever
somebody looks, until their row is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tenure.cli.checking import _people
from tenure.console.waiting_unread import unread_items
from tenure.notices.collecting import Kind, waiting
from tenure.people.models import Person
from tenure.readers.memory import forget_all
from tenure.sources import selectors
from tenure.sources.importing import import_source
from tenure.sources.models import Source
from tenure.sources.unread import unread
from tests.sources.hr import complaints, row, source, take
from tests.sources.memory import live, put

pytestmark = pytest.mark.django_db
BAD = {"status": "Terminated", "end": "31.13.2024"}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    forget_all()
    yield
    forget_all()


def told() -> list[tuple[int, str]]:
    return [(one.count, one.names) for one in unread()]


def test_a_leaver_whose_row_is_bad_is_told_by_name_until_it_is_read(tmp_path: Path) -> None:
    hr, rows = source(), [row(n) for n in range(1, 31)]
    take(hr, tmp_path, rows)
    assert told() == []
    take(hr, tmp_path, [row(1, **BAD), *rows[1:]], dry_run=True)
    assert told() == []
    take(hr, tmp_path, [row(1, **BAD), *rows[1:], row(99, **BAD)])
    assert told() == [(1, "Given1 Kovács")]
    since = unread()[0].since
    for number in (2, 3, 4):
        rows[number] = row(number + 1, **BAD)
    take(hr, tmp_path, [row(1, **BAD), *rows[1:]])
    assert told() == [(1, "Given1 Kovács"), (3, "Given3 Kovács, Given4 Kovács, Given5 Kovács")]
    assert unread()[0].since == since

    item = unread_items(selectors.sources())[0]
    assert item.title == "HR could not be read for 1 person who is here"
    assert item.detail.startswith("Given1 Kovács: if they have left, their accounts stay open.")
    assert "'31.13.2024'" in item.detail
    keys = [one.key for one in waiting() if one.kind == Kind.UNREAD]
    assert len(set(keys)) == 2
    notice = next(one for one in waiting() if one.kind == Kind.UNREAD)
    assert "Given1 Kovács: if they have left" in notice.detail
    assert "31.13.2024" not in notice.detail, "what is on a row goes nowhere else"
    lines = list(_people())
    assert (lines[0].what, lines[0].ok) == ("people of hr", False)
    assert lines[0].detail.startswith("Given1 Kovács could not be read since ")

    rows[2:5] = [row(n) for n in (3, 4, 5)]
    take(hr, tmp_path, [row(1, status="Terminated", end="2024-12-31"), *rows[1:]])
    assert told() == []
    assert Person.objects.get(employee_number="1").state == "left"


def test_who_is_missing_while_a_line_cannot_be_read_is_told_by_name(tmp_path: Path) -> None:
    hr, rows = source(absence="leave"), [row(n) for n in range(1, 31)]
    take(hr, tmp_path, rows)
    result = take(hr, tmp_path, [*rows[:-5], "30,Given30"])
    said = complaints(result)[1][1]
    assert said.startswith(
        "Given26 Kovács, Given27 Kovács, Given28 Kovács and 2 more are not in the file, but 1 line "
        "could not be read and may be theirs: nobody is taken for absent."
    )
    assert told() == [(5, "Given26 Kovács, Given27 Kovács, Given28 Kovács and 2 more")]
    take(hr, tmp_path, rows[:-1])
    assert told() == []
    assert Person.objects.get(state="left").employee_number == "30"


def test_absence_means_nothing_and_lines_are_bad_so_only_as_many_as_lines_are_asked_about(
    tmp_path: Path,
) -> None:
    hr, rows = source(), [row(n) for n in range(1, 31)]
    take(hr, tmp_path, rows)
    take(hr, tmp_path, [*rows[:-2], "30,Given30"])
    assert told() == []
    take(hr, tmp_path, [*rows[:-1], "30,Given30"])
    assert told() == [(1, "Given30 Kovács")]
    take(hr, tmp_path, rows[:-1])
    assert told() == [], "every line was read, and none is theirs"


def test_what_changed_only_does_not_forget_whom_it_does_not_name() -> None:
    hr, there = live()
    import_source(hr)
    put(there, 7, end="31.13.2024")
    import_source(hr)
    put(there, 8, family="Nagy")
    import_source(Source.objects.get())
    assert told() == [(1, "Given7 Kovács")]
    put(there, 7, end="")
    result = import_source(Source.objects.get())
    assert (result.counts["unchanged"], told()) == (1, [])


def test_of_several_rows_of_a_number_one_is_bad(tmp_path: Path) -> None:
    hr, rows = source(), [row(n) for n in range(1, 31)]
    take(hr, tmp_path, rows)
    take(hr, tmp_path, [*rows, row(1, **BAD)])
    assert told() == [(1, "Given1 Kovács")]
    take(hr, tmp_path, [*rows, row(1, end="2024-12-31")])
    assert told() == []
