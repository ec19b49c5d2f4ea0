"""What changed, only: from where the last import ended, through the same guards, and never less
than a full import would take in the end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.readers.base import ReaderBusy, ReaderError
from tenure.readers.memory import MemorySource, forget_all
from tenure.runs.models import Run, RunState
from tenure.sources import importing, selectors
from tenure.sources.importing import ImportResult, import_source
from tenure.sources.models import Source, SourceRecord
from tests.sources.hr import complaints, person
from tests.sources.memory import live, put

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    forget_all()
    yield
    forget_all()


@pytest.fixture
def company() -> tuple[Source, MemorySource]:
    """Thirty people, imported once."""
    hr, there = live(absence="leave")
    assert import_source(hr).whole
    there.asked.clear()
    return hr, there


def left() -> set[str]:
    found = Person.objects.filter(state="left").values_list("employee_number", flat=True)
    return {str(number) for number in found}


def test_what_changed_is_all_that_is_read(company: tuple[Source, MemorySource]) -> None:
    hr, there = company
    put(there, 7, family="Nagy", manager="31")
    put(there, 31)
    result = import_source(hr)
    assert (result.whole, result.counts["rows"], result.counts["added"]) == (False, 2, 1)
    assert there.asked == ["changes 30", "columns"]
    assert person(7).display_name == "Given7 Nagy"
    assert person(7).manager == person(31)
    assert SourceRecord.objects.get(key="7").remote_id == "id-7"
    result = import_source(hr)
    assert (result.counts["rows"], result.whole) == (0, False)
    assert len(Person.objects.exclude(state="left")) == 31


def test_when_it_is_read_whole_all_the_same(company: tuple[Source, MemorySource]) -> None:
    hr, there = company
    assert import_source(hr, full=True).whole
    there.forget()
    put(there, 31)
    there.forget()
    assert import_source(hr).whole, "what changed before is not known there any more"
    assert person(31)
    assert not import_source(hr).whole
    Source.objects.update(read_whole_at=now() - timedelta(hours=25))
    assert import_source(hr).whole, "a full one from time to time"
    Source.objects.update(dates=["%d.%m.%Y", "%Y-%m-%d"])
    assert import_source(hr).whole, "the mapping means something else now"
    assert not import_source(hr).whole
    Source.objects.update(cursor="")
    assert import_source(hr).whole


def test_deleted_and_terminated_records_make_leavers_through_the_guard(
    company: tuple[Source, MemorySource],
) -> None:
    hr, there = company
    there.drop("id-1")
    put(there, 2, status="Terminated")
    assert import_source(hr).counts["left"] == 2
    assert left() == {"1", "2"}
    # A slow drip is one flood: five of thirty within a day, and no more.
    for number in range(3, 6):
        there.drop(f"id-{number}")
        assert not import_source(hr).held
    put(there, 6, status="Terminated")
    put(there, 7, family="Nagy")
    held = import_source(hr)
    assert held.held
    assert "1 leaver in HR after 5 within the last 24 hours" in held.run.message
    assert person(7).display_name == "Given7 Nagy", "the rest is taken"
    # It comes again until somebody decides.
    there.drop("id-8")
    assert import_source(hr).counts["held"] == 2
    assert left() == {"1", "2", "3", "4", "5"}
    assert not import_source(hr, accept="the branch closed").held
    assert left() == {"1", "2", "3", "4", "5", "6", "8"}
    assert import_source(hr).counts["rows"] == 0


def test_who_is_deleted_stays_where_absence_means_nothing(
    company: tuple[Source, MemorySource],
) -> None:
    hr, there = company
    Source.objects.update(absence="ignore")
    import_source(hr)
    there.drop("id-1")
    result = import_source(hr)
    assert (result.whole, result.counts["gone"], left()) == (False, 1, set()), "told, not done"
    # What was ignored is looked at again, now that it means something.
    Source.objects.update(absence="leave")
    assert import_source(hr).whole
    assert left() == {"1"}


def test_rows_that_come_once_more_are_no_news(company: tuple[Source, MemorySource]) -> None:
    hr, there = company
    runs = list(Run.objects.values_list("pk", flat=True))
    there.put("id-7", Family="Kovács")
    assert import_source(hr, quiet=True).counts["unchanged"] == 1
    assert list(Run.objects.values_list("pk", flat=True)) == runs
    assert Event.objects.filter(action=Action.IMPORT_FINISHED).count() == 1
    # That it works again is one, whatever came.
    Source.objects.update(failures=1)
    assert import_source(hr, quiet=True).run.pk in Run.objects.values_list("pk", flat=True)
    row = selectors.sources()[0]
    hr.refresh_from_db()
    assert (row.read_at, hr.failures) == (hr.read_at, 0)


def test_a_circle_of_managers_is_told_at_once(company: tuple[Source, MemorySource]) -> None:
    hr, there = company
    for number, manager in ((1, "2"), (2, "3"), (4, "2")):
        put(there, number, manager=manager)
    assert not import_source(hr).issues
    put(there, 3, manager="1")
    said = "The managers go round in a circle: 1 -> 2 -> 3 -> 1."
    assert said in complaints(import_source(hr))[0][1]
    assert [person(n).manager for n in (1, 2, 3)] == [None, None, None]
    assert person(4).manager == person(2)
    # One of them is corrected: the others, of whom nothing new is read, have theirs at once.
    put(there, 3, manager="5")
    corrected = import_source(hr)
    assert (corrected.whole, corrected.counts["rows"], corrected.issues) == (False, 1, ())
    assert [person(n).manager for n in (1, 2, 3)] == [person(2), person(3), person(5)]
    # And who has none any more has none.
    put(there, 3, manager="")
    import_source(hr)
    assert [person(n).manager for n in (1, 2, 3)] == [person(2), person(3), None]


def test_a_record_that_comes_back_is_not_deleted(company: tuple[Source, MemorySource]) -> None:
    hr, there = company
    there.drop("id-1")
    put(there, 1)
    import_source(hr)
    assert left() == set()


def test_everybody_terminated_at_once_is_held_and_nothing_done(
    company: tuple[Source, MemorySource],
) -> None:
    hr, there = company
    for number in range(1, 31):
        put(there, number, status="Terminated")
    for full in (False, True):
        result = import_source(hr, full=full)
        assert (result.held, result.counts["held"]) == (True, 30)
        assert left() == set()


def test_a_crash_between_chunks_repeats_and_loses_nothing(
    company: tuple[Source, MemorySource], monkeypatch: pytest.MonkeyPatch
) -> None:
    hr, there = company
    for number in range(1, 9):
        put(there, number, family="Nagy")
    monkeypatch.setattr(importing, "CHUNK", 3)
    count = 0

    def die(rows: int) -> None:
        nonlocal count
        count += 1
        if count == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_source(hr, progress=die)
    hr.refresh_from_db()
    assert hr.cursor == "30"
    result = import_source(hr)
    assert (result.counts["rows"], result.counts["changed"]) == (8, 2)
    assert Person.objects.filter(display_name__endswith="Nagy").count() == 8


def test_a_source_that_breaks_in_the_middle_changes_nothing(
    company: tuple[Source, MemorySource], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an answer is none: rows are taken once all of them are here."""
    hr, there = company
    for number in range(1, 31):
        put(there, number, family="Nagy")
    from tenure.readers.memory import MemoryReader

    whole = MemoryReader.changes

    def half(self: MemoryReader, cursor: str) -> Iterator[object]:
        for number, item in enumerate(whole(self, cursor)):
            if number == 15:
                raise ReaderBusy("It does not answer.", after=60)
            yield item

    monkeypatch.setattr(MemoryReader, "changes", half)
    with pytest.raises(ReaderBusy):
        import_source(hr)
    assert not Person.objects.filter(display_name__endswith="Nagy").exists()
    monkeypatch.undo()
    put(there, 1, family="Kovács")
    assert not import_source(hr, full=True, accept="all renamed").held
    assert Person.objects.filter(display_name__endswith="Nagy").count() == 29


