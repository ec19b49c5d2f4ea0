"""Excel workbooks (.xlsx, ECMA-376), a row at a time: cells as HR sees them, and never a number
that has lost its zeros.

The sheet is not held, only the workbook's texts are. Formulas count as what Excel last made of
them; hidden rows and columns count. Knows nothing of people.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from pydantic import BaseModel, Field

from tenure.core.cleaning import clean_text
from tenure.readers.base import ReaderConfig, ReaderError, Row, RowProblem
from tenure.readers.files.kinds import OLD_WORKBOOK, WORKBOOK
from tenure.readers.files.places import unreadable
from tenure.readers.files.reading import TOP, FileReader, must_differ
from tenure.readers.files.settings import FileSettings
from tenure.readers.files.source import Located

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

#: Bytes of what a workbook is unpacked to, and of its texts, which are held.
_LARGEST, _LARGEST_TEXTS = 4 << 30, 512 << 20
_TEXTS = "xl/sharedStrings.xml"
#: Excel's way to write a character that XML cannot hold.
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
#: Of a number format: the place of a digit; what is shown as it is; colours and conditions.
_SIGN = re.compile(r'([0#])|"([^"]*)"|\\?([-/ ().A-Za-z])|\[[^\]]*\]')
_PLACING = re.compile(r'(?:[0#]|"[^"]*"|\\.|[-/ ()]|\[[^\]]*\])+')


class ExcelSettings(FileSettings):
    """Where a workbook is, and what of it is read."""

    sheet: str = Field("", title="Sheet", description="Its name. Empty: the first that is shown.")
    header: int = Field(
        0,
        ge=0,
        le=1000,
        title="Row with the names of the columns",
        description="0: the first that is not empty.",
    )


class ExcelReader(FileReader):
    """One sheet of a workbook."""

    Settings: ClassVar[type[BaseModel]] = ExcelSettings

    def __init__(self, config: ReaderConfig) -> None:
        self._settings = ExcelSettings.model_validate(dict(config.settings))
        super().__init__(config, self._settings, "*.xlsx")

    def columns(self) -> Sequence[str]:
        with self._open() as (sheet, place):
            names, _ = self._header(_rows(sheet), place)
        return [name for name in names if name]

    def top(self) -> Sequence[tuple[int, Sequence[str]]]:
        """The first rows as they stand, with their cells: by them somebody sees where the names
        of the columns are. Raises `ReaderError`."""
        with self._open() as (sheet, _):
            return [
                (line, [clean_text(shown(cell)) for cell in cells])
                for line, cells in islice(_rows(sheet), TOP)
            ]

    def rows(self) -> Iterator[Row | RowProblem]:
        with self._open() as (sheet, place):
            rows = _rows(sheet)
            names, _ = self._header(rows, place)
            named = [(at, name) for at, name in enumerate(names) if name]
            for line, cells in rows:
                wrong = [
                    name for at, name in named if at < len(cells) and cells[at].data_type == "e"
                ]
                if wrong:
                    bad = cells[names.index(wrong[0])].value
                    yield RowProblem(line, f"The cell {wrong[0]!r} holds the error {bad}: mend it.")
                    continue
                values = {name: shown(cells[at]) if at < len(cells) else "" for at, name in named}
                if any(values.values()):
                    yield Row(line, values)

    @contextmanager
    def _open(self) -> Iterator[tuple[ReadOnlyWorksheet, Located]]:
        """The sheet. Everything that can go wrong with the file becomes a `ReaderError`."""
        with self._file.reading() as place:
            _must_be_a_workbook(place)
            try:
                with place.path.open("rb") as file, _book(file) as book:
                    sheet = self._sheet(book, place)
                    # What programs write there is sometimes wrong, and would cut rows short.
                    sheet.reset_dimensions()
                    yield sheet, place
            except OSError as error:
                raise unreadable(place, error) from None
            except (KeyError, ValueError, EOFError, SyntaxError, zipfile.BadZipFile) as error:
                raise ReaderError(
                    f"{place} is no workbook that can be read: {error}. Save it anew as .xlsx."
                ) from None

    def _sheet(self, book: Workbook, place: Located) -> ReadOnlyWorksheet:
        wanted = self._settings.sheet
        for sheet in book.worksheets:
            if sheet.title == wanted or (not wanted and sheet.sheet_state == "visible"):
                found: ReadOnlyWorksheet = sheet
                return found
        names = ", ".join(repr(sheet.title) for sheet in book.worksheets) or "none"
        raise ReaderError(f"{place} has no sheet {wanted!r}, but {names}: correct `sheet`.")

    def _header(
        self, rows: Iterator[tuple[int, Sequence[Any]]], place: Located
    ) -> tuple[list[str], int]:
        """The names of the columns ("" for one without), and where they stand."""
        for line, cells in rows:
            names = [clean_text(shown(cell)) for cell in cells]
            if line < self._settings.header or not (any(names) or self._settings.header):
                continue
            if not any(names):
                break
            must_differ(names, f"{place}, row {line}")
            return names, line
        raise ReaderError(
            f"{place} has no row with the names of the columns: see `sheet` and `header`."
        )


@contextmanager
def _book(file: BinaryIO) -> Iterator[Workbook]:
    import openpyxl

    with warnings.catch_warnings():
        # Of extensions that it does not keep: nothing is written back.
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    try:
        yield book
    finally:
        book.close()


def shown(cell: Any) -> str:
    """A cell as text: a date as ISO 8601 has it, a number with the zeros that its format gives it
    and no other ones, an error as itself."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return _ESCAPED.sub(lambda m: chr(int(m[1], 16)), value) if "_x" in value else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        is_day = value.time() == time()
        return value.date().isoformat() if is_day else value.isoformat(timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return _number(value, cell.number_format)


def _number(value: int | float, form: str) -> str:
    # Excel keeps 15 digits, and shows no more.
    text = str(value) if isinstance(value, int) else f"{value:.15g}"
    if "e" in text:
        text = f"{value:.15f}".rstrip("0").rstrip(".")
    layout = _layout(form)
    if not layout or not text.isdecimal():
        return text
    digits, made = list(text), ""
    for sign, is_place in reversed(layout):
        if not is_place:
            made = sign + made
        elif digits or sign == "0":
            made = (digits.pop() if digits else "0") + made
    return "".join(digits) + made


@lru_cache(maxsize=256)
def _layout(form: str) -> tuple[tuple[str, bool], ...]:
    """A format that only places digits, such as `00000` or `000-00`, as its signs and whether each
    is the place of a digit; empty for any other."""
    section = form.split(";")[0]
    signs = [(m[1] or m[2] or m[3], bool(m[1])) for m in _SIGN.finditer(section)]
    # One zero alone pads nothing: it is how whole numbers are written.
    if not _PLACING.fullmatch(section) or section.count("0") < 2:
        return ()
    return tuple((one, is_place) for text, is_place in signs if text for one in text)


def _rows(sheet: ReadOnlyWorksheet) -> Iterator[tuple[int, Sequence[Any]]]:
    """Each row with its number, rows that are left out as empty ones."""
    cells: Any = sheet
    yield from enumerate(cells.iter_rows(), start=1)


def _must_be_a_workbook(place: Located) -> None:
    try:
        with place.path.open("rb") as file:
            start = file.read(8)
        if start.startswith(OLD_WORKBOOK):
            raise ReaderError(
                f"{place} is an old workbook (.xls), or one with a password: save it as .xlsx, "
                "without."
            )
        if not start.startswith(WORKBOOK):
            raise ReaderError(f"{place} is no Excel workbook: save it as .xlsx.")
        with zipfile.ZipFile(place.path) as archive:
            sizes = {one.filename: one.file_size for one in archive.infolist()}
    except OSError as error:
        raise unreadable(place, error) from None
    except zipfile.BadZipFile:
        raise ReaderError(
            f"{place} is not whole: its end is missing. Was it still being written? Nothing of it "
            "was taken."
        ) from None
    if sum(sizes.values()) > _LARGEST or sizes.get(_TEXTS, 0) > _LARGEST_TEXTS:
        raise ReaderError(
            f"{place} unpacks to {sum(sizes.values()) >> 20:,} MiB, which is more than is read. "
            "Save the sheet as CSV UTF-8."
        )
