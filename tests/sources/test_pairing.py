"""People who are here twice, looked for among everybody; and who is never asked about again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.provisioning.decisions import union_undoing, unions
from tenure.runs import services as runs
from tenure.runs.models import Run, RunKind
from tenure.sources import apart, matches, pairing, tasks
from tenure.sources.answering import AnswerRefused
from tenure.sources.models import Answer, PersonPair, RehireQuestion
from tests.sources import hr

pytestmark = pytest.mark.django_db
SAID = {"reason": "two Annas", "now": now()}


@pytest.fixture
def annas(tmp_path: Path) -> list[Person]:
    """Three with one address, and Bo."""
    same = {"given": "Anna", "family": "Nagy"}
    rows = [hr.row(n, **same, email=f"{'anna' * n}@acme.example") for n in (1, 2, 3)]
    hr.take(hr.source(), tmp_path, [*rows, hr.row(4, given="Bo", email="bo@acme.example")])
    people = list(Person.objects.order_by("employee_number"))
    at_one_home(people[:3])
    return people


def at_one_home(people: list[Person]) -> None:
    for person in people:
        person.refresh_from_db()
        person.attributes["personal_email"] = "Anna@Home.example"
        person.save()


def pairs() -> set[tuple[str | None, str | None]]:
    rows = PersonPair.objects.filter(answer="")
    return {(row.one.employee_number, row.other.employee_number) for row in rows}


def test_all_of_them_are_paired_once_and_the_run_says_how_many(annas: list[Person]) -> None:
    run, found = pairing.look()
    assert pairs() == {("1", "2"), ("1", "3"), ("2", "3")}
    assert (found.people, found.waiting, found.new, found.more) == (4, 3, 3, 0)
    assert (run.kind, run.counters["new"]) == (RunKind.MATCH, 3)
    assert {row.found_by for row in PersonPair.objects.all()} == {"personal_email"}
    _, again = pairing.look()
    assert (again.waiting, again.new) == (3, 0)
    # Who is called otherwise since is not asked about any more, unless somebody was not sure.
    apart.unsure(one=annas[0], other=annas[1], **SAID)
    for person in annas[1:3]:
        Person.objects.filter(pk=person.pk).update(attributes={})
    pairing.look()
    assert pairs() == {("1", "2")}
    assert matches.counts() == matches.Counts(unsure=1)


def test_who_was_told_apart_by_any_way_is_never_found_again(annas: list[Person]) -> None:
    one, two, three, _ = annas
    apart.two(one=two, other=one, **SAID)
    with pytest.raises(AnswerRefused, match="said already that they are two: two Annas"):
        apart.unsure(one=one, other=two, **SAID)
    RehireQuestion.objects.create(
        source=one.records.get().source,
        key="3",
        candidates=[one.pk],
        answer=Answer.OTHER,
        person=three,
    )
    union = unions.merge(person=two, other=three, reason="one")
    assert pairing.look()[1].waiting == 0
    union_undoing.undo(union=union, reason="two after all")
    at_one_home(annas[:3])
    assert pairing.look()[1].waiting == 0
    apart.take_back(one=one, other=two, reason="I was wrong")
    assert pairing.look()[1].waiting == 1
    told = Event.objects.filter(action=Action.TOLD_APART)
    assert {event.person for event in told} == {str(one.uid), str(two.uid)}


def test_a_merge_takes_what_was_said_along_and_gives_it_back(annas: list[Person]) -> None:
    one, two, _, bo = annas
    apart.two(one=two, other=bo, **SAID)
    apart.unsure(one=one, other=two, **SAID)
    union = unions.merge(person=one, other=two, reason="one")
    # That Bo is not the second Anna is said of the first one now; of her and herself, nothing.
    assert matches.everything() == []
    pair = apart.pair_of(bo, one)
    assert pair is not None
    assert pair.answer == "other"
    union_undoing.undo(union=union, reason="two after all")
    assert apart.pair_of(bo, one) is None
    assert {(p.one_id, p.other_id) for p in matches.pairs_of(one)} == {(one.pk, two.pk)}


def test_who_has_left_both_and_what_many_share_is_no_question(annas: list[Person]) -> None:
    Person.objects.filter(pk__in=[annas[0].pk, annas[1].pk]).update(state="left")
    pairing.look()
    assert pairs() == {("1", "3"), ("2", "3")}
    home = {"personal_email": "front-desk@acme.example"}
    Person.objects.bulk_create(Person(display_name=f"P{n}", attributes=home) for n in range(9))
    run, found = pairing.look()
    assert (found.waiting, found.common) == (2, 1)
    assert "1 values say nothing" in run.message


def test_it_is_looked_for_every_night_and_as_whoever_asked(annas: list[Person]) -> None:
    dead = runs.start(RunKind.MATCH)
    tasks.find_pairs(actor="administrator anna", names_too=True)
    tasks.find_pairs_nightly(0)
    dead.refresh_from_db()
    assert dead.state == "failed"
    rows = Run.objects.filter(kind=RunKind.MATCH, state="done").order_by("pk")
    assert [(run.actor, run.reason) for run in rows] == [
        ("administrator anna", "names alone too"),
        ("system", ""),
    ]
    Person.objects.all().delete()
    tasks.find_pairs_nightly(0)
    assert rows.count() == 2