def test_one_record_is_asked_for_by_the_sources_own_name(
    company: tuple[Source, MemorySource],
) -> None:
    hr, there = company
    put(there, 1, family="Nagy")
    put(there, 2, family="Nagy")
    there.drop("id-3")
    result: ImportResult = import_source(hr, ids=["id-1", "id-3"])
    assert there.asked == ["fetch id-1", "fetch id-3", "columns"]
    assert result.run.state == RunState.DONE
    assert (person(1).display_name, person(2).display_name) == ("Given1 Nagy", "Given2 Kovács")
    assert left() == {"3"}
    hr.refresh_from_db()
    assert hr.cursor == "30", "what changed is still to come"


def test_another_record_with_the_same_number_and_another_name_waits(
    company: tuple[Source, MemorySource],
) -> None:
    hr, there = company
    there.put("new", **{**there.records["id-4"], "Family": "Nagy"})
    result = import_source(hr)
    assert (
        "Employee number 4 is on the record id-4 too: that one counts" in complaints(result)[0][1]
    )
    assert person(4).display_name == "Given4 Kovács"
    result = import_source(hr, full=True)
    assert "Employee number 4 is on line 4 too" in complaints(result)[0][1]
    there.drop("id-4")
    import_source(hr, full=True)
    assert person(4).display_name == "Given4 Nagy"
    assert left() == set()


