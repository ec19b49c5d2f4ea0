"""Values made to mean one thing."""

from __future__ import annotations

import pytest

from tenure.core.tidying import Cleaning, Others, ValueTable, cleaner
from tenure.core.zones import single_zone, zone_of_place


def test_tables_of_values() -> None:
    table = {"ENG": "Engineering", "S & M": "Sales"}
    assert [ValueTable(table).of(text) for text in ("eng", "S & M", "Legal")] == [
        "Engineering",
        "Sales",
        "Legal",
    ]
    assert ValueTable(table, otherwise="Other").of("Legal") == "Other"
    strict = ValueTable(table, others=Others.ERROR)
    assert strict.of("Engineering") == "Engineering", "ours already"
    with pytest.raises(ValueError, match=r"'Legal' is not in the table of values\. It knows: ENG"):
        strict.of("Legal")


@pytest.mark.parametrize(
    ("kind", "text", "clean"),
    [
        (Cleaning.PHONE, "06 1 555-1234", "+3615551234"),
        (Cleaning.PHONE, "0036 (1) 555 1234 x12", "+3615551234;ext=12"),
        (Cleaning.PHONE, "+44 20 7946 0958", "+442079460958"),
        (Cleaning.COUNTRY, "hun", "HU"),
        (Cleaning.COUNTRY, "348", "HU"),
        (Cleaning.COUNTRY, "United States", "US"),
        (Cleaning.COUNTRY, "Viet Nam", "VN"),
        (Cleaning.EMAIL, "mailto: Anna@Acme.Example", "anna@acme.example"),
        (Cleaning.TITLE, "ANNA", "Anna"),
    ],
)
def test_cleaned(kind: Cleaning, text: str, clean: str) -> None:
    assert cleaner(kind, "HU")(text) == clean


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Cleaning.PHONE, "see HR"),
        (Cleaning.PHONE, "12"),
        (Cleaning.COUNTRY, "Atlantis"),
        (Cleaning.EMAIL, "anna"),
        (Cleaning.EMAIL, "a@b@acme.example"),
    ],
)
def test_what_cannot_be_cleaned_is_said(kind: Cleaning, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        cleaner(kind, "HU")(text)


def test_zones_of_places() -> None:
    """Germany has two zones by name and one time; the United States have many."""
    found = [single_zone(code) for code in ("HU", "de", "NL", "US", "ES", "", "XX")]
    assert found == ["Europe/Budapest", "Europe/Berlin", "Europe/Amsterdam", "", "", "", ""]
    table = {"new york": "America/New_York"}
    assert zone_of_place("New York", "US", table) == "America/New_York"
    assert zone_of_place("Szeged", "HU", table) == "Europe/Budapest"
