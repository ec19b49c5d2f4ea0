"""Addresses that are made here go into the records of HR: once, kept, tried again, held where there
are too many, and never taken for news when they are read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tenure.audit.models import Action, Event
from tenure.core.model import LifecycleState
from tenure.infra.clock import now
from tenure.notices import collecting
from tenure.people.decisions import end_legal_hold, set_legal_hold
from tenure.people.models import Company, Person
from tenure.people.services import terminate
from tenure.provisioning import services as provisioning
from tenure.readers.base import ReaderBusy, ReaderError, RecordRefused
from tenure.readers.memory import MemorySource, forget_all
from tenure.sources.importing import import_source
from tenure.sources.models import Source, SourceRecord
from tenure.sources.rebuilding import rebuild
from tenure.writeback import delivery, previewing, steering
from tenure.writeback.models import Pause, WriteBack
from tests.sources.hr import person
from tests.sources.memory import live, put

pytestmark = pytest.mark.django_db
State = WriteBack.State


@pytest.fixture(autouse=True)
def _fresh() -> None:
    forget_all()


def hr(size: int = 2, **more: object) -> tuple[Source, MemorySource]:
    """A source whose people get addresses here, that takes them back."""
    return live(size, write_back={"email": "E-mail"}, **more)


def address(there: MemorySource, number: int = 1) -> str:
    return there.records[f"id-{number}"]["E-mail"]


def says(there: MemorySource, number: int, email: str) -> None:
    """The record of HR has this address."""
    if f"id-{number}" not in there.records:
        put(there, number)
    there.put(f"id-{number}", **{"E-mail": email})


def writes(there: MemorySource) -> int:
    return sum(one.startswith("write") for one in there.asked)


def soon() -> None:
    """Whatever waits is due, and no source rests."""
    WriteBack.objects.update(not_before=now())
    Pause.objects.update(until=now())


def test_an_address_goes_back_once_and_is_no_news_when_it_is_read() -> None:
    source, there = hr()
    import_source(source)
    assert {row.state for row in WriteBack.objects.all()} == {State.WAITING}
    assert delivery.write_due(source) == 2
    assert address(there) == "given1.kovacs@acme.example"
    event = Event.objects.filter(action=Action.WRITTEN_BACK).earliest("id")
    assert (event.before, event.after) == (
        {"E-mail": ""},
        {"E-mail": "given1.kovacs@acme.example"},
    )
    before = Person.objects.get(employee_number="1")
    for full in (False, True):
        result = import_source(source, full=full)
        assert (result.counts["changed"], result.counts["added"]) == (0, 0)
    after = Person.objects.get(employee_number="1")
    assert (after.origins["email"], after.generation) == ("", before.generation)
    assert not WriteBack.objects.exclude(state=State.DONE)
    asked = writes(there)
    assert delivery.write_due(source) == 0
    assert writes(there) == asked


def test_a_rename_follows_and_an_import_before_it_is_written_undoes_nothing() -> None:
    source, there = hr()
    Company.objects.filter(pk=1).update(on_rename="change")
    import_source(source)
    delivery.write_due(source)
    put(there, 1, family="Szabó")
    import_source(source)
    assert person(1).email == "given1.szabo@acme.example"
    import_source(source, full=True)
    assert person(1).email == "given1.szabo@acme.example"
    assert address(there) == "given1.kovacs@acme.example"
    assert delivery.write_due(source) == 1
    assert address(there) == "given1.szabo@acme.example"
    assert import_source(source).counts["changed"] == 0


def test_what_hr_writes_itself_counts_and_is_not_written_over() -> None:
    source, there = hr()
    import_source(source)
    delivery.write_due(source)
    says(there, 1, "boss@acme.example")
    import_source(source)
    assert (person(1).email, person(1).origins["email"]) == ("boss@acme.example", "hr")
    assert not WriteBack.objects.exclude(state=State.DONE)
    says(there, 2, "")
    import_source(source)
    delivery.write_due(source)
    assert address(there, 2) == "", "they took it out"


def test_a_record_that_has_it_is_not_written() -> None:
    source, there = hr(1)
    source.mapping = {name: text for name, text in source.mapping.items() if name != "email"}
    source.save()
    says(there, 1, "Given1.Kovacs@acme.example")
    import_source(source)
    assert delivery.write_due(source) == 1
    assert writes(there) == 0
    assert not Event.objects.filter(action=Action.WRITTEN_BACK)


def test_nothing_is_asked_for_in_a_dry_run() -> None:
    source, _ = hr()
    import_source(source, dry_run=True)
    assert not WriteBack.objects.exists()


def test_leavers_and_people_under_legal_hold_are_left_alone() -> None:
    source, there = hr(3)
    import_source(source)
    terminate(person(1), at=now(), reason="gone", now=now())
    set_legal_hold(person=person(2), reason="a lawsuit", now=now())
    assert delivery.write_due(source) == 1
    assert [address(there, n) for n in (1, 2)] == ["", ""]
    assert not WriteBack.objects.filter(person=person(1)).exists()
    assert "legal hold" in WriteBack.objects.get(person=person(2)).reason
    end_legal_hold(person=person(2), reason="over", now=now())
    soon()
    assert delivery.write_due(source) == 1
    assert person(1).state == LifecycleState.LEFT.value


def test_a_record_that_passes_to_another_person_gets_their_address() -> None:
    source, there = hr(2)
    import_source(source)
    delivery.write_due(source)
    SourceRecord.objects.filter(key="2").update(person=person(1))
    rebuild([person(1)], at=now())
    assert delivery.write_due(source) == 1
    assert address(there, 2) == address(there, 1) == "given1.kovacs@acme.example"


def test_the_emergency_stop_pauses_it() -> None:
    source, there = hr()
    import_source(source)
    provisioning.stop_writes(reason="fire")
    assert delivery.write_due(source) == 0
    assert writes(there) == 0
    provisioning.resume_writes()
    assert delivery.write_due(source) == 2


class TestTrouble:
    def test_a_busy_source_is_left_in_peace_as_long_as_it_says(self) -> None:
        source, there = hr()
        import_source(source)
        there.failure = ReaderBusy("Too many requests.", after=1800)
        assert delivery.write_due(source) == 0
        pause = Pause.objects.get()
        assert not pause.refused
        assert pause.until - now() > timedelta(minutes=29)
        there.failure = None
        assert delivery.write_due(source) == 0
        soon()
        assert delivery.write_due(source) == 2
        assert not Pause.objects.exists()

    def test_bad_credentials_stop_it_with_growing_pauses_until_they_are_mended(self) -> None:
        source, there = hr()
        import_source(source)
        there.password = "another"
        for tries in (1, 2):
            assert delivery.write_due(source) == 0
            pause = Pause.objects.get()
            assert (pause.refused, pause.tries) == (True, tries)
            soon()
        assert Event.objects.filter(action=Action.WRITE_BACK_STOPPED).count() == 1
        (told,) = [one for one in collecting.waiting() if one.kind is collecting.Kind.STOPPED]
        assert (told.title, told.detail) == ("Nothing is written into HR", "The password is wrong.")
        there.password = ""
        steering.retry(source, reason="a new password")
        assert delivery.write_due(source) == 2

    def test_a_record_that_refuses_it_fails_and_the_others_do_not(self) -> None:
        source, there = hr()
        import_source(source)
        there.broken.add("id-1")
        assert delivery.write_due(source) == 1
        row = WriteBack.objects.get(state=State.FAILED)
        assert row.reason == "The record id-1 is broken."
        assert Event.objects.get(action=Action.WRITE_BACK_FAILED).person == str(person(1).uid)
        there.broken.clear()
        assert steering.retry(source, reason="mended") == 1
        assert delivery.write_due(source) == 1

    def test_what_does_not_answer_is_tried_again_and_given_up_in_the_end(self) -> None:
        source, there = hr(1)
        import_source(source)
        there.failure = ReaderError("It does not answer.")
        for _ in range(10):
            soon()
            assert delivery.write_due(source) == 0
        assert WriteBack.objects.get().state == State.FAILED

    def test_a_worker_that_dies_after_sending_leaves_evidence(self) -> None:
        source, there = hr(1)
        import_source(source)
        row = WriteBack.objects.get()
        delivery._intend(row, {"E-mail": ""})
        there.put("id-1", **{"E-mail": "given1.kovacs@acme.example"})
        assert delivery.write_due(source) == 1
        assert writes(there) == 0
        assert Event.objects.get(action=Action.WRITTEN_BACK).before == {"E-mail": ""}


class TestGuard:
    def test_many_records_at_once_are_held_until_somebody_says_that_it_is_right(self) -> None:
        source, there = hr(30)
        import_source(source)
        assert set(WriteBack.objects.values_list("state", flat=True)) == {State.HELD}
        assert "30 records of HR" in WriteBack.objects.first().reason  # type: ignore[union-attr]
        assert delivery.write_due(source) == 0
        assert steering.accept(source, reason="the first import") == 30
        assert delivery.write_due(source) == 30
        assert address(there, 30) == "given30.kovacs@acme.example"
        put(there, 31)
        import_source(source)
        assert delivery.write_due(source) == 1, "what was approved is not counted"

    def test_what_is_rejected_is_not_written(self) -> None:
        source, there = hr(30)
        import_source(source)
        assert steering.reject(source, reason="HR has them already") == 30
        assert delivery.write_due(source) == 0
        assert writes(there) == 0

    def test_the_limit_is_the_sources_own(self) -> None:
        source, _ = hr(2, guard={"write_back": {"percent": 1, "floor": 1}})
        import_source(source)
        assert WriteBack.objects.filter(state=State.HELD).count() == 2


class TestEverybody:
    def test_a_preview_says_who_lacks_what_and_writes_nothing(self) -> None:
        source, there = live(2)
        import_source(source)
        says(there, 1, "ours@acme.example")
        source.write_back = {"email": "E-mail"}
        source.save()
        found = previewing.preview(source)
        assert [(one.person.employee_number, one.was, one.values) for one in found.lacking] == [
            ("1", {"E-mail": "ours@acme.example"}, {"E-mail": "given1.kovacs@acme.example"}),
            ("2", {"E-mail": ""}, {"E-mail": "given2.kovacs@acme.example"}),
        ]
        assert not WriteBack.objects.exists()
        assert writes(there) == 0

    def test_they_are_written_for_a_reason(self) -> None:
        source, _ = live(30)
        import_source(source)
        source.write_back = {"email": "E-mail"}
        source.save()
        assert steering.write_all(source, reason="HR wants them") == 30
        assert delivery.write_due(source) == 30
        assert steering.write_all(source, reason="again") == 0
        assert SourceRecord.objects.filter(written={}).count() == 0


def test_a_record_that_is_refused_by_the_source_is_told_by_its_words() -> None:
    source, there = hr(1)
    import_source(source)
    there.failure = RecordRefused("E-mail is no address of this company.")
    delivery.write_due(source)
    assert WriteBack.objects.get().reason == "E-mail is no address of this company."
