"""The example company: its configuration is right, and its people are what the README says."""

from __future__ import annotations

import csv
import importlib
from collections import Counter
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest

from tenure.configuration.applying import apply, compare, diff
from tenure.configuration.checking import check
from tenure.configuration.exporting import export
from tenure.configuration.reading import read, read_text

ACME = Path(__file__).parents[2] / "examples" / "acme"
TODAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ACME))
        return importlib.import_module("make_people")


def rows(text: str) -> tuple[list[dict[str, str]], list[list[str]]]:
    """Good rows by column, and the others."""
    header, *lines = csv.reader(StringIO(text))
    good = [dict(zip(header, line, strict=True)) for line in lines if len(line) == len(header)]
    return good, [line for line in lines if len(line) != len(header)]


def test_the_committed_files_are_what_the_maker_makes(maker: ModuleType) -> None:
    texts = maker.make(TODAY)
    assert texts[0].encode() == (ACME / "people.csv").read_bytes()
    assert texts[1].encode() == (ACME / "people-2.csv").read_bytes()


@pytest.mark.parametrize("today", [TODAY, date(2027, 2, 28), date(2028, 2, 29)])
def test_the_company_is_whole_on_any_day(maker: ModuleType, today: date) -> None:
    good, broken = rows(maker.make(today)[0])
    assert (len(good), len(broken)) == (250, 1)
    numbers = {row["Employee ID"] for row in good}
    assert len(numbers) == 250
    managers = {row["Manager ID"] for row in good}
    assert managers - numbers == {""}
    assert [row["Job title"] for row in good if not row["Manager ID"]] == [
        "Chief Executive Officer"
    ]
    emails = [row["Work e-mail"] for row in good if row["Work e-mail"]]
    assert len(emails) == len(set(emails))
    assert all(email.isascii() for email in emails)
    soon = today + timedelta(days=30)
    joining = [row for row in good if today.isoformat() < row["Hire date"]]
    assert len(joining) == 7
    assert all(row["Hire date"] <= soon.isoformat() for row in joining)
    assert Counter(row["Status"] for row in good) == {
        "Active": 236,
        "On leave": 6,
        "Terminated": 8,
    }
    assert all(row["Last day"] < today.isoformat() for row in good if row["Status"] == "Terminated")
    names = Counter((row["First name"], row["Last name"]) for row in good)
    assert [name for name, count in names.items() if count > 1] == [("Anna", "Nagy")]


@pytest.mark.parametrize("today", [TODAY, date(2027, 2, 28)])
def test_the_next_day(maker: ModuleType, today: date) -> None:
    first, second = maker.make(today)
    before = {row["Employee ID"]: row for row in rows(first)[0]}
    after = {row["Employee ID"]: row for row in rows(second)[0]}
    assert rows(first)[1] == rows(second)[1]
    changed = [
        (before[number], row)
        for number, row in after.items()
        if number in before and before[number] != row
    ]
    gone = [new for old, new in changed if old["Status"] != new["Status"]]
    assert [row["Status"] for row in gone] == ["Terminated"] * 3
    assert {row["Last day"] for row in gone} == {(today - timedelta(days=1)).isoformat()}
    managers = {row["Manager ID"] for row in before.values()}
    assert sum(row["Employee ID"] in managers for row in gone) == 1
    assert sum(old["Department"] != new["Department"] for old, new in changed) == 5
    assert sum(old["Last name"] != new["Last name"] for old, new in changed) == 2
    assert len(changed) == 10
    hired = [row for number, row in after.items() if number not in before]
    assert len(hired) == 2
    assert all(row["Hire date"] <= today.isoformat() for row in hired)
    unchanged = set(first.splitlines()) & set(second.splitlines())
    assert len(unchanged) == 1 + 240 + 1


def test_the_configuration_is_right() -> None:
    loaded = read(ACME / "tenure.yaml")
    assert check(loaded.document, marks=loaded.marks).problems == ()


@pytest.mark.django_db
def test_the_configuration_applies_and_comes_back_whole() -> None:
    document = read(ACME / "tenure.yaml").document
    apply(document)
    assert diff(document) == []
    assert diff(read_text(export()).document) == []
    assert compare(read_text(export()).document, document) == []


def test_every_column_that_the_configuration_reads_is_in_the_files() -> None:
    from tenure.core.expressions import compile_row_value

    document = read(ACME / "tenure.yaml").document
    assert document.sources is not None
    columns = {
        column
        for text in document.sources["hr"].mapping.values()
        for column in compile_row_value(text).columns
    }
    for name in ("people.csv", "people-2.csv"):
        header = (ACME / name).read_text().splitlines()[0].split(",")
        assert columns == set(header)
