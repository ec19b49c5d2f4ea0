"""The audit trail: append-only, sealed in a chain by whoever is first, checked from the start."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import InternalError, connection, transaction
from django.db.utils import DatabaseError

from tenure.audit.models import Action, Event
from tenure.audit.services import Noted, acting, last, record, seal, verify


def write(count: int, **more: object) -> None:
    for number in range(count):
        record(
            Action.PERSON_CHANGED,
            subject_kind="person",
            subject_key=str(number),
            reason="why",
            before={"title": "A"},
            after={"title": "é", "n": [1, 2.5, None]},
            **more,
        )


@contextmanager
def as_the_owner() -> Iterator[None]:
    """What the owner of the database can do: switch the trigger off."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER audit_event_append_only")
        yield
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER audit_event_append_only")


@pytest.mark.django_db
def test_what_was_written_is_sealed_and_verifies() -> None:
    with acting("administrator anna"):
        write(5)
    assert verify() == (0, "")
    assert (seal(3), seal(3), seal(3)) == (3, 2, 0)
    assert verify() == (5, "")
    event = Event.objects.get(position=1)
    assert (event.actor, event.reason, event.before) == (
        "administrator anna",
        "why",
        {"title": "A"},
    )


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.django_db
def test_nobody_changes_or_deletes_an_event(sealed: bool) -> None:
    write(1)
    if sealed:
        seal()
    for attempt in (
        lambda: Event.objects.update(actor="nobody"),
        lambda: Event.objects.update(position=7),
        lambda: Event.objects.all().delete(),
    ):
        with (
            pytest.raises((InternalError, DatabaseError), match="append-only"),
            transaction.atomic(),
        ):
            attempt()


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "nobody"},
        {"reason": ""},
        {"before": {"title": "B"}},
        {"after": None},
        {"run": 5},
        {"subject_key": "x"},
    ],
)
@pytest.mark.django_db
def test_a_changed_event_is_found_and_named(change: dict[str, object]) -> None:
    write(5)
    seal()
    third = Event.objects.get(position=3)
    with as_the_owner():
        Event.objects.filter(pk=third.pk).update(**change)
    assert verify() == (2, f"event 3 (id {third.pk}) is not as it was written")


@pytest.mark.django_db
def test_a_missing_event_is_found() -> None:
    write(5)
    seal()
    with as_the_owner():
        Event.objects.filter(position=3).delete()
    assert verify() == (2, "event 3 is missing: the next one is number 4")


@pytest.mark.django_db
def test_a_number_of_any_length_does_not_stop_the_chain() -> None:
    """What an application has answered is kept as it is."""
    write(1)
    record(
        Action.ACCOUNT_DRIFTED, subject_kind="account", subject_key="1", after={"n": 10**30, "é": 2}
    )
    write(1)
    assert seal() == 3
    assert verify() == (3, "")


@pytest.mark.django_db
def test_an_end_that_was_cut_off_and_a_chain_that_was_written_anew_are_found() -> None:
    """By whoever has noted the last digest elsewhere: the chain by itself is whole."""
    write(3)
    seal()
    noted = last()
    assert noted is not None
    assert verify([noted]) == (3, "")
    with as_the_owner():
        Event.objects.filter(position=3).delete()
    assert verify() == (2, "")
    assert verify([noted]) == (2, "event 3 is missing: the trail ends at 2, and 3 was noted")
    write(1)
    seal()
    count, wrong = verify([noted])
    assert (count, wrong) == (2, "event 3 is another one than what was noted")
    # The beginning of the digest is enough.
    first = Event.objects.get(position=1)
    assert verify([Noted(1, bytes(first.digest or b"").hex()[:16])]) == (3, "")


def test_many_who_write_and_seal_at_once_make_one_chain(transactional_db: None) -> None:
    def work() -> None:
        try:
            for _ in range(10):
                with transaction.atomic():
                    write(5)
                seal(7)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while seal():
        pass
    assert verify() == (200, "")
    assert not Event.objects.filter(position=None).exists()
