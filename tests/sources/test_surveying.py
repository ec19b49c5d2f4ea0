"""Half a file, an empty one, and one that would change everybody: nothing of it is taken until
somebody has looked at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.audit.models import Action, Event
from tenure.cli import imported
from tenure.people.models import Person
from tenure.sources.models import SourceRecord
from tests.sources.hr import row, source, take

pytestmark = pytest.mark.django_db


def families() -> set[object]:
    return {person.attributes.get("family_name") for person in Person.objects.all()}


def test_an_empty_file_is_held(tmp_path: Path) -> None:
    hr = source(absence="leave")
    take(hr, tmp_path, [row(n) for n in range(1, 4)])
    result = take(hr, tmp_path, [])
    assert result.held
    assert result.run.state == "held"
    assert result.run.message.startswith("HR has no record at all, and 3 are known")
    assert Person.objects.exclude(state="left").count() == 3
    assert Event.objects.get(action=Action.IMPORT_HELD).reason == result.run.message


@pytest.mark.parametrize(("count", "held"), [(20, False), (19, True)])
def test_half_a_file_is_held_with_its_changes(tmp_path: Path, count: int, held: bool) -> None:
    """Not even the rows that are there are taken: the file may be an old one, cut off."""
    hr = source(absence="leave", guard={"leavers": {"percent": 100}})
    take(hr, tmp_path, [row(n) for n in range(1, 41)])
    rows = [row(1, family="Nagy"), *(row(n) for n in range(2, count + 1))]
    result = take(hr, tmp_path, rows)
    assert result.held is held
    assert ("Nagy" in families()) is not held
    assert Person.objects.filter(state="left").count() == (0 if held else 40 - count)
    if held:
        assert "19 records, and 40 are known from the last import: 21 are missing" in (
            result.run.message
        )


def test_half_a_file_is_taken_when_somebody_says_why(tmp_path: Path) -> None:
    hr = source(absence="leave")
    take(hr, tmp_path, [row(n) for n in range(1, 41)])
    result = take(hr, tmp_path, [row(n) for n in range(1, 11)], accept="the branch closed")
    assert not result.held
    assert Person.objects.filter(state="left").count() == 30
    told = Event.objects.filter(action=Action.IMPORT_APPROVED)
    assert {event.reason for event in told} == {"the branch closed"}


def test_repeated_and_unreadable_rows_do_not_make_a_file_whole(tmp_path: Path) -> None:
    hr = source(absence="leave", guard={"leavers": {"percent": 100}})
    take(hr, tmp_path, [row(n) for n in range(1, 41)])
    assert take(hr, tmp_path, [row(1)] * 40).held


def test_a_source_of_changes_may_be_short_unless_it_says_not(tmp_path: Path) -> None:
    hr = source()
    take(hr, tmp_path, [row(n) for n in range(1, 41)])
    assert not take(hr, tmp_path, [row(1, family="Nagy")]).held
    hr.guard = {"missing": {"percent": 50, "floor": 5}}
    hr.save()
    assert take(hr, tmp_path, [row(1, family="Szabo")]).held


def test_a_file_that_changes_too_many_is_held_whole(tmp_path: Path) -> None:
    hr = source(guard={"changes": {"percent": 10, "floor": 2}})
    take(hr, tmp_path, [row(n) for n in range(1, 21)])
    rows = [row(n, family="Nagy" if n <= 3 else "Kovács") for n in range(1, 21)]
    digests = set(SourceRecord.objects.values_list("digest", flat=True))
    result = take(hr, tmp_path, rows)
    assert result.held
    assert result.run.message.startswith("3 changed people in HR: 15.0 % of 20, and at most 2")
    assert families() == {"Kovács"}
    assert set(SourceRecord.objects.values_list("digest", flat=True)) == digests
    assert take(hr, tmp_path, rows, accept="three weddings").counts["changed"] == 3


def test_a_drip_of_changes_is_held_too_and_what_was_accepted_does_not_count(
    tmp_path: Path,
) -> None:
    hr = source(guard={"changes": {"percent": 10, "floor": 2}})
    names = dict.fromkeys(range(1, 21), "Kovács")

    def renamed(*numbers: int, accept: str = "") -> bool:
        changed = {**names, **dict.fromkeys(numbers, "Nagy")}
        rows = [row(n, family=name) for n, name in changed.items()]
        held = take(hr, tmp_path, rows, accept=accept).held
        names.update(names if held else changed)
        return held

    assert not renamed()
    assert not renamed(1)
    assert not renamed(2)
    assert renamed(3)
    assert not renamed(3, 4, 5, accept="weddings")
    assert renamed(6)
    hr.guard = {"changes": {"percent": 15, "floor": 3}}
    hr.save()
    assert not renamed(6)


def test_a_dry_run_says_the_same_and_keeps_nothing(tmp_path: Path) -> None:
    hr = source(absence="leave")
    take(hr, tmp_path, [row(n) for n in range(1, 41)])
    result = take(hr, tmp_path, [row(1)], dry_run=True)
    assert result.held
    assert not Event.objects.filter(action=Action.IMPORT_HELD).exists()


def test_what_is_held_whole_says_what_it_would_have_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hr = source(guard={"changes": {"percent": 10, "floor": 2}})
    take(hr, tmp_path, [row(n) for n in range(1, 9)])
    rows = [row(1), *(row(n, family="Tóth") for n in (2, 3, 4)), row(5, end="2025-01-01"), row(9)]
    result = take(hr, tmp_path, rows)
    assert (result.held, result.run.done, result.run.total) == (True, 0, 6)
    told = {"rows": 6, "unchanged": 1, "would_change": 3, "would_leave": 1, "would_add": 1}
    assert {name: many for name, many in result.counts.items() if many} == told
    imported.show(result, dry_run=False)
    said = "6 rows: 1 unchanged, 1 would be added, 3 would change, 1 would leave. Nothing of it was"
    assert capsys.readouterr().err.startswith(said)
    # What was not done counts for nothing when the next one is judged.
    assert not take(hr, tmp_path, [*rows[:1], *rows[2:4], *map(row, (2, 6, 7, 8))]).held


def test_leavers_that_are_held_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hr = source()
    take(hr, tmp_path, [row(n) for n in range(1, 9)])
    gone = [row(n, status="Left") for n in range(1, 8)]
    result = take(hr, tmp_path, [*gone, row(8)])
    assert (result.held, result.refused, result.run.done) == (True, False, 8)
    imported.show(result, dry_run=False)
    assert "8 rows: 1 unchanged, 7 who would leave, held." in capsys.readouterr().err
