"""One number, two people: nobody gets the accounts of who had it, or has it elsewhere."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.sources import answering
from tenure.sources.answering import AnswerRefused, question_named
from tenure.sources.models import RehireQuestion, SourceRecord
from tests.sources.hr import complaints, person, row, source, take

pytestmark = pytest.mark.django_db


def test_two_sources_that_count_from_one_make_nobody_of_two(tmp_path: Path) -> None:
    hr, partners = source(), source("partners", position=1)
    take(hr, tmp_path, [row(1, given="Anna", family="Nagy"), row(2), row(3)])
    rows = [
        row(1, given="Bo", family="Lind"),
        row(2, given="Given2", family="Nagy"),
        row(3, given="Cy", family="Berg", status="Terminated"),
        row(4),
    ]
    result = take(partners, tmp_path, rows)
    assert (result.counts["waiting"], result.counts["added"], result.counts["left"]) == (1, 1, 0)
    told = dict(complaints(result))
    assert "May be Anna Nagy (1, active)" in told[2]
    assert "the same employee_number alone" in told[2]
    assert "who is gone: the row is left out" in told[4]
    assert person(1).display_name == "Anna Nagy"
    assert SourceRecord.objects.filter(source=partners).count() == 2
    question = question_named("1")
    with pytest.raises(AnswerRefused, match="Anna Nagy has the number 1 already"):
        answering.other(question=question, now=now())
    answering.same(question=question, now=now())
    assert SourceRecord.objects.get(source=partners, key="1").person == person(1)
    assert take(partners, tmp_path, rows).counts.get("waiting", 0) == 0


def test_a_rule_of_the_source_ties_nobody_by_the_number_alone_either(tmp_path: Path) -> None:
    rules = [{"record": n, "person": n} for n in ("employee_number", "email")]
    hr, partners = source(), source("partners", position=1, correlation=rules)
    take(hr, tmp_path, [row(1, given="Anna", family="Nagy", email="anna@acme.example")])
    take(partners, tmp_path, [row(1, given="Bo", family="Lind")])
    assert RehireQuestion.objects.get().found_by == {str(person(1).pk): "employee_number alone"}
    take(partners, tmp_path, [row(1, given="A.", family="Kiss", email="ANNA@acme.example")])
    assert SourceRecord.objects.get(source=partners).person == person(1)


def test_a_number_that_is_given_again_takes_no_accounts_along(tmp_path: Path) -> None:
    hr = source()
    take(hr, tmp_path, [row(1, given="Anna", family="Nagy"), row(2)])
    other = [row(1, given="Bo", family="Lind"), row(2)]
    result = take(hr, tmp_path, other)
    assert "1 was Anna Nagy and is Bo Lind now" in complaints(result)[0][1]
    assert (person(1).display_name, Person.objects.count()) == ("Anna Nagy", 2)
    married = [row(1, given="Anna", family="Lind"), row(2)]
    assert take(hr, tmp_path, married).counts["changed"] == 1
    swapped = [row(1, given="LIND", family="Anna"), row(2)]
    assert take(hr, tmp_path, swapped).counts["changed"] == 1
    take(hr, tmp_path, [row(1, given="Bo", family="Berg"), row(2)], accept="a new name, HR says")
    assert person(1).display_name == "Bo Berg"
    day = str(now().date() + timedelta(days=9))
    take(hr, tmp_path, [row(1), row(3, given="New", family="Hire", start=day)], accept="x")
    take(hr, tmp_path, [row(1), row(3, given="Dan", family="Moe", start=day)])
    assert person(3).display_name == "Dan Moe"
    gone = row(1, given="Cy", family="Dahl", status="Terminated")
    assert take(hr, tmp_path, [gone, row(2)]).counts["left"] == 1