def test_a_second_record_of_somebody_counts_at_once_where_they_are_here_by_it(
    company: tuple[Source, MemorySource],
) -> None:
    """An intern becomes an employee: the record is another, the number is not."""
    hr, there = company
    there.put("new", **there.records["id-4"])
    put(there, 4, status="Terminated")
    result = import_source(hr)
    assert "Employee number 4 is on the record new too" in complaints(result)[0][1]
    there.drop("id-5")
    there.put("new-5", **{**there.records["id-6"], "Number": "5", "Given": "Given5"})
    import_source(hr)
    assert left() == set()
    put(there, 4, status="Terminated", family="Kovács")
    assert import_source(hr, full=True).counts["left"] == 0
    there.put("new", **{**there.records["new"], "Status": "Terminated"})
    import_source(hr)
    assert left() == {"4"}


@pytest.mark.parametrize("full", [False, True])
def test_a_record_with_another_number_is_the_same_persons(
    company: tuple[Source, MemorySource], full: bool
) -> None:
    hr, there = company
    Source.objects.update(manager_by="id", absence="leave")
    hr.refresh_from_db()
    for number, manager in ((5, 4), (10, 6), (11, 7)):
        put(there, number, manager=f"id-{manager}")
    import_source(hr, full=True)
    ids = {n: person(n).pk for n in range(1, 31)}
    for number, new in ((4, "004"), (6, "7"), (7, "6")):
        there.put(f"id-{number}", **{**there.records[f"id-{number}"], "Number": new})
    result = import_source(hr, full=full)
    told = [message for _, message in complaints(result)]
    assert any("had the employee number 4 has 004 now" in message for message in told)
    assert (result.counts["added"], left(), Person.objects.count()) == (0, set(), 30)
    assert (person("004").pk, person("004").email) == (ids[4], "given4.kovacs@acme.example")
    assert (person(7).pk, person(7).display_name) == (ids[6], "Given6 Kovács")
    assert (person(6).pk, person(6).display_name) == (ids[7], "Given7 Kovács")
    assert (person(5).manager, person(5).attributes["manager"]) == (person("004"), "004")
    assert [person(n).manager_id for n in (10, 11)] == [ids[6], ids[7]]
    assert import_source(hr, full=True).counts["changed"] == 0
    there.put("id-8", **{**there.records["id-8"], "Number": "80"})
    there.put("new", **{**there.records["id-9"], "Number": "8", "Given": "Bo", "Family": "Lind"})
    import_source(hr, full=full)
    assert (person(80).pk, person(8).display_name) == (ids[8], "Bo Lind")


def test_an_empty_answer_and_a_lost_column_change_nothing(
    company: tuple[Source, MemorySource],
) -> None:
    hr, there = company
    there.columns = tuple(name for name in there.columns if name != "Status")
    put_nothing = there.records["id-1"].pop("Status")
    there.put("id-1", Family="Nagy")
    with pytest.raises(ReaderError, match="lacks the column 'Status'"):
        import_source(hr)
    there.put("id-1", Status=put_nothing, Family="Kovács")
    for number in range(1, 31):
        there.drop(f"id-{number}")
    for full in (True, False):
        assert import_source(hr, full=full).held
    assert left() == set()


def test_a_column_that_is_empty_for_everybody_is_held(
    company: tuple[Source, MemorySource],
) -> None:
    """As where a right to read it was taken away: the answer is whole, and one attribute is not."""
    hr, there = company
    for number in range(1, 9):
        put(there, number, end="2030-12-31")
    import_source(hr, accept="their contracts end")
    for number in range(1, 9):
        put(there, number, end="")
    for full in (False, True):
        held = import_source(hr, full=full)
        assert held.held
        assert "None of the 8 people in HR who had end_date has it any more" in held.run.message
    put(there, 8, end="2031-12-31")
    assert not import_source(hr).held
    assert person(1).end_date is None


@pytest.mark.parametrize("full", [False, True])
def test_another_number_for_most_is_held(company: tuple[Source, MemorySource], full: bool) -> None:
    hr, there = company
    Source.objects.update(absence="leave", guard={"changes": {"percent": 20, "floor": 2}})
    ids = {n: person(n).pk for n in range(1, 31)}

    def renumbered(numbers: range) -> ImportResult:
        for n in numbers:
            there.put(f"id-{n}", **{**there.records[f"id-{n}"], "Number": str(n + 100)})
        hr.refresh_from_db()
        return import_source(hr, full=full)

    assert not renumbered(range(1, 5)).held
    dripped = renumbered(range(5, 9))
    assert dripped.held
    assert "changed people in HR after 4 within" in dripped.run.message
    assert renumbered(range(9, 31)).held
    assert person(9).pk == ids[9]
    assert import_source(hr, full=full, accept="A new way to count.").held is False
    assert {n: person(n + 100).pk for n in range(1, 31)} == ids
    assert left() == set()
