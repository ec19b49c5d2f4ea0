"""Text from outside: cleaned without changing names, dates read without guessing."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.core.cleaning import clean_text, parse_date


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Ann \t B\u00a0\n C ", "Ann B C"),
        ("Zoe\u0308", "Zoë"),
        ("\ufeffAnn\u200b", "Ann"),
        ("A\x00n\x07n", "Ann"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\u202eAnn\u202c", "Ann"),
        ("\t", ""),
    ],
)
def test_clean_text(text: str, expected: str) -> None:
    assert clean_text(text) == expected


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once


@pytest.mark.parametrize(
    ("text", "formats", "expected"),
    [
        ("2026-01-31", ["YYYY-MM-DD"], date(2026, 1, 31)),
        (" 31.1.2026 ", ["YYYY-MM-DD", "D.M.YYYY"], date(2026, 1, 31)),
        ("01/02/2026", ["DD/MM/YYYY"], date(2026, 2, 1)),
        ("01/02/2026", ["MM/DD/YYYY"], date(2026, 1, 2)),
        ("31/01/2026", ["MM/DD/YYYY", "DD/MM/YYYY"], date(2026, 1, 31)),
        ("02/02/2026", ["MM/DD/YYYY", "DD/MM/YYYY"], date(2026, 2, 2)),
        ("20260131", ["YYYYMMDD"], date(2026, 1, 31)),
        ("3 February 2026", ["D MMMM YYYY"], date(2026, 2, 3)),
        ("03-FEB-2026", ["DD-MMM-YYYY"], date(2026, 2, 3)),
        ("2026-1-3", ["%Y-%m-%d"], date(2026, 1, 3)),
        ("3. Feb 2026", ["%d. %b %Y"], date(2026, 2, 3)),
    ],
)
def test_parse_date(text: str, formats: list[str], expected: date) -> None:
    assert parse_date(text, formats) == expected


@pytest.mark.parametrize(
    ("text", "formats", "said"),
    [
        ("01/02/2026", ["DD/MM/YYYY", "MM/DD/YYYY"], "could be 2026-02-01 (as 31/12/2026) and"),
        ("30/02/2026", ["DD/MM/YYYY"], "no day of the calendar"),
        ("3 Foo 2026", ["D MMM YYYY"], "no day of the calendar"),
        ("31.01.26", ["DD.MM.YYYY"], "is not written like 31.12.2026"),
        ("2026-01-31T00:00", ["YYYY-MM-DD"], "is not written like 2026-12-31"),
        ("٢٠٢٦-٠١-٣١", ["YYYY-MM-DD"], "is not written like"),
        ("", ["YYYY-MM-DD"], "is not written like"),
        ("31.01.26", ["DD.MM.YY"], "needs a year (YYYY)"),
        ("31.01.26", ["%d.%m.%y"], "needs a year (YYYY)"),
        ("x", ["DD.DD.YYYY"], "names a part twice"),
        ("x", [], "No date format"),
    ],
)
def test_what_is_no_date_says_why(text: str, formats: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        parse_date(text, formats)


@given(st.dates(date(1000, 1, 1)), st.sampled_from(["YYYY-MM-DD", "D.M.YYYY", "DD MMMM YYYY"]))
def test_a_date_survives_being_written(day: date, form: str) -> None:
    written = (
        form.replace("YYYY", f"{day.year:04}")
        .replace("DD", f"{day.day:02}")
        .replace("MMMM", f"{day:%B}")
        .replace("MM", f"{day.month:02}")
    )
    if form == "D.M.YYYY":
        written = f"{day.day}.{day.month}.{day.year:04}"
    assert parse_date(written, [form]) == day
