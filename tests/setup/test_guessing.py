"""Columns and what they are, as they come out of real HR systems."""

from __future__ import annotations

from datetime import date

import pytest

from tenure.core.cleaning import parse_date
from tenure.core.expressions import compile_row_value
from tenure.people.attributes import STANDARD
from tenure.setup import guessing

KNOWN = list(STANDARD)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (
            ["Employee #", "First Name", "Last Name", "Work Email", "Hire Date", "Reports To"],
            ["", "given_name", "family_name", "email", "start_date", "manager"],
        ),
        (
            ["Personalnummer", "Vorname", "Nachname", "Abteilung", "Eintrittsdatum", "Austritt"],
            ["employee_number", "given_name", "family_name", "department", "start_date",
             "end_date"],
        ),
        (
            ["Matricule", "Prénom", "Nom", "Département", "Poste", "Pays"],
            ["employee_number", "given_name", "family_name", "department", "title", "country"],
        ),
        (
            ["Törzsszám", "Keresztnév", "Vezetéknév", "Osztály", "Beosztás"],
            ["employee_number", "given_name", "family_name", "department", "title"],
        ),
        (
            ["Personalnr.", "Nachname", "E-Mail (geschäftlich)", "Führungskraft"],
            ["employee_number", "family_name", "email", ""],
        ),
        (["Shoe size", "Email", "E-mail"], ["", "email", ""]),
    ],
)  # fmt: skip
def test_columns_by_their_names(columns: list[str], expected: list[str]) -> None:
    found = guessing.columns_to_attributes(columns, [], KNOWN)
    assert [found.get(column, "") for column in columns] == expected


def test_columns_by_what_stands_in_them() -> None:
    rows = [
        {"Contact": "anna@acme.example", "Joined on": "03.02.2026", "Until": "", "Note": "x"},
        {"Contact": "jorge@acme.example", "Joined on": "15.03.2026", "Until": "31.12.2027"},
    ]
    found = guessing.columns_to_attributes(["Contact", "Joined on", "Until", "Note"], rows, KNOWN)
    assert found == {"Contact": "email", "Joined on": "start_date", "Until": "end_date"}


def test_own_attributes_go_before_ours() -> None:
    found = guessing.columns_to_attributes(["Badge Number"], [], [*KNOWN, "badge_number"])
    assert found == {"Badge Number": "badge_number"}
    assert guessing.columns_to_attributes(["Title"], [], ["email"]) == {}


@pytest.mark.parametrize(
    ("values", "forms"),
    [
        (["2026-02-03", "2026-12-31"], []),
        (["03.02.2026", "31.12.2026"], ["%d.%m.%Y"]),
        (["02/03/2026", "12/31/2026"], ["%m/%d/%Y"]),
        (["3-Feb-2026", "31-Dec-2026", ""], ["%d-%b-%Y"]),
        (["20260203"], ["%Y%m%d"]),
        (["soon"], []),
        ([], []),
    ],
)
def test_forms_of_dates(values: list[str], forms: list[str]) -> None:
    assert guessing.date_forms(values) == forms


def test_a_form_is_shown_and_typed_as_an_example() -> None:
    shown = {form: guessing.example_of(form) for form in guessing._DATES}
    assert shown["%d.%m.%Y"] == "31.12.2026"
    assert shown["%d-%b-%Y"] == "31-Dec-2026"
    for form, example in shown.items():
        assert guessing.form_of(example) == form
        # Whatever is guessed can be read.
        assert parse_date(example, [form]) == date(2026, 12, 31)
    assert guessing.example_of("DD. MMMM YYYY") == guessing.form_of("DD. MMMM YYYY")


def test_two_forms_in_one_column_are_both_named() -> None:
    assert set(guessing.date_forms(["2026-02-03", "03.02.2026"])) == {"%Y-%m-%d", "%d.%m.%Y"}


def test_days_and_months_that_could_be_the_other_way_round() -> None:
    forms = guessing.date_forms(["02/03/2026", "04/05/2026"])
    assert guessing.ambiguous(["02/03/2026", "04/05/2026"], forms)
    assert not guessing.ambiguous(["02/03/2026", "31/05/2026"], ["%d/%m/%Y"])
    assert not guessing.ambiguous(["2026-02-03"], [])


def test_what_a_status_means() -> None:
    found = guessing.statuses(["Active", "active", "On leave", "Terminated", "Zombie", ""])
    assert found == {
        "Active": "active", "active": "active", "On leave": "on_leave", "Terminated": "left",
        "Zombie": "",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["Name", 'a "quoted" one', "back\\slash", "Köln/2"])
def test_an_expression_for_a_column_and_back(name: str) -> None:
    assert guessing.column_of(guessing.cell(name)) == name
    assert guessing.column_of('row["a"] + "x"') is None


@pytest.mark.parametrize(
    ("top", "line"),
    [
        ([["Nr", "Name", "Start"], ["1", "Anna", "2024-01-01"]], 0),
        ([["Our people, 28.11.2026"], ["Nr", "Name", "Start"], ["1", "Anna", "2024-01-01"]], 2),
        ([[""], ["Person", "", "Job", "", ""], ["Nr", "Name", "Team", "Desk", "Boss"]], 3),
        # A column without a name does not make the first person the header.
        ([["Nr", "Name", "Start", ""], ["1", "Anna", "2024-01-01", "yes"]], 0),
        ([["Nr", "Name"], ["1", "Anna"], ["Total"]], 0),
        ([], 0),
    ],
)
def test_the_line_with_the_names_of_the_columns(top: list[list[str]], line: int) -> None:
    assert guessing.names_line(list(enumerate(top, start=1))) == line


def test_zeros_that_a_spreadsheet_dropped() -> None:
    numbers = ["000123", "000124", "000125", "001200", " 000126 ", "127"]
    assert guessing.lost_zeros(numbers) == ("127", "000127")
    assert guessing.lost_zeros(["123", "124", "1250"]) is None
    assert guessing.lost_zeros(["000123", "000124"]) is None
    assert guessing.lost_zeros(["A1", "X22", ""]) is None
    padded = compile_row_value(guessing.padded('The "number"', 6))
    for given, kept in (("127", "000127"), (" 127", "000127"), ("000123", "000123"), ("A1", "A1")):
        assert padded.value({"row": {'The "number"': given}}) == kept


def test_days_and_months_may_be_the_other_way_round_in_one_form_of_several() -> None:
    forms = ["%d.%m.%Y", "%d/%m/%Y"]
    assert guessing.ambiguous(["31.12.2026", "02/03/2026", ""], forms)
    assert not guessing.ambiguous(["31.12.2026", "02/03/2026", "13/03/2026"], forms)
