"""Records of one person in several sources: tied where that is certain, asked about where not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.audit.models import Action, Event
from tenure.audit.services import acting
from tenure.infra.clock import now
from tenure.people.models import AttributeDefinition, Person
from tenure.sources import answering
from tenure.sources.answering import AnswerRefused, question_named
from tenure.sources.everybody import Everybody
from tenure.sources.importing import ImportResult, import_source
from tenure.sources.models import RehireQuestion, Source, SourceRecord
from tests.sources.hr import HEADER, MAPPING, complaints, person, row, source, take, write

pytestmark = pytest.mark.django_db

NUMBER = {"record": "employee_number", "person": "employee_number"}
EMAIL = {"record": "email", "person": "email"}
NAMES = ["given_name", "family_name", "birth_date"]


class Two:
    """HR, and the partners' directory, which counts people in its own way."""

    def __init__(self, folder: Path, correlation: list[dict[str, str]], **more: object) -> None:
        AttributeDefinition.objects.create(name="birth_date", label="Born", type="date")
        mapping = {**MAPPING, "birth_date": 'row["Born"]'}
        self.folder = folder
        self.hr = source("hr", position=0, mapping=mapping, absence="leave")
        fields = {"position": 1, "mapping": mapping, "absence": "leave", **more}
        self.partners = source("partners", correlation=correlation, **fields)

    def hr_says(self, *rows: str) -> ImportResult:
        return self._import(self.hr, rows)

    def partners_say(self, *rows: str) -> ImportResult:
        return self._import(self.partners, rows)

    def _import(self, which: Source, rows: tuple[str, ...]) -> ImportResult:
        which.refresh_from_db()
        lines = [line if line.count(",") > 7 else f"{line}," for line in rows]
        file = write(self.folder, lines, f"{HEADER},Born")
        return import_source(which, file=file, accept="a test")


def anna(number: int | str = 1, *, born: str = "1990-02-03", **more: str) -> str:
    given = {"given": "Anna", "family": "Nagy", "email": "anna@acme.example", **more}
    return f"{row(number, **given)},{born}"


def bo(number: int | str = 9) -> str:
    return row(number, given="Bo", email="bo@acme.example")


def test_by_email_it_is_the_same_person_with_two_records(tmp_path: Path) -> None:
    two = Two(tmp_path, [EMAIL])
    two.hr_says(anna(), bo())
    before = person(1)
    result = two.partners_say(anna("P-7", email="ANNA@acme.example", manager="P-8"), row("P-8"))
    assert (result.counts["added"], complaints(result)) == (1, [])
    found = person(1)
    assert (found.pk, found.employee_number) == (before.pk, "1")
    assert found.attributes["employee_number"] == "1"
    assert found.generation == before.generation + 1
    record = SourceRecord.objects.get(source=two.partners, key="P-7")
    assert (record.person_id, record.tied_by) == (found.pk, "email")
    # HR says nothing of her manager: the partners do, by a number of theirs.
    assert found.manager == person("P-8")
    event = Event.objects.get(action=Action.RECORD_JOINED)
    assert (event.reason, event.after) == (
        "the same email",
        {"source": "partners", "record": "P-7"},
    )
    # What it was found by may change: it stays hers.
    assert two.partners_say(anna("P-7", email="a@other.example"), row("P-8")).counts["added"] == 0
    assert Person.objects.count() == 3
    assert Event.objects.filter(action=Action.RECORD_JOINED).count() == 1


def test_managers_are_named_by_the_numbers_of_their_source(tmp_path: Path) -> None:
    two = Two(tmp_path, [EMAIL])
    two.hr_says(anna())
    two.partners_say(row("P-1", manager="P-7"), anna("P-7"), row("P-2", manager="P-7"))
    two.partners_say(
        row("P-1", manager="P-7"), anna("P-7"), row("P-2", manager="P-7"), row("P-3", manager="P-7")
    )
    for number in ("P-1", "P-2", "P-3"):
        assert person(number).manager == person(1)
        assert person(number).attributes["manager"] == "1"


