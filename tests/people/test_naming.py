"""Addresses that nobody else has, whoever asks at the same time and whoever has left."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import pytest
from django.db import connection, transaction

from tenure.applications.holding import HOLDERS_SQL, holders_arguments
from tenure.applications.models import Account, Application
from tenure.audit.models import Action, Event
from tenure.core.model import Value
from tenure.infra.clock import now
from tenure.people import naming
from tenure.people.models import Person, ReservedName
from tenure.people.naming import NameForm

T = TypeVar("T")
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


class TestRetention:
    """Names of people who have left."""

    def left(self, days: int) -> Person:
        """Somebody who had anna.nagy@acme.example and left so many days ago."""
        (key,) = people(1)
        address = give([key])[key]
        person = Person.objects.get(pk=key)
        person.state, person.state_since = "left", now() - timedelta(days=days)
        person.email, person.attributes = address, {**ANNA, "email": address}
        person.save()
        return person

    def asked(self, key: int, **more: Collection[int]) -> str:
        limit = now() - timedelta(days=365)
        given, _ = naming.reserve(form(left_before=limit), {key: ANNA}, **more)
        return given[key]

    @pytest.mark.django_db
    def test_within_it_a_name_is_given_to_nobody_else(self) -> None:
        self.left(364)
        assert self.asked(*people(1)) == "a.nagy@acme.example"

    @pytest.mark.django_db
    def test_after_it_a_name_passes_on_and_whose_it_was_has_it_no_more(self) -> None:
        gone = self.left(366)
        (key,) = people(1)
        assert self.asked(key) == "anna.nagy@acme.example"
        gone.refresh_from_db()
        assert (gone.email, gone.attributes) == ("", ANNA)
        event = Event.objects.get(action=Action.PERSON_CHANGED)
        assert (event.before, event.after) == (
            {"email": "anna.nagy@acme.example"},
            {"email": None},
        )
        assert event.reason == "they left long ago, and Anna 0 has it now"

    @pytest.mark.django_db
    def test_who_is_about_to_come_back_loses_nothing(self) -> None:
        gone = self.left(366)
        (key,) = people(1)
        assert self.asked(key, in_hand={gone.pk: gone}) == "a.nagy@acme.example"

    @pytest.mark.django_db
    def test_for_ever_is_for_ever(self) -> None:
        self.left(9999)
        (key,) = people(1)
        assert give([key])[key] == "a.nagy@acme.example"

    def test_two_who_want_it_at_once_never_both_get_it(self, transactional_db: None) -> None:
        self.left(366)
        keys = people(2)
        at_once([lambda key=key: self.asked(key) for key in keys])
        owners = dict(ReservedName.objects.values_list("value", "person_id"))
        assert set(owners) == {"anna.nagy@acme.example", "a.nagy@acme.example"}
        assert set(owners.values()) == set(keys)


class TestApplications:
    """What is on somebody's account in an application already is given to nobody else."""

    def account(self, person: int | None, situation: str, **more: object) -> Application:
        slug = f"chat{Application.objects.count()}"
        application = Application.objects.create(slug=slug, name="Chat", connector="memory")
        Account.objects.create(
            application=application,
            person_id=person,
            remote_id="1",
            situation=situation,
            **{"user_name": "Anna.Nagy@acme.example", **more},
        )
        return application

    @pytest.mark.django_db
    def test_another_persons_account(self) -> None:
        other, key = people(2)
        self.account(other, "linked")
        assert give([key]) == {key: "a.nagy@acme.example"}
        assert give([other]) == {other: "anna.nagy@acme.example"}

    @pytest.mark.django_db
    @pytest.mark.parametrize("attribute", ["emails.work", "email"])
    def test_by_address_too(self, attribute: str) -> None:
        address = {attribute: "anna.nagy@ACME.example"}
        self.account(None, "ignored", user_name="svc-1", attributes=address)
        (key,) = people(1)
        assert give([key]) == {key: "a.nagy@acme.example"}

    @pytest.mark.django_db
    def test_nobodys_counts_once_the_application_was_taken_over(self) -> None:
        application = self.account(None, "unmatched")
        first, second = people(2)
        assert give([first]) == {first: "anna.nagy@acme.example"}
        ReservedName.objects.all().delete()
        Application.objects.filter(pk=application.pk).update(taken_over_at=now())
        assert give([second]) == {second: "a.nagy@acme.example"}

    @pytest.mark.django_db
    def test_a_deleted_one_does_not_count(self) -> None:
        other, key = people(2)
        self.account(other, "deleted")
        assert give([key]) == {key: "anna.nagy@acme.example"}

    @pytest.mark.django_db
    def test_it_is_found_by_index(self) -> None:
        application = self.account(None, "unmatched")
        Account.objects.bulk_create(
            Account(
                application=application, remote_id=f"r{n}", user_name=f"p{n}", situation="unmatched"
            )
            for n in range(2000)
        )
        with connection.cursor() as cursor:
            # Whatever earlier tests had the database learn of this table.
            cursor.execute("ANALYZE applications_account")
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {HOLDERS_SQL}", holders_arguments(["a@acme.example"]))
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert "account_login" in plan
        assert "account_address" in plan


@pytest.mark.django_db
def test_one_who_lost_it_gets_their_own_address_back() -> None:
    (key,) = people(1)
    assert give([key]) == give([key]) == {key: "anna.nagy@acme.example"}


@pytest.mark.django_db
def test_without_a_name_there_is_no_address() -> None:
    (key,) = people(1)
    given, failed = naming.reserve(form(), {key: {}})
    assert given == {}
    assert "no letter that can be in one" in failed[key]


def test_two_who_ask_at_once_never_get_the_same(transactional_db: None) -> None:
    halves = [people(40), people(40)]
    found = at_once([lambda half=half: give(half) for half in halves])
    addresses = [address for given in found for address in given.values()]
    assert len(set(addresses)) == 80


def at_once(questions: Sequence[Callable[[], T]]) -> list[T]:
    """The answers of as many connections, each inside a transaction of its own that has not yet
    committed when the others ask."""
    found: list[T] = []
    start = threading.Barrier(len(questions))

    def ask(question: Callable[[], T]) -> None:
        try:
            with transaction.atomic():
                start.wait()
                answer = question()
            found.append(answer)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(question,)) for question in questions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(questions)
    return found
