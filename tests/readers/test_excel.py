"""The Excel reader: cells as HR sees them, and every broken workbook it has to survive."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from tenure.readers.base import Reader, ReaderError, Row, RowProblem
from tenure.readers.registry import open_reader

Make = Callable[..., Reader]


def workbook(path: Path, *sheets: Sequence[Sequence[Any]]) -> Path:
    book = Workbook()
    book.remove(book.worksheets[0])
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"Sheet {number}")
        for at, row in enumerate(rows, start=1):
            for column, value in enumerate(row, start=1):
                form = ""
                if isinstance(value, tuple):
                    value, form = value
                cell = sheet.cell(at, column, value)
                if form:
                    cell.number_format = form
    book.save(path)
    return path


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def written(*sheets: Sequence[Sequence[Any]], **settings: object) -> Reader:
        return open_reader(
            "excel", {"path": str(workbook(tmp_path / "people.xlsx", *sheets)), **settings}
        )

    return written


def texts(reader: Reader) -> list[list[str] | str]:
    return [
        item.message if isinstance(item, RowProblem) else list(item.values.values())
        for item in reader.rows()
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("00123", "00123"),
        ((123, "00000"), "00123"),
        ((1234567, "000-00"), "12345-67"),
        ((1234567, '"P"000000"/"0'), "P123456/7"),
        ((1234567, "[Red]0000000;[Blue]-0"), "1234567"),
        ((-5, "000"), "-5"),
        (123, "123"),
        (123.0, "123"),
        ((123, "0"), "123"),
        ((123, "0.00"), "123"),
        ((0.5, "0%"), "0.5"),
        (0.1 + 0.2, "0.3"),
        (1e20, "100000000000000000000"),
        (1e-7, "0.0000001"),
        (date(2026, 2, 1), "2026-02-01"),
        (datetime(2026, 2, 1), "2026-02-01"),  # noqa: DTZ001
        (datetime(2026, 2, 1, 9, 30), "2026-02-01T09:30:00"),  # noqa: DTZ001
        (time(9, 30), "09:30:00"),
        (True, "true"),
        ("Ada_x000D_B", "Ada\rB"),
        (None, ""),
    ],
)
def test_a_cell_is_what_hr_sees(make: Make, value: Any, text: str) -> None:
    reader = make([["Id", "Value"], ["1", value]])
    assert texts(reader) == [["1", text]]
    assert texts(reader) == [["1", text]]


def test_rows_are_told_by_their_number_and_empty_ones_left_out(make: Make) -> None:
    reader = make([[], ["Id", None, "Name "], ["1", "a remark", "Ada"], [], ["2"]])
    assert reader.columns() == ["Id", "Name"]
    assert list(reader.rows()) == [
        Row(3, {"Id": "1", "Name": "Ada"}),
        Row(5, {"Id": "2", "Name": ""}),
    ]


def test_an_error_in_a_cell_costs_its_row_only(make: Make) -> None:
    reader = make([["Id", "Mail"], ["1", "#N/A"], ["2", "b@acme.example"]])
    assert texts(reader) == [
        "The cell 'Mail' holds the error #N/A: mend it.",
        ["2", "b@acme.example"],
    ]


def test_sheet_and_header_are_chosen(make: Make) -> None:
    sheets = [["Nothing"]], [["People of Acme"], ["As of", "1 May"], ["Id"], ["7"]]
    assert texts(make(*sheets, sheet="Sheet 1", header=3)) == [["7"]]
    with pytest.raises(ReaderError, match="no sheet 'People', but 'Sheet 0', 'Sheet 1'"):
        make(*sheets, sheet="People").columns()
    with pytest.raises(ReaderError, match="no row with the names"):
        make([], sheet="").columns()
    with pytest.raises(ReaderError, match="row 1: the header names 'Id'"):
        make([["Id", "Id"]]).columns()


def test_what_is_no_whole_workbook_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "people.xlsx", [["Id"], ["1"]])
    whole = path.read_bytes()
    path.write_bytes(whole[:-200])
    reader = open_reader("excel", {"path": str(path)})
    with pytest.raises(ReaderError, match="not whole: its end is missing"):
        reader.columns()
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + whole)
    with pytest.raises(ReaderError, match=r"old workbook .* or one with a password"):
        open_reader("excel", {"path": str(path)}).columns()
    path.write_bytes(b"Id\n1\n")
    with pytest.raises(ReaderError, match="no Excel workbook"):
        open_reader("excel", {"path": str(path)}).columns()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no workbook")
    with pytest.raises(ReaderError, match="no workbook that can be read"):
        open_reader("excel", {"path": str(path)}).columns()


def test_a_file_that_is_given_is_read_as_what_it_is(tmp_path: Path) -> None:
    book = workbook(tmp_path / "given", [["Id"], [(7, "000")]])
    plain = tmp_path / "given.csv"
    plain.write_text("Id\n008\n")
    settings = {"path": "usual.csv", "delimiter": ",", "encoding": "cp1252"}
    assert texts(open_reader("csv", settings, file=book)) == [["007"]]
    with pytest.raises(ReaderError, match="take the reader `excel`"):
        open_reader("csv", {"path": str(book)}).columns()
    assert texts(open_reader("excel", {"sheet": "Sheet 0"}, file=plain)) == [["008"]]


def test_a_wrong_size_in_the_sheet_cuts_nothing_off(tmp_path: Path) -> None:
    """Some programs write that the sheet has one cell."""
    path, wrong = tmp_path / "right.xlsx", tmp_path / "wrong.xlsx"
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in (["Id", "Name"], ["1", "Ada"]):
        sheet.append([WriteOnlyCell(sheet, value=value) for value in row])
    book.save(path)
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(wrong, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if name.startswith("xl/worksheets/sheet"):
                content = content.replace(b"<sheetData>", b'<dimension ref="A1"/><sheetData>')
            after.writestr(name, content)
    assert texts(open_reader("excel", {"path": str(wrong)})) == [["1", "Ada"]]