def test_the_number_is_that_of_the_source_that_goes_first(tmp_path: Path) -> None:
    """The partners were there before HR: who is hired has HR's number from then on."""
    two = Two(tmp_path, [NUMBER, EMAIL])
    Source.objects.filter(slug="hr").update(correlation=[NUMBER, EMAIL])
    two.partners_say(anna("P-7"), row("P-8", manager="P-7"))
    anna_before = person("P-7")
    two.hr_says(anna(10482))
    assert person(10482).pk == anna_before.pk
    assert not Person.objects.filter(employee_number="P-7").exists()
    two.partners_say(anna("P-7", given="Annamari"), row("P-8", manager="P-7", given="Bo"))
    assert person("P-8").manager == person(10482)
    assert Person.objects.count() == 2


def test_a_number_of_somebody_else_is_no_number_of_theirs(tmp_path: Path) -> None:
    two = Two(tmp_path, [EMAIL])
    two.hr_says(anna(), bo(2))
    result = two.partners_say(row(2, given="Other", email="other@acme.example"))
    assert result.counts["errors"] == 1
    ((_, told),) = complaints(result)
    assert told.startswith("2 is the employee number of Bo Kovács, and this source ties nobody by")
    assert Person.objects.count() == 2


@pytest.mark.parametrize(
    ("rule", "line", "by"),
    [
        # The number says one, the e-mail another.
        ([NUMBER, EMAIL], anna(9), "employee_number"),
        # The names and the day of birth, in another spelling.
        ([EMAIL], anna("P-7", email="", given="ANNÁ"), " and ".join(NAMES)),
    ],
)
def test_who_is_not_certain_waits_until_somebody_says(
    tmp_path: Path, rule: list[dict[str, str]], line: str, by: str
) -> None:
    two = Two(tmp_path, rule, suggest=[NAMES])
    two.hr_says(anna(), bo())
    result = two.partners_say(line)
    key = line.partition(",")[0]
    assert (result.counts["waiting"], result.counts["added"]) == (1, 0)
    question = RehireQuestion.objects.get()
    assert by in question.found_by.values()
    ((_, told),) = complaints(result)
    assert "whom another source has: the same" in told
    assert f"`tenure match same {key}`" in told
    assert Person.objects.count() == 2
    with acting("cleo"):
        found = answering.same(
            question=question_named(key), person=person(1), reason="I know her", now=now()
        )
    assert (found.pk, found.employee_number) == (person(1).pk, "1")
    record = SourceRecord.objects.get(source=two.partners)
    assert record.person == found
    assert record.tied_by.endswith("and cleo said so")
    assert two.partners_say(line).counts.get("waiting", 0) == 0
    assert Event.objects.get(action=Action.REHIRE_ANSWERED).reason == "I know her"


def test_what_was_said_is_taken_back(tmp_path: Path) -> None:
    two = Two(tmp_path, [EMAIL], suggest=[NAMES])
    two.hr_says(anna())
    before = person(1)
    line = anna("P-7", email="", manager="")
    two.partners_say(f"{line}")
    answering.same(question=question_named("P-7"), now=now())
    assert person(1).records.count() == 2
    left = answering.take_back(question=question_named("P-7", answered=True), now=now())
    assert left is not None
    assert (left.pk, left.attributes, left.origins) == (
        before.pk,
        before.attributes,
        before.origins,
    )
    assert person(1).records.count() == 1
    assert two.partners_say(line).counts["waiting"] == 1
    made = answering.other(question=question_named("P-7"), now=now())
    assert (made.employee_number, made.email) == ("P-7", "anna.nagy@acme.example")
    assert two.partners_say(line).counts.get("waiting", 0) == 0


