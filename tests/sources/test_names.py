"""Addresses and user names through imports: made, kept, following a name, and never lost."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.people.models import Company, Person, ReservedName
from tenure.people.services import schema
from tests.sources.hr import MAPPING, complaints, person, row, source, take

pytestmark = pytest.mark.django_db


def company(**settings: object) -> None:
    Company.objects.filter(pk=1).update(**settings)


def test_a_name_in_any_script_gives_an_address(tmp_path: Path) -> None:
    rows = [
        row(1, given="Łukasz", family="Żółw"),
        row(2, given="Ayşe", family="Şahin"),
        row(3, given="秀英", family="王"),
        row(4, given="Seán", family="Ó'Súilleabháin"),
    ]
    take(source(), tmp_path, rows)
    assert [person(n).email for n in range(1, 5)] == [
        "lukasz.zolw@acme.example",
        "ayse.sahin@acme.example",
        "xiuying.wang@acme.example",
        "sean.osuilleabhain@acme.example",
    ]


class TestRename:
    def marry(self, folder: Path, **settings: object) -> Person:
        """Anna Nagy is Anna Szabó from her second import on."""
        hr = source()
        company(**settings)
        take(hr, folder, [row(1, given="Anna", family="Nagy")])
        take(hr, folder, [row(1, given="Anna", family="Szabó")])
        return person(1)

    def test_the_address_stays_by_default(self, tmp_path: Path) -> None:
        anna = self.marry(tmp_path)
        assert anna.email == "anna.nagy@acme.example"
        assert "email_aliases" not in anna.attributes

    def test_it_follows_where_the_company_says_so_and_the_old_one_is_an_alias(
        self, tmp_path: Path
    ) -> None:
        anna = self.marry(tmp_path, on_rename="change")
        assert (anna.email, anna.attributes["email"]) == ("anna.szabo@acme.example",) * 2
        assert anna.attributes["email_aliases"] == ["anna.nagy@acme.example"]
        owners = ReservedName.objects.values_list("value", "person_id")
        assert dict(owners) == dict.fromkeys(
            ["anna.nagy@acme.example", "anna.szabo@acme.example"], anna.pk
        )
        event = Event.objects.get(action=Action.PERSON_CHANGED)
        assert event.after["email_aliases"] == ["anna.nagy@acme.example"]  # type: ignore[index]
        assert schema()["email_aliases"] == "strings"

    def test_who_takes_the_old_name_again_has_the_old_address_again(self, tmp_path: Path) -> None:
        self.marry(tmp_path, on_rename="change")
        hr = Person.objects.get().records.get().source
        take(hr, tmp_path, [row(1, given="Anna", family="Nagy")])
        anna = person(1)
        assert anna.email == "anna.nagy@acme.example"
        assert anna.attributes["email_aliases"] == ["anna.szabo@acme.example"]
        take(hr, tmp_path, [row(1, given="Anna", family="Nagy", start="2024-02-01")])
        assert person(1).attributes["email_aliases"] == ["anna.szabo@acme.example"]

    def test_another_of_the_old_name_gets_another_address(self, tmp_path: Path) -> None:
        self.marry(tmp_path, on_rename="change")
        hr = person(1).records.get().source
        rows = [row(1, given="Anna", family="Szabó"), row(2, given="Anna", family="Nagy")]
        take(hr, tmp_path, rows)
        assert person(2).email == "a.nagy@acme.example"

    def test_what_no_format_uses_changes_no_address(self, tmp_path: Path) -> None:
        hr = source()
        company(on_rename="change")
        take(hr, tmp_path, [row(n, given="Anna", family="Nagy") for n in (1, 2)])
        assert person(2).email == "a.nagy@acme.example"
        ReservedName.objects.filter(value="anna.nagy@acme.example").delete()
        take(hr, tmp_path, [row(2, given="Anna", family="Nagy", start="2024-03-01")])
        assert person(2).email == "a.nagy@acme.example"

    def test_an_address_of_the_source_is_the_sources(self, tmp_path: Path) -> None:
        hr = source()
        company(on_rename="change")
        take(hr, tmp_path, [row(1, given="Anna", family="Nagy", email="an@acme.example")])
        take(hr, tmp_path, [row(1, given="Anna", family="Szabó", email="an@acme.example")])
        assert person(1).email == "an@acme.example"
        take(hr, tmp_path, [row(1, given="Anna", family="Szabó", email="as@acme.example")])
        assert person(1).email == "as@acme.example"
        assert person(1).attributes["email_aliases"] == ["an@acme.example"]


class TestRetention:
    def test_a_name_is_free_again_when_its_owner_left_long_ago(self, tmp_path: Path) -> None:
        hr = source()
        anna = {"given": "Anna", "family": "Nagy"}
        take(hr, tmp_path, [row(1, **anna)])
        take(hr, tmp_path, [row(1, **anna, end="2024-06-30")])
        take(hr, tmp_path, [row(2, **anna), row(3, **anna)])
        assert person(2).email == "anna.nagy@acme.example"
        assert person(1).email == ""
        assert person(3).email == "a.nagy@acme.example"

    def test_who_comes_back_after_it_was_passed_on_gets_another(self, tmp_path: Path) -> None:
        hr = source()
        anna = {"given": "Anna", "family": "Nagy"}
        take(hr, tmp_path, [row(1, **anna)])
        take(hr, tmp_path, [row(1, **anna, end="2024-06-30")])
        take(hr, tmp_path, [row(2, **anna)])
        assert person(2).email == "anna.nagy@acme.example"
        take(hr, tmp_path, [row(1, **anna, start="2026-01-01")])
        assert person(1).email == "a.nagy@acme.example"

    def test_who_comes_back_in_the_very_import_keeps_it(self, tmp_path: Path) -> None:
        hr = source()
        anna = {"given": "Anna", "family": "Nagy"}
        take(hr, tmp_path, [row(1, **anna)])
        take(hr, tmp_path, [row(1, **anna, end="2024-06-30")])
        take(hr, tmp_path, [row(2, **anna), row(1, **anna, start="2026-01-01")])
        assert person(1).email == "anna.nagy@acme.example"
        assert person(2).email == "a.nagy@acme.example"

    def test_a_recent_leavers_is_not(self, tmp_path: Path) -> None:
        hr = source()
        anna = {"given": "Anna", "family": "Nagy"}
        take(hr, tmp_path, [row(1, **anna)])
        ended = (now() - timedelta(days=300)).date().isoformat()
        take(hr, tmp_path, [row(1, **anna, end=ended), row(2, **anna)])
        assert person(2).email == "a.nagy@acme.example"


class TestUserNames:
    def test_they_are_made_where_the_company_says_how(self, tmp_path: Path) -> None:
        hr = source()
        company(user_name_formats=["{f}{last}", "{f}{last}{n}"], on_rename="change")
        rows = [row(1, given="Anna", family="Nagy"), row(2, given="Adam", family="Nagy")]
        take(hr, tmp_path, rows)
        assert [person(n).attributes["user_name"] for n in (1, 2)] == ["anagy", "anagy2"]
        take(hr, tmp_path, [row(1, given="Anna", family="Szabó"), rows[1]])
        assert person(1).attributes["user_name"] == "aszabo"
        assert person(1).email == "anna.szabo@acme.example"
        assert person(2).attributes["user_name"] == "anagy2"

    def test_one_that_the_source_gives_twice_is_told(self, tmp_path: Path) -> None:
        hr = source(mapping={**MAPPING, "user_name": '"boss"'})
        company(user_name_formats=["{f}{last}"])
        result = take(hr, tmp_path, [row(1), row(2)])
        (told,) = complaints(result)
        assert "The user name boss belongs to somebody else already" in told[1]

    def test_without_formats_there_are_none(self, tmp_path: Path) -> None:
        take(source(), tmp_path, [row(1)])
        assert "user_name" not in person(1).attributes
