"""The CSV reader: every dialect it claims, every broken file it has to survive, and its memory."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenure.readers.base import Reader, ReaderError, Row, RowProblem, Topped
from tenure.readers.encodings import NotUtf8
from tenure.readers.registry import kinds, open_reader, reader_class

Make = Callable[..., Reader]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def write(content: str | bytes, **options: object) -> Reader:
        path = tmp_path / "people.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return open_reader("csv", options, file=path)

    return write


def read(reader: Reader) -> list[tuple[int, list[str] | str]]:
    """Each record as its line and its cells, or its line and what is wrong."""
    return [
        (item.line, item.message if isinstance(item, RowProblem) else list(item.values.values()))
        for item in reader.rows()
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(make: Make, delimiter: str, end: str) -> None:
    lines = ["id{d}name", '1{d}"A{d} ""B"""', "", '2{d}"x{e}y"', "3{d}z"]
    reader = make(end.join(line.format(d=delimiter, e=end) for line in lines))
    assert reader.columns() == ["id", "name"]
    assert read(reader) == [
        (2, ["1", f'A{delimiter} "B"']),
        (4, ["2", f"x{end}y"]),
        (6, ["3", "z"]),
    ]
    assert read(reader) == read(reader)


@pytest.mark.parametrize(
    ("codec", "mark", "configured"),
    [
        ("utf-8", b"", "auto"),
        ("utf-8", b"\xef\xbb\xbf", "auto"),
        ("utf-8", b"\xef\xbb\xbf", "cp1252"),
        ("utf-16-le", b"\xff\xfe", "auto"),
        ("utf-16-be", b"\xfe\xff", "auto"),
        ("utf-32-le", b"\xff\xfe\x00\x00", "auto"),
        ("utf-16-le", b"", "utf-16-le"),
        ("cp1252", b"", "cp1252"),
        ("cp1252", b"", "Windows-1252"),
        # HR's system was told to write UTF-8, and nobody told us.
        ("utf-8", b"", "cp1252"),
        ("utf-8", b"", "iso8859-2"),
    ],
)
def test_encodings(make: Make, codec: str, mark: bytes, configured: str) -> None:
    reader = make(mark + "id,name\n1,José\n".encode(codec), encoding=configured)
    assert list(reader.columns()) == ["id", "name"]
    assert read(reader) == [(2, ["1", "José"])]


@pytest.mark.parametrize("before", [0, 5, (1 << 20) - 9, (1 << 20) + 5])
def test_a_wrong_encoding_is_found_wherever_it_is_and_said(make: Make, before: int) -> None:
    start = b"id,name\n" + b"1,x\n" * (before // 4)
    reader = make(start + "2,José\n".encode("cp1252"))
    with pytest.raises(ReaderError) as caught:
        reader.columns()
    said = str(caught.value)
    assert f"byte 0xE9 at offset {len(start) + 5}, line {before // 4 + 2}." in said
    assert "cp1252" in said
    assert "'2,José'" in said


@pytest.mark.parametrize("split", range(1, 4))
def test_a_character_that_is_cut_by_a_block_is_no_error(make: Make, split: int) -> None:
    head = b"id,name\n"
    filler = b"1," + b"x" * ((1 << 20) - len(head) - 2 - split)
    reader = make(head + filler.replace(b"xx", b"x\n", 0) + "😀\n".encode())
    assert list(reader.columns()) == ["id", "name"]


def test_a_character_that_is_cut_by_the_end_is_an_error(make: Make) -> None:
    with pytest.raises(ReaderError, match="offset 12, line 2"):
        make(b"id,name\n1,ab\xc3").columns()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n,,\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"id,name,id\n", "'id' (columns 1, 3)"),
        (b"id, name ,name\n", "'name' (columns 2, 3)"),
        (b"a,b;c\n", "comma or by semicolon: set `delimiter`"),
        (b'"id,name\n1,x\n', "line 1: the header cannot be read"),
        (b"PK\x03\x04xx", "not whole"),
        (b"\xd0\xcf\x11\xe0\xa1", "old workbook"),
        (b"%PDF-1.7", "a PDF document"),
        ("id,name\n".encode("utf-16-le"), "set `encoding` to utf-16-le"),
        ("id,name\n".encode("utf-16-be"), "set `encoding` to utf-16-be"),
    ],
)
def test_a_source_that_cannot_be_used_says_why(make: Make, content: bytes, said: str) -> None:
    reader = make(content)
    with pytest.raises(ReaderError) as columns:
        reader.columns()
    with pytest.raises(ReaderError):
        list(reader.rows())
    assert said in str(columns.value)
    assert "people.csv" in str(columns.value)


