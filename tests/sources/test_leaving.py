"""Leavers: by status, by absence, held by the guard, and who comes back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import terminate
from tenure.readers.base import ReaderError, Row
from tenure.runs.models import Run
from tenure.sources.models import Source, SourceRecord
from tenure.sources.rows import RowMapping
from tests.sources.hr import MAPPING, complaints, person, row, source, take

pytestmark = pytest.mark.django_db


def left() -> set[str]:
    found = Person.objects.filter(state="left").values_list("employee_number", flat=True)
    return {str(number) for number in found}


def company(folder: Path, size: int = 30, **more: object) -> tuple[Source, list[str]]:
    hr = source(**more)
    rows = [row(n) for n in range(1, size + 1)]
    take(hr, folder, rows)
    return hr, rows


def gone(numbers: range, rows: list[str]) -> list[str]:
    """The rows, with these people terminated."""
    return [row(n, status="Terminated") if n in numbers else text for n, text in enumerate(rows, 1)]


def test_absence_is_no_termination_unless_the_source_says_so(tmp_path: Path) -> None:
    hr, rows = company(tmp_path)
    assert take(hr, tmp_path, rows[1:]).counts["left"] == 0
    Source.objects.update(absence="leave")
    hr.refresh_from_db()
    assert take(hr, tmp_path, rows[1:]).counts["left"] == 1
    assert left() == {"1"}
    take(hr, tmp_path, rows)
    assert left() == set()


@pytest.mark.parametrize(
    ("reader", "word", "gone"),
    [("ldap", "inactive", True), ("microsoft", "inactive", True), ("scim", "inactive", True),
     ("google", "suspended", True), ("rest", "inactive", False), ("csv", "inactive", False)],
)  # fmt: skip
def test_who_is_switched_off_in_a_directory_is_gone_before_a_last_day_to_come(
    reader: str, word: str, gone: bool
) -> None:
    """Of HR `inactive` beside such a day is a notice that was given."""
    mapping = {name: f'row["{name}"]' for name in ("employee_number", "given_name", "status")}
    mapping["end_date"] = 'row["until"]'
    directory = source(reader=reader, mapping=mapping, statuses={word: "left", "active": "active"})
    columns = {"employee_number": "7", "given_name": "Anna", "status": word, "until": "2099-12-31"}
    at, mapped = now(), RowMapping(directory)
    found = mapped.mapped(Row(1, columns), "7", b"", None, at)
    assert found.left(at) == gone
    assert bool(found.warnings) != gone


def test_a_flood_of_leavers_is_held_whole_and_the_rest_is_taken(tmp_path: Path) -> None:
    hr, rows = company(tmp_path, absence="leave")
    rows[20] = row(21, family="Nagy")
    result = take(hr, tmp_path, gone(range(1, 5), rows)[:27])
    assert result.held
    assert result.counts["held"] == 7
    assert "7 leavers in HR: 23.3 % of 30, and at most 5 are allowed" in result.run.message
    assert left() == set()
    assert person(21).display_name == "Given21 Nagy"
    accepted = take(hr, tmp_path, gone(range(1, 5), rows)[:27], accept="the branch closed")
    assert not accepted.held
    assert left() == {"1", "2", "3", "4", "28", "29", "30"}
    assert Event.objects.get(action=Action.IMPORT_APPROVED).reason == "the branch closed"


def test_rows_of_who_left_long_ago_do_not_make_a_file_half(tmp_path: Path) -> None:
    """Most HR systems give a last day first, and leave the row out some time after it."""
    hr, rows = company(tmp_path, absence="leave")
    ended = [row(n, end="2026-01-31") if n <= 20 else text for n, text in enumerate(rows, 1)]
    take(hr, tmp_path, ended, accept="the branch closed")
    assert len(left()) == 20
    for gone_so_far in (10, 20):
        result = take(hr, tmp_path, ended[gone_so_far:])
        assert not result.refused, result.run.message
        assert result.counts["left"] == 0
    assert SourceRecord.objects.filter(source=hr, present=True).count() == 10
    # Who is put in again is back, as ever.
    take(hr, tmp_path, [row(1), *ended[20:]])
    assert len(left()) == 19


def test_half_a_file_makes_nobody_a_leaver(tmp_path: Path) -> None:
    hr, rows = company(tmp_path, absence="leave")
    assert take(hr, tmp_path, rows[:15]).held
    assert left() == set()


def test_a_line_that_cannot_be_read_makes_nobody_absent(tmp_path: Path) -> None:
    hr, rows = company(tmp_path, absence="leave")
    result = take(hr, tmp_path, [*rows[:-1], "30,Given30"])
    assert left() == set()
    said = "Given30 Kovács is not in the file, but 1 line could not be read and may be theirs"
    assert said in complaints(result)[1][1]
    assert take(hr, tmp_path, rows[:-1]).counts["left"] == 1


def test_a_slow_drip_is_held_too_until_a_day_has_gone_by(tmp_path: Path) -> None:
    hr, rows = company(tmp_path)
    for number in range(1, 6):
        assert not take(hr, tmp_path, gone(range(1, number + 1), rows)).held
    rows = gone(range(1, 7), rows)
    held = take(hr, tmp_path, rows)
    assert held.held
    assert "1 leaver in HR after 5 within the last 24 hours" in held.run.message
    assert len(left()) == 5
    Run.objects.update(touched_at=now() - timedelta(hours=25))
    assert not take(hr, tmp_path, rows).held
    assert len(left()) == 6


def test_dry_runs_and_approved_leavers_do_not_count_for_the_guard(tmp_path: Path) -> None:
    hr, rows = company(tmp_path)
    rows = gone(range(1, 11), rows)
    take(hr, tmp_path, rows, accept="the branch closed")
    rows = gone(range(1, 15), rows)
    assert not take(hr, tmp_path, rows, dry_run=True).held
    assert not take(hr, tmp_path, rows).held
    assert len(left()) == 14


def test_leavers_of_a_second_source_go_through_the_guard_too(tmp_path: Path) -> None:
    """They have no record there yet, but they are people who are here."""
    _, rows = company(tmp_path)
    other = source("payroll", position=-1)
    assert take(other, tmp_path, gone(range(1, 20), rows)).held
    assert left() == set()


def test_a_small_source_beside_a_large_one_does_not_leave_whole(tmp_path: Path) -> None:
    """Ten percent of everybody may be all of the contractors."""
    company(tmp_path, 80)
    partners = source("partners")
    rows = [row(f"P-{n}") for n in range(1, 9)]
    take(partners, tmp_path, rows)
    gone_all = [text.replace("Active", "Terminated") for text in rows]
    result = take(partners, tmp_path, gone_all)
    assert result.held
    assert "8 leavers in PARTNERS: 100.0 % of 8, and at most 5 are allowed" in result.run.message
    assert left() == set()


def test_a_source_without_statuses_calls_nobody_back(tmp_path: Path) -> None:
    hr, rows = company(tmp_path)
    take(hr, tmp_path, gone(range(1, 2), rows))
    mapping = {"employee_number": 'row["Number"]', "given_name": 'row["Given"]'}
    directory = source("directory", position=-1, mapping=mapping)
    take(directory, tmp_path, rows)
    assert left() == {"1"}


def test_two_sources_that_disagree_about_dates_break_nothing(tmp_path: Path) -> None:
    first, _ = company(tmp_path, 1)
    second = source(
        "contracts",
        position=1,
        mapping={
            "employee_number": 'row["Number"]',
            "given_name": 'row["Given"]',
            "end_date": 'row["End"]',
        },
    )
    result = take(second, tmp_path, [row(1, start="", end="2020-01-01")])
    assert "2024-01-01 (from hr) is after the end date 2020-01-01 (from contracts)" in str(
        complaints(result)
    )
    assert person(1).end_date is None
    assert first.slug == "hr"


def test_a_termination_by_hand_stands_against_hr_until_a_new_first_day(tmp_path: Path) -> None:
    hr, rows = company(tmp_path, 3)
    terminate(person(1), at=now(), reason="dismissed", now=now())
    rows[0] = row(1, family="Nagy")
    take(hr, tmp_path, rows)
    assert left() == {"1"}
    day = (now() + timedelta(days=30)).date()
    rows[0] = row(1, family="Nagy", start=str(day))
    result = take(hr, tmp_path, rows)
    assert "They were terminated by hand" in complaints(result)[0][1]
    assert person(1).state == "upcoming"
    event = Event.objects.filter(action=Action.PERSON_CHANGED, after__has_key="terminated_at").get()
    assert event.after is not None
    assert event.after["terminated_at"] is None


def test_the_instant_of_leaving_is_the_first_at_which_it_was_learnt(tmp_path: Path) -> None:
    hr, rows = company(tmp_path, 2)
    take(hr, tmp_path, [row(1, status="Terminated"), rows[1]])
    learnt = person(1).ended_by_source_at
    assert learnt is not None
    take(hr, tmp_path, [row(1, status="Terminated", family="Nagy"), rows[1]])
    assert person(1).ended_by_source_at == learnt


def in_days(days: int) -> str:
    return (now() + timedelta(days=days)).date().isoformat()


def test_last_days_to_come_that_are_set_for_many_are_held_as_leavers(tmp_path: Path) -> None:
    hr, rows = company(tmp_path)
    season = [row(n, end=in_days(40)) for n in range(1, 7)]
    wrong = [*season, row(7, family="Nagy"), *rows[7:]]
    result = take(hr, tmp_path, wrong)
    assert (result.held, result.counts["held"], result.counts["changed"]) == (True, 6, 1)
    said = "6 leavers in HR (each by a last day to come, which it sets or brings forward): 20.0 %"
    assert result.run.message.startswith(said)
    assert "end_date" not in person(1).attributes
    assert person(7).display_name == "Given7 Nagy"
    assert take(hr, tmp_path, wrong).held, "it waits for somebody"
    done = take(hr, tmp_path, wrong, accept="the season ends")
    assert (done.held, done.counts["ending"], done.counts["approved"]) == (False, 6, 6)
    assert person(1).attributes["end_date"] == in_days(40)
    assert not left()
    # Later, or none: that lets nobody go.
    longer = [row(n, end=in_days(70)) for n in range(1, 4)] + [row(n) for n in range(4, 7)]
    assert not take(hr, tmp_path, [*longer, *wrong[6:]]).held
    # What was approved does not count for the next; a first record with a last day neither.
    more = [row(n, end=in_days(9)) for n in range(31, 39)]
    assert not take(hr, tmp_path, [*longer, *wrong[6:29], row(30, status="Left"), *more]).held
    assert left() == {"30"}


def test_who_leaves_now_and_who_leaves_some_day_count_together(tmp_path: Path) -> None:
    hr, rows = company(tmp_path)
    assert not take(hr, tmp_path, [*(row(n, end=in_days(5)) for n in (1, 2, 3)), *rows[3:]]).held
    ended = [row(n, end=in_days(3)) for n in (1, 2)] + [row(3, end=in_days(5))]
    result = take(hr, tmp_path, [*ended, row(4, status="Left"), *rows[4:]])
    said = (
        "3 leavers in HR (2 of them by a last day to come, which it sets or brings forward) after 3"
    )
    assert result.run.message.startswith(said)
    assert left() == set()


def test_last_days_that_a_second_source_brings_soon_are_leavers_for_the_guard(
    tmp_path: Path,
) -> None:
    """Its first records are compared with who is here already: a column of wrong dates would let
    everybody go tomorrow, by the clock, and no guard would have been asked."""
    company(tmp_path)
    dates = {name: MAPPING[name] for name in ("employee_number", "given_name", "end_date")}
    contracts = source("contracts", position=1, mapping=dates)
    wrong = [row(n, end=in_days(1)) for n in range(1, 31)]
    with pytest.raises(ReaderError, match="30 people would leave"):
        take(contracts, tmp_path, wrong)
    assert not Person.objects.exclude(end_date=None).exists()
    # The last days of contracts as they usually are: some time, not all of them now.
    usual = [row(n, end=in_days(60 + n)) for n in range(1, 31)]
    take(contracts, tmp_path, usual)
    assert person(1).end_date is not None


def test_last_days_that_count_by_another_order_of_sources_are_leavers_too(tmp_path: Path) -> None:
    hr = source()
    rows = [row(n, end=in_days(800)) for n in range(1, 31)]
    take(hr, tmp_path, rows)
    take(source("old", position=1), tmp_path, [row(n, end=in_days(400)) for n in range(1, 31)])
    assert person(1).attributes["end_date"] == in_days(800)
    Source.objects.filter(pk=hr.pk).update(position=2)
    hr.refresh_from_db()
    said = "30 people would leave by a last day to come that they had not before, or not so soon"
    with pytest.raises(ReaderError, match=said):
        take(hr, tmp_path, rows)
    assert person(1).attributes["end_date"] == in_days(800)
    done = take(hr, tmp_path, rows, accept="the old one is right")
    assert (done.counts["ending"], done.counts["approved"]) == (30, 30)
    assert person(1).attributes["end_date"] == in_days(400)


def test_who_leaves_by_two_ways_in_one_import_counts_once_for_both(tmp_path: Path) -> None:
    hr, rows = company(tmp_path)
    old = source("old", position=1)
    take(old, tmp_path, [row(n, status="Left") for n in range(1, 6)])
    Source.objects.filter(pk=hr.pk).update(position=2)
    hr.refresh_from_db()
    result = take(hr, tmp_path, gone(range(26, 31), rows))
    assert result.held
    assert "5 leavers in HR after 5" in result.run.message
    assert len(left()) == 5
