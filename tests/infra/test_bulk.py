"""Many rows at once: arrays as PostgreSQL reads them, and inserts that it takes in meanwhile."""

from __future__ import annotations

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from tenure.audit.models import Action, Event
from tenure.audit.services import event, record_many
from tenure.infra.aside import Aside
from tenure.infra.bulk import array, insert_instances
from tenure.people.models import Person

pytestmark = pytest.mark.django_db

#: Long enough that a batch of them is more than the database takes at once.
_LONG = "x" * 300


def people(count: int) -> list[Person]:
    return [
        Person(employee_number=str(n), display_name=f"{_LONG} {n}"[-300:]) for n in range(count)
    ]


@pytest.mark.parametrize(
    "values", [[], [""], ["a"], ["a", 'b"', "c\\", '","', "NULL", "{}", "é,ő"], ['"']]
)
def test_an_array_holds_what_it_was_made_of(values: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text[], %s::bigint[]", [array(values), array([1, -2])])
        assert cursor.fetchone() == (values, [1, -2])


def test_what_is_inserted_aside_is_there_after_the_block() -> None:
    told = [event(Action.PERSON_ADDED, subject_kind="person", subject_key=str(n)) for n in range(3)]
    with Aside() as aside:
        aside.insert_instances(people(2000))
        record_many(told, aside)
    assert Person.objects.filter(display_name__startswith="x").count() == 2000
    assert Event.objects.filter(action=Action.PERSON_ADDED).count() == 3


def test_what_goes_wrong_aside_is_raised_at_the_end_and_undone() -> None:
    insert_instances(people(1))
    with pytest.raises(IntegrityError), transaction.atomic(), Aside() as aside:
        aside.insert_instances(people(2000))
    assert Person.objects.count() == 1


def test_an_error_of_the_caller_waits_for_what_was_sent() -> None:
    def fails() -> None:
        with transaction.atomic(), Aside() as aside:
            aside.insert_instances(people(2000))
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        fails()
    assert not Person.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_postgresql_counted_while_it_came_is_counted_anew(database_url: str) -> None:
    """It knows the pages then, and takes all that is in them for nothing."""
    with psycopg.connect(database_url, autocommit=True) as autovacuum:
        with transaction.atomic():
            insert_instances(people(1800)[:900])
            insert_instances(people(1800)[900:])
            autovacuum.execute("ANALYZE people_person")
            assert believed(autovacuum) == 0
        assert believed(autovacuum) == 1800


def believed(other: psycopg.Connection) -> float:
    """How many people PostgreSQL takes there to be."""
    found = other.execute("SELECT reltuples FROM pg_class WHERE relname = 'people_person'")
    (count,) = found.fetchone() or (-1,)
    return float(count)