def test_a_header_alone_has_columns_and_no_rows(make: Make) -> None:
    reader = make("id, first   name \n")
    assert reader.columns() == ["id", "first name"]
    assert read(reader) == []


def test_a_column_without_a_name_is_left_out(make: Make) -> None:
    reader = make("id,,name,\n1,x,Ann,\n")
    assert reader.columns() == ["id", "name"]
    assert [r.values for r in reader.rows() if isinstance(r, Row)] == [{"id": "1", "name": "Ann"}]


def test_the_line_with_which_excel_names_the_delimiter(make: Make) -> None:
    reader = make("sep=|\r\nid|na,me\r\n1|Ann\r\n")
    assert reader.columns() == ["id", "na,me"]
    assert read(reader) == [(3, ["1", "Ann"])]


def test_one_column_needs_no_delimiter(make: Make) -> None:
    assert read(make("id\n1\n2\n")) == [(2, ["1"]), (3, ["2"])]


def test_a_delimiter_in_a_quoted_name_does_not_count(make: Make) -> None:
    assert make('"a;b;c",d\n').columns() == ["a;b;c", "d"]
    assert make('"a;\nb;c",d\n').columns() == ["a; b;c", "d"]


def test_rows_of_the_wrong_length_are_named_and_the_others_go_on(make: Make) -> None:
    found = read(make("a,b\n1,2\n3\n4,5,6\n,\n7,8"))
    assert [line for line, _ in found] == [2, 3, 4, 6]
    assert "1 cells where the header has 2" in found[1][1]
    assert "3 cells where the header has 2" in found[2][1]
    assert found[3] == (6, ["7", "8"])


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ('9,"x', "closed"),
        ('9,"x"y', "closed inside a cell"),
        ('9,"x" ', "closed inside a cell"),
        ("9,a\0b", "NUL"),
        ("9," + "x" * 200_000, "131072 characters"),
        ("9," + "x" * 2_500_000, "longer than 1000000"),
    ],
)
@pytest.mark.parametrize("following", ["5,e\n6,f\n", '5,"e"\n6,"f"\n', '5,e\n6,"f"'])
def test_a_broken_record_costs_only_itself(
    make: Make, broken: str, said: str, following: str
) -> None:
    found = read(make(f"a,b\n4,d\n{broken}\n{following}"))
    assert [line for line, _ in found] == [2, 3, 4, 5]
    assert said in found[1][1]
    assert [cells for _, cells in found if cells is not found[1][1]] == [
        ["4", "d"],
        ["5", "e"],
        ["6", "f"],
    ]


def test_a_quote_that_nobody_closes_swallows_nothing(make: Make) -> None:
    rows = "".join(f"{i},n\n" for i in range(1_000))
    found = read(make(f'a,b\n{rows}x,"oops\n{rows}'))
    assert len(found) == 2_001
    problems = [(line, text) for line, text in found if isinstance(text, str)]
    assert [line for line, _ in problems] == [1_002]
    assert "within 100 lines" in problems[0][1]


def test_a_quoted_text_of_many_lines_is_one_record(make: Make) -> None:
    text = "\n".join("x" * 99)
    assert read(make(f'a,b\n1,"{text}"\n2,y\n')) == [(2, ["1", text]), (101, ["2", "y"])]


CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS.map(lambda s: "x" + s)), max_size=8),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_was_written_is_read(
    make: Make, rows: list[tuple[str, str, str]], delimiter: str, codec: str
) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b", "c"), *rows])
    reader = make(written.getvalue().encode(codec))
    assert [tuple(cells) for _, cells in read(reader)] == rows


@given(st.binary(max_size=200), st.lists(st.sampled_from([b'"', b",", b"\n", b"x", b"\r"])))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_give_rows_problems_or_one_error(
    make: Make, noise: bytes, pieces: list[bytes]
) -> None:
    reader = make(b"a,b\n" + b"".join(pieces) + noise)
    try:
        items = list(reader.rows())
    except ReaderError:
        return
    lines = [item.line for item in items]
    assert lines == sorted(set(lines))


def test_the_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("Employee ID,First,Last,Department,Start,Email\n")
        for i in range(100_000):
            file.write(f'{i},Fürst {i},"Last, {i}",D{i % 50},2026-01-01,a{i}@example.org\n')
    assert path.stat().st_size > 5_000_000
    tracemalloc.start()
    count = sum(isinstance(item, Row) for item in open_reader("csv", {}, file=path).rows())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 100_000
    assert peak < 8_000_000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"delimiter": "ab"}, "delimiter: 'ab' is not one character"),
        ({"delimiter": '"'}, "delimiter"),
        ({"encoding": "klingon"}, "encoding: there is no encoding 'klingon'"),
        ({"encoding": "rot13"}, "encoding"),
        ({"encoding": "base64"}, "encoding"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_settings_that_are_wrong_are_named(options: dict[str, object], said: str) -> None:
    with pytest.raises(ReaderError) as caught:
        open_reader("csv", options, file=Path("x.csv"))
    assert said in str(caught.value)


def test_settings_name_the_file_and_the_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b;c\n1,2;3\n", encoding="utf-8")
    reader = open_reader("csv", {"path": str(path), "delimiter": "semicolon"})
    assert reader.columns() == ["a,b", "c"]


def test_a_file_that_is_not_there_or_not_named(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match=r"missing\.csv cannot be read"):
        open_reader("csv", {}, file=tmp_path / "missing.csv").columns()
    with pytest.raises(ReaderError, match=r"There is no file \*\.csv in"):
        open_reader("csv", {}, file=tmp_path).columns()
    with pytest.raises(ReaderError, match="No file is named"):
        open_reader("csv", {})


def test_the_registry() -> None:
    assert {"csv", "excel", "push"} <= set(kinds())
    assert kinds() == sorted(kinds())
    properties = set(reader_class("csv").Settings.model_json_schema()["properties"])
    assert {"path", "encoding", "delimiter"} <= properties
    with pytest.raises(ReaderError, match="no reader 'xml': use one of csv, excel, "):
        reader_class("xml")


def test_the_names_of_the_columns_may_stand_further_down(make: Make) -> None:
    text = 'A list; with a quote" in it\n\nperson;;job\nid;name;team\n1;Anna;Sales\n'
    reader = make(text, header=4)
    assert reader.columns() == ["id", "name", "team"]
    assert read(reader) == [(5, ["1", "Anna", "Sales"])]
    assert isinstance(reader, Topped)
    assert [line for line, _ in reader.top()] == [1, 2, 3, 4, 5]
    assert reader.top()[3] == (4, ["id", "name", "team"])
    with pytest.raises(ReaderError, match="has 5 lines, and the names"):
        make(text, header=9).columns()


def test_what_is_not_utf_8_is_shown_by_the_encodings_that_it_may_have(make: Make) -> None:
    with pytest.raises(NotUtf8) as caught:
        make("id;name\n1;Müller\n2;Łukasz\n".encode("cp1250")).columns()
    readings = caught.value.readings
    assert readings["cp1250"] == "Łukasz Müller"
    assert readings["cp1252"] == "£ukasz Müller"
