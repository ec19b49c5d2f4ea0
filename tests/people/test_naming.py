"""Addresses that nobody else has, whoever asks at the same time and whoever has left."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest
from django.db import connection, transaction

from tenure.core.model import Value
from tenure.people import naming
from tenure.people.models import Person, ReservedName
from tenure.people.naming import NameForm

ANNA: dict[str, Value] = {"given_name": "Anna", "family_name": "Nagy"}


def people(count: int) -> list[int]:
    return [Person.objects.create(display_name=f"Anna {n}").pk for n in range(count)]


def form(domain: str = "acme.example", left_before: datetime | None = None) -> NameForm:
    return NameForm(naming.EMAIL, (), domain, left_before)


def give(keys: list[int], domain: str = "acme.example") -> dict[int, str]:
    given, failed = naming.reserve(form(domain), dict.fromkeys(keys, ANNA))
    assert not failed
    return given


@pytest.mark.django_db
def test_namesakes_get_the_next_form_in_order() -> None:
    keys = people(5)
    assert list(give(keys).values()) == [
        f"{local}@acme.example"
        for local in ("anna.nagy", "a.nagy", "anna.nagy2", "anna.nagy3", "anna.nagy4")
    ]


@pytest.mark.django_db
def test_the_hundredth_of_a_name_costs_a_few_rounds(django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    give(people(99))
    with django_assert_max_num_queries(25):
        assert list(give(people(1)).values()) == ["anna.nagy99@acme.example"]


@pytest.mark.django_db
def test_an_address_is_one_whatever_its_case() -> None:
    first, second = people(2)
    assert naming.claim(form(), {"anna.nagy@acme.example": first}) == []
    assert give([second], domain="Acme.Example") == {second: "a.nagy@acme.example"}


@pytest.mark.django_db
def test_an_address_is_not_given_again_after_its_owner_is_gone() -> None:
    first, second = people(2)
    address = give([first])[first]
    Person.objects.filter(pk=first).delete()
    assert ReservedName.objects.get(value=address).person is None
    assert give([second])[second] == "a.nagy@acme.example"


@pytest.mark.django_db
def test_one_who_lost_it_gets_their_own_address_back() -> None:
    (key,) = people(1)
    assert give([key]) == give([key]) == {key: "anna.nagy@acme.example"}


@pytest.mark.django_db
def test_without_a_name_there_is_no_address() -> None:
    (key,) = people(1)
    given, failed = naming.reserve(form(), {key: {}})
    assert given == {}
    assert "no address could be made" in failed[key]


def test_two_who_ask_at_once_never_get_the_same(transactional_db: None) -> None:
    """Two connections, both inside a transaction that has reserved and not yet committed."""
    halves = [people(40), people(40)]
    found: list[dict[int, str]] = []
    start = threading.Barrier(2)

    def ask(keys: list[int]) -> None:
        try:
            with transaction.atomic():
                start.wait()
                given = give(keys)
            found.append(given)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(half,)) for half in halves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    addresses = [address for given in found for address in given.values()]
    assert len(set(addresses)) == 80