def test_nobody_who_has_left_is_taken_for_somebody_by_an_address(tmp_path: Path) -> None:
    two = Two(tmp_path, [EMAIL])
    two.hr_says(anna(), bo())
    two.hr_says(anna(status="Terminated"), bo())
    assert two.partners_say(anna("P-7")).counts["waiting"] == 1
    assert person(1).state == "left"


def test_two_records_of_one_source_are_asked_about(tmp_path: Path) -> None:
    """Somebody with two contracts: once it is said, they are here until both are over."""
    two = Two(tmp_path, [EMAIL])
    two.hr_says(anna())
    assert two.partners_say(anna("P-7"), anna("P-8")).counts["waiting"] == 2
    for key in ("P-7", "P-8"):
        answering.same(question=question_named(key), now=now())
    both = SourceRecord.objects.filter(source=two.partners)
    pk = person(1).pk
    assert set(both.values_list("person", flat=True)) == {pk}
    # The partners go first from now on, for the number too.
    Source.objects.filter(slug="hr").update(position=5)
    two.partners_say(anna("P-7", end="2024-05-31", status="Terminated"), anna("P-8", given="A."))
    found = Person.objects.get(pk=pk)
    assert (found.state, found.attributes["given_name"]) == ("active", "A.")
    assert (found.employee_number, found.end_date) == ("P-8", None)
    two.partners_say(anna("P-8"))
    assert Person.objects.get(pk=pk).state == "active"
    two.partners_say(bo("P-9"))
    assert Person.objects.get(pk=pk).state == "left"


def test_gone_from_one_source_they_stay_by_the_other(tmp_path: Path) -> None:
    two = Two(tmp_path, [EMAIL], authoritative=True)
    Source.objects.filter(slug="hr").update(authoritative=True)
    two.hr_says(anna(), bo())
    two.partners_say(anna("P-7"), row("P-8"))
    two.hr_says(bo())
    assert person(1).state == "active"
    two.partners_say(row("P-8"))
    assert person(1).state == "left"


def test_many_are_looked_up_as_few_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenure.sources.everybody.MANY", 2)
    two = Two(tmp_path, [EMAIL], suggest=[NAMES])
    two.hr_says(*(anna(n, email=f"a{n}@acme.example", given=f"Anna{n}") for n in range(1, 8)))
    lines = [anna(f"P-{n}", email=f"A{n}@acme.example") for n in range(1, 6)]
    lines += [anna("P-6", email="", given="ánna6")]
    result = two.partners_say(*lines)
    assert (result.counts["added"], result.counts["waiting"]) == (0, 1)
    assert {r.key: r.person.employee_number for r in two.partners.records.all()} == {
        f"P-{n}": str(n) for n in range(1, 6)
    }
    assert Everybody.of(two.partners, 0) is None


def test_who_was_entered_by_hand_gets_a_number_with_their_record(tmp_path: Path) -> None:
    two = Two(tmp_path, [EMAIL])
    local = Person.objects.create(
        display_name="Anna Nagy", attributes={"email": "anna@acme.example"}, origins={"email": ""}
    )
    two.partners_say(anna("P-7"))
    assert person("P-7").pk == local.pk


def test_an_answer_that_cannot_be_says_why(tmp_path: Path) -> None:
    two = Two(tmp_path, [NUMBER, EMAIL])
    two.hr_says(anna(), bo())
    two.partners_say(anna(9))
    with pytest.raises(AnswerRefused, match="Bo Kovács has the number 9 already"):
        answering.other(question=question_named("9"), now=now())


def test_a_source_without_rules_ties_by_number_as_ever(tmp_path: Path) -> None:
    hr, other = source("hr"), source("other", position=1)
    take(hr, tmp_path, [row(1)])
    take(other, tmp_path, [row(1, email="x@acme.example")])
    assert SourceRecord.objects.get(source=other).tied_by == ""
    assert not Event.objects.filter(action=Action.RECORD_JOINED).exists()
