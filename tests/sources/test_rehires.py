"""Who comes under a new employee number and may have been here before: asked, answered, undone."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenure.audit.models import Action, Event
from tenure.audit.services import acting
from tenure.infra.clock import now
from tenure.people.models import AttributeDefinition, Company, Person
from tenure.sources import answering, selectors
from tenure.sources.answering import AnswerRefused, question_named
from tenure.sources.importing import ImportResult, import_source
from tenure.sources.models import RehireQuestion, Source, SourceRecord
from tests.sources.hr import HEADER, MAPPING, complaints, person, row, source, write

pytestmark = pytest.mark.django_db

PRIVATE = "anna@home.example"


class Hr:
    """A source that knows private addresses and birthdays, and asks by them."""

    def __init__(self, folder: Path, **more: object) -> None:
        AttributeDefinition.objects.create(name="birth_date", label="Born", type="date")
        mapping = {**MAPPING, "personal_email": 'row["Home"]', "birth_date": 'row["Born"]'}
        rules = [["personal_email"], ["given_name", "family_name", "birth_date"]]
        Company.objects.update_or_create(pk=1, defaults={"name_retention": None})
        self.source: Source = source(mapping=mapping, rehire=rules, **more)
        self.folder = folder

    def says(self, *rows: str, dry_run: bool = False) -> ImportResult:
        file = write(self.folder, rows, f"{HEADER},Home,Born")
        return import_source(self.source, file=file, accept="a test", dry_run=dry_run)

    def left(self) -> Person:
        """Anna, 1, who was here and left."""
        self.says(self.anna(1), self.bo())
        self.says(self.anna(1, end="2024-06-30", status="Terminated"), self.bo())
        return person(1)

    def bo(self) -> str:
        return row(9, given="Bo") + ",bo@home.example,1980-01-01"

    def anna(self, number: int, home: str = PRIVATE, born: str = "1990-02-03", **more: str) -> str:
        line = row(number, **{"given": "Anna", "family": "Nagy", **more})
        return f"{line},{home},{born}"

    def comes_back(self, number: int = 2, **more: str) -> ImportResult:
        old = self.anna(1, end="2024-06-30", status="Terminated")
        return self.says(old, self.bo(), self.anna(number, **{"start": "2026-01-01", **more}))


@pytest.fixture
def hr(tmp_path: Path) -> Hr:
    return Hr(tmp_path)


def same(number: int | str = 2, **more: object) -> Person:
    return answering.same(question=question_named(str(number)), now=now(), **more)  # type: ignore[arg-type]


def other(number: int | str = 2) -> Person:
    return answering.other(question=question_named(str(number)), now=now())


class TestAsking:
    def test_a_new_number_with_a_known_private_address_waits(self, hr: Hr) -> None:
        anna = hr.left()
        result = hr.comes_back(home="ANNA@home.example", born="")
        assert result.counts["waiting"] == 1
        assert Person.objects.count() == 2
        question = RehireQuestion.objects.get()
        assert (question.key, question.candidates) == ("2", [anna.pk])
        (told,) = complaints(result)
        assert told[0] == 4
        assert told[1].startswith("May be Anna Nagy (1, left), back under a new number.")
        assert "`tenure match same 2`" in told[1]

    def test_by_name_and_birthday_together(self, hr: Hr) -> None:
        hr.left()
        hr.comes_back(home="other@home.example")
        assert RehireQuestion.objects.count() == 1

    @pytest.mark.parametrize(
        "differs",
        [{"home": "", "born": ""}, {"home": "x@home.example", "given": "Anne"}],
    )
    def test_who_is_not_the_same_in_all_of_a_rule_is_new(
        self, hr: Hr, differs: dict[str, str]
    ) -> None:
        hr.left()
        hr.comes_back(**differs)
        assert person(2).state == "active"
        assert not RehireQuestion.objects.exists()

    def test_it_is_asked_of_who_is_about_to_leave_in_this_very_import(self, hr: Hr) -> None:
        hr.says(hr.anna(1), hr.bo())
        hr.comes_back()
        assert person(1).state == "left"
        assert RehireQuestion.objects.get().candidates == [person(1).pk]

    def test_it_is_asked_when_one_number_takes_the_place_of_another(self, tmp_path: Path) -> None:
        hr = Hr(tmp_path, absence="leave")
        hr.says(hr.anna(1), hr.bo())
        hr.says(hr.anna(2), hr.bo())
        assert person(1).state == "left"
        assert RehireQuestion.objects.get().key == "2"

    def test_a_first_import_asks_nothing(self, hr: Hr) -> None:
        hr.says(hr.anna(1, end="2024-06-30"), hr.anna(2))
        assert Person.objects.count() == 2

    def test_a_dry_run_tells_and_keeps_nothing(self, hr: Hr) -> None:
        hr.left()
        old = hr.anna(1, end="2024-06-30", status="Terminated")
        assert hr.says(old, hr.anna(2), dry_run=True).counts["waiting"] == 1
        assert not RehireQuestion.objects.exists()

    def test_every_import_says_so_and_what_the_row_says_now_is_kept(self, hr: Hr) -> None:
        hr.left()
        hr.comes_back()
        assert hr.comes_back(manager="9").counts["waiting"] == 1
        assert RehireQuestion.objects.get().row["attributes"]["manager"] == "9"

    def test_a_row_that_is_corrected_is_asked_about_no_more(self, hr: Hr) -> None:
        hr.left()
        hr.comes_back()
        hr.comes_back(home="x@home.example", born="1991-01-01")
        assert not RehireQuestion.objects.exists()
        assert person(2).state == "active"

    def test_a_hire_that_is_cancelled_is_asked_about_no_more(self, tmp_path: Path) -> None:
        hr = Hr(tmp_path, absence="leave")
        hr.left()
        hr.comes_back()
        hr.says(hr.anna(1, end="2024-06-30", status="Terminated"), hr.bo())
        assert not RehireQuestion.objects.exists()

    def test_it_costs_a_source_without_rules_nothing(self, hr: Hr) -> None:
        hr.left()
        Source.objects.update(rehire=[])
        hr.source.refresh_from_db()
        with CaptureQueriesContext(connection) as queries:
            hr.comes_back()
        assert not any("unnest" in q["sql"] and "given.v0" in q["sql"] for q in queries)
        assert person(2).state == "active"


class TestTheSame:
    def test_they_get_the_number_and_keep_what_is_theirs(self, hr: Hr) -> None:
        anna = hr.left()
        hr.comes_back()
        with acting("cleo"):
            found = same(reason="back after a year")
        assert (found.pk, found.employee_number, found.state) == (anna.pk, "2", "active")
        assert found.email == "anna.nagy@acme.example"
        assert found.attributes["employee_number"] == "2"
        assert found.attributes["start_date"] == "2026-01-01"
        assert "end_date" not in found.attributes
        assert found.generation > anna.generation
        assert [r.key for r in SourceRecord.objects.filter(person=found)] == ["2"]
        event = Event.objects.get(action=Action.REHIRE_ANSWERED)
        assert (event.actor, event.reason) == ("cleo", "back after a year")
        assert event.before == {"employee_number": "1"}
        assert event.after == {"answer": "same", "employee_number": "2"}
        assert selectors.rehires() == []

    def test_the_old_row_counts_no_more_and_it_is_never_asked_again(self, hr: Hr) -> None:
        hr.left()
        hr.comes_back()
        same()
        for _ in range(2):
            result = hr.comes_back()
            assert result.counts["former"] == 1
            assert complaints(result) == []
            assert person(2).state == "active"
        assert Person.objects.count() == 2

    def test_an_old_row_that_works_still_is_told(self, hr: Hr) -> None:
        hr.left()
        hr.comes_back()
        same()
        (told,) = complaints(hr.says(hr.anna(1), hr.bo(), hr.anna(2)))
        assert "1 is the former number of somebody who has another one now" in told[1]

    def test_a_termination_by_hand_is_over(self, hr: Hr) -> None:
        hr.left()
        Person.objects.filter(employee_number="1").update(terminated_at=now())
        hr.comes_back()
        assert same().state == "active"

    def test_another_source_may_go_on_with_the_old_number(self, hr: Hr, tmp_path: Path) -> None:
        anna = hr.left()
        other_source = source("phones", position=1, mapping={**MAPPING, "phone": 'row["Phone"]'})
        other_source.mapping.pop("status")
        other_source.save()
        header, folder = f"{HEADER},Phone", tmp_path / "phones"
        folder.mkdir()
        import_source(other_source, file=write(folder, [row(1, given="Anna") + ",555"], header))
        hr.comes_back()
        found = same()
        assert found.attributes["phone"] == "555"
        result = import_source(other_source, file=write(folder, [row(1) + ",777"], header))
        assert result.counts["added"] == 0
        assert Person.objects.get(pk=anna.pk).attributes["phone"] == "777"
        assert Person.objects.count() == 2

    def test_one_of_several_has_to_be_named(self, hr: Hr) -> None:
        hr.says(hr.anna(1), hr.anna(3, given="Annamária", born="1991-01-01"), hr.bo())
        hr.says(hr.anna(1), hr.anna(3, given="Annamária", born="1991-01-01"), hr.bo(), hr.anna(2))
        with pytest.raises(AnswerRefused, match=r"could be Anna Nagy .* or Annamária .*: say who"):
            same()
        with pytest.raises(AnswerRefused, match="Bo Kovács is none of them"):
            same(person=person(9))
        assert same(person=person(3)).employee_number == "2"

    def test_a_question_is_answered_once(self, hr: Hr) -> None:
        hr.left()
        hr.comes_back()
        question = question_named("2")
        same()
        with pytest.raises(AnswerRefused, match="answered already"):
            answering.other(question=question, now=now())
        with pytest.raises(LookupError, match="no question about the number '2'"):
            question_named("2")


class TestSomebodyElse:
    def test_a_new_person_is_made_and_never_asked_about(self, hr: Hr) -> None:
        hr.left()
        hr.comes_back()
        found = other()
        assert (found.employee_number, found.email) == ("2", "a.nagy@acme.example")
        assert person(1).state == "left"
        result = hr.comes_back()
        assert result.counts.get("waiting", 0) == 0
        assert result.counts["unchanged"] == 3
        Person.objects.filter(pk=found.pk).update(state="left")
        assert hr.comes_back(start="2026-02-01").counts.get("waiting", 0) == 0


class TestTakingBack:
    def test_the_same_person_is_as_before_and_it_is_asked_again(self, hr: Hr) -> None:
        hr.left()
        before = Person.objects.filter(employee_number="1").values().get()
        records = [_plain(row) for row in SourceRecord.objects.filter(person=before["id"]).values()]
        hr.comes_back()
        same()
        left = answering.take_back(question=question_named("2", answered=True), now=now())
        after = Person.objects.filter(employee_number="1").values().get()
        assert left is not None
        changed = {name for name, value in after.items() if value != before[name]}
        assert changed == {"generation", "changed_at"}
        assert [_plain(row) for row in SourceRecord.objects.filter(person=left).values()] == records
        assert RehireQuestion.objects.get().answer == ""
        assert hr.comes_back().counts["waiting"] == 1
        assert Event.objects.filter(action=Action.REHIRE_UNDONE).count() == 1
        assert other().email == "a.nagy@acme.example"

    def test_a_new_person_is_gone_and_their_name_free(self, hr: Hr) -> None:
        hr.left()
        hr.comes_back()
        other()
        assert answering.take_back(question=question_named("2", answered=True), now=now()) is None
        assert not Person.objects.filter(employee_number="2").exists()
        assert same().employee_number == "2"

    def test_a_number_that_went_on_is_taken_back_first(self, hr: Hr) -> None:
        hr.left()
        hr.comes_back()
        same()
        hr.says(hr.anna(2), hr.bo(), hr.anna(3))
        same(3)
        with pytest.raises(AnswerRefused, match="has another number by now, 3"):
            answering.take_back(question=question_named("2", answered=True), now=now())


def _plain(values: dict[str, object]) -> dict[str, object]:
    """A record without its id, which is another one when it is put back."""
    return {**values, "id": None, "digest": bytes(values["digest"])}  # type: ignore[call-overload]
