"""One import after another: what is taken, what is complained of, what is not written."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from openpyxl import Workbook

from tenure.audit.models import Action, Event
from tenure.people.models import Person
from tenure.readers.base import ReaderError
from tenure.runs.models import Run, RunState
from tenure.sources.importing import import_source
from tenure.sources.models import SourceRecord
from tests.sources.hr import HEADER, MAPPING, complaints, person, row, source, take, write

pytestmark = pytest.mark.django_db


def generations() -> dict[str, int]:
    return dict(Person.objects.values_list("employee_number", "generation"))


def test_new_changed_and_unchanged_rows(tmp_path: Path) -> None:
    hr = source()
    first = take(hr, tmp_path, [row(n) for n in range(1, 6)])
    assert first.counts == {"rows": 5, "added": 5, "changed": 0, "unchanged": 0, "left": 0}
    before = generations()
    rows = [row(n) for n in range(1, 6)]
    rows[2] = row(3, family="Nagy")
    second = take(hr, tmp_path, rows)
    assert (second.counts["changed"], second.counts["unchanged"]) == (1, 4)
    assert generations() == {**before, "3": before["3"] + 1}
    event = Event.objects.get(action=Action.PERSON_CHANGED)
    assert event.before == {"display_name": "Given3 Kovács", "family_name": "Kovács"}
    assert event.after == {"display_name": "Given3 Nagy", "family_name": "Nagy"}
    assert event.reason == "import of HR"


def test_an_unchanged_import_writes_to_no_person_and_no_record(tmp_path: Path) -> None:
    hr = source(absence="leave")
    rows = [row(n, manager="1" if n > 1 else "") for n in range(1, 50)]
    take(hr, tmp_path, rows)
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin, ctid FROM people_person ORDER BY id")
        people = cursor.fetchall()
        cursor.execute("SELECT xmin, ctid FROM sources_sourcerecord ORDER BY id")
        records = cursor.fetchall()
    with CaptureQueriesContext(connection) as queries:
        result = take(hr, tmp_path, rows)
    assert result.counts["unchanged"] == 49
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin, ctid FROM people_person ORDER BY id")
        assert cursor.fetchall() == people
        cursor.execute("SELECT xmin, ctid FROM sources_sourcerecord ORDER BY id")
        assert cursor.fetchall() == records
    assert len(queries) < 45


def test_a_column_that_nothing_uses_changes_nothing(tmp_path: Path) -> None:
    hr = source()
    rows = [row(n) for n in range(1, 4)]
    import_source(hr, file=write(tmp_path, [f"{r},monday" for r in rows], f"{HEADER},Exported"))
    again = write(tmp_path, [f"{r},tuesday" for r in rows], f"{HEADER},Exported")
    assert import_source(hr, file=again).counts["unchanged"] == 3


def test_every_bad_row_is_told_with_its_line_and_the_others_are_taken(tmp_path: Path) -> None:
    rows = [
        row(1),
        row(2, start="2026-05-02", end="2026-05-01"),
        row(3, status="Sabbatical"),
        row(""),
        row(5, start="02/03/2026"),
        "6,only,three",
        row(7) + "\0",
        row(1, given="Twin"),
        row("9" * 101),
        row(10, email="x" * 255),
        row(11, manager="404"),
        row(12, given=" ", family=" "),
        row(13),
    ]
    result = take(source(), tmp_path, rows)
    told = dict(complaints(result))
    expected = {
        3: "The start date 2026-05-02 is after the end date 2026-05-01",
        4: "status: 'Sabbatical' means nothing here. Known: active,",
        5: "The employee number is empty",
        6: "start_date: The date '02/03/2026' is not written like 2026-12-31",
        7: "The row has 3 cells where the header has 8",
        8: "NUL",
        9: "Employee number 1 is on line 2 too: that one counts, and the names are of two people.",
        10: "has 101 characters, at most 100 fit",
        11: "has 255 characters, at most 254 fit",
        13: "There is no name",
    }
    for line, text in expected.items():
        assert text in told[line]
    assert "The manager 404 of 11 does not exist in any source" in told[None]
    assert set(told) == {*expected, None}
    assert set(generations()) == {"1", "11", "13"}
    assert person(1).display_name == "Given1 Kovács"
    assert (result.counts["errors"], result.counts["warnings"]) == (10, 1)
    assert result.run.issues.count() == 11


def test_a_twin_far_away_is_found_and_the_first_line_named(tmp_path: Path) -> None:
    rows = [row(n) for n in range(1, 2200)] + [row(7, given="Twin")]
    result = take(source(), tmp_path, rows)
    assert complaints(result) == [
        (
            2201,
            "Employee number 7 is on line 8 too: that one counts, and the names are of two people. "
            "Correct one of the numbers.",
        )
    ]
    assert person(7).display_name == "Given7 Kovács"


def test_a_circle_of_managers_is_named_and_everybody_else_has_one(tmp_path: Path) -> None:
    rows = [row(1, manager="3"), row(2, manager="1"), row(3, manager="2"), row(4, manager="1")]
    rows += [row(5, manager="5"), row(6, manager="5")]
    result = take(source(), tmp_path, rows)
    told = sorted(message for _, message in complaints(result))
    assert len(told) == 2
    assert "circle: 1 -> 3 -> 2 -> 1." in told[0]
    assert "circle: 5 -> 5." in told[1]
    managers = dict(Person.objects.values_list("employee_number", "manager__employee_number"))
    assert managers == {"1": None, "2": None, "3": None, "4": "1", "5": None, "6": "5"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty: expected a first line with the names of the columns"),
        (b"Number,Given,Family\n1,A,B\n", "lacks the column 'E-mail' (for email), 'End'"),
        (f"{HEADER}\n1,Jos\xe9,,,,,,\n".encode("latin-1"), "is not UTF-8: byte 0xE9"),
        (b"PK\x03\x04", "is not whole"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(
    tmp_path: Path, content: bytes, said: str
) -> None:
    hr = source(absence="leave")
    take(hr, tmp_path, [row(1)])
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(ReaderError) as caught:
        import_source(hr, file=path)
    assert said in str(caught.value)
    run = Run.objects.latest("id")
    assert (run.state, run.message) == (RunState.FAILED, str(caught.value))
    assert person(1).state == "active"


def test_the_file_of_another_company_is_refused(tmp_path: Path) -> None:
    hr = source()
    take(hr, tmp_path, [row(n) for n in range(1, 41)])
    strangers = [row(n) for n in range(1001, 1031)]
    with pytest.raises(ReaderError, match="the file of another company"):
        take(hr, tmp_path, strangers)
    assert Person.objects.count() == 40
    take(hr, tmp_path, strangers, accept="we bought them")
    assert Person.objects.count() == 70
    assert Event.objects.get(action=Action.IMPORT_APPROVED).reason == "we bought them"


def test_a_few_who_are_all_new_are_welcome(tmp_path: Path) -> None:
    hr = source()
    take(hr, tmp_path, [row(n) for n in range(1, 41)])
    assert take(hr, tmp_path, [row(101), row(102)]).counts["added"] == 2


def test_a_dry_run_says_the_same_and_changes_nothing(tmp_path: Path) -> None:
    hr = source()
    rows = [row(1), row(2, manager="404"), row(""), row(4)]
    dry = take(hr, tmp_path, rows, dry_run=True)
    assert not Person.objects.exists()
    assert not SourceRecord.objects.exists()
    assert not Event.objects.exists()
    real = take(hr, tmp_path, rows)
    assert dry.counts == real.counts
    assert complaints(dry) == complaints(real)


def test_what_fails_unexpectedly_closes_its_run_and_frees_the_source(tmp_path: Path) -> None:
    hr = source()

    def fail(done: int) -> None:
        raise RuntimeError("the terminal is gone")

    with pytest.raises(RuntimeError):
        import_source(hr, file=write(tmp_path, [row(1)]), progress=fail)
    run = Run.objects.get()
    assert (run.state, run.message) == ("failed", "RuntimeError: the terminal is gone")
    assert take(hr, tmp_path, [row(1)]).counts["unchanged"] == 1


def test_values_that_no_database_takes_are_bad_rows(tmp_path: Path) -> None:
    from tenure.people.models import AttributeDefinition

    AttributeDefinition.objects.create(name="score", label="Score", type="number")
    AttributeDefinition.objects.create(name="desk", label="Desk", type="integer")
    hr = source(mapping={**MAPPING, "score": 'row["Score"]', "desk": 'row["Desk"]'})
    rows = [f"{row(1)},nan,1", f"{row(2)},1.5,{10**30}", f"{row(3)},1.5,x", f"{row(4)},2,3"]
    result = import_source(hr, file=write(tmp_path, rows, f"{HEADER},Score,Desk"))
    assert [message.split(":")[0] for _, message in complaints(result)] == ["score", "desk", "desk"]
    assert person(4).attributes["score"] == 2.0


def test_a_workbook_can_be_given_for_a_csv_file(tmp_path: Path) -> None:
    hr = source()
    take(hr, tmp_path, [row("007")])
    book = Workbook()
    sheet = book.worksheets[0]
    for cells in (HEADER.split(","), [7, "Given007", "Kovács", None, "Active", date(2024, 1, 1)]):
        sheet.append(cells)
    sheet["A2"].number_format = "000"
    book.save(tmp_path / "people.xlsx")
    result = import_source(hr, file=tmp_path / "people.xlsx")
    assert (result.counts["rows"], result.counts["unchanged"]) == (1, 1)
