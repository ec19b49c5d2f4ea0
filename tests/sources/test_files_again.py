"""A later file of another shape: what spreadsheets make of it on its way lets nobody go."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import Workbook

from tenure.people.models import Person
from tenure.readers.base import ReaderError
from tenure.sources.importing import import_source
from tenure.sources.models import Source
from tenure.sources.unread import unread
from tests.sources.hr import HEADER, complaints, row, source, take

pytestmark = pytest.mark.django_db
ROWS = [row(f"{number:05d}") for number in range(1, 31)]


@pytest.fixture
def hr(db: None, tmp_path: Path) -> Source:
    found = source(absence="leave")
    take(found, tmp_path, ROWS)
    return found


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_later_file_of_another_spelling_changes_nobody(
    hr: Source, tmp_path: Path, separator: str, encoding: str
) -> None:
    path = tmp_path / "later.csv"
    content = "\r\n".join([HEADER, *ROWS]).replace(",", separator)
    path.write_text(content, encoding=encoding, newline="")
    assert import_source(hr, file=path).counts["unchanged"] == 30


@pytest.mark.parametrize("name", ["later.xlsx", "later.csv"])
def test_a_later_file_of_excel_whatever_it_is_called(hr: Source, tmp_path: Path, name: str) -> None:
    book = Workbook()
    for line in (HEADER, *ROWS):
        book.worksheets[0].append(line.split(","))
    book.save(tmp_path / name)
    assert import_source(hr, file=tmp_path / name).counts["unchanged"] == 30


def test_numbers_that_have_all_lost_their_zeros_are_not_taken(hr: Source, tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="None of the first 30 employee numbers is known"):
        take(hr, tmp_path, [row(number) for number in range(1, 31)])


def test_one_that_has_lost_its_zeros_lets_nobody_go(hr: Source, tmp_path: Path) -> None:
    result = take(hr, tmp_path, [row(1, given="Given00001"), *ROWS[1:]])
    assert (result.counts["left"], result.counts["added"]) == (0, 0)
    assert complaints(result)[0][1].startswith(
        "Employee number 1 is new, and Given00001 Kovács has 00001: zeros were lost"
    )
    assert [one.names for one in unread()] == ["Given00001 Kovács"]
    take(hr, tmp_path, ROWS)
    assert unread() == []
    assert set(Person.objects.values_list("state", flat=True)) == {"active"}


def test_who_has_another_name_is_somebody_else(hr: Source, tmp_path: Path) -> None:
    result = take(hr, tmp_path, [*ROWS, row(1, given="Anna", family="Nagy")])
    assert (result.counts["added"], complaints(result)) == (1, [])
