"""`tenure match`: what it prints, what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.people.models import Person
from tests.cli.conftest import Tenure
from tests.sources import hr


@pytest.fixture
def asked(transactional_db: None, tmp_path: Path) -> None:
    """Anna, 1, left, and may be 3."""
    source = hr.source(rehire=[["given_name", "family_name"]])
    anna = {"given": "Anna", "family": "Nagy"}
    hr.take(source, tmp_path, [hr.row(1, **anna)])
    gone = hr.row(1, **anna, end="2026-01-31")
    hr.take(source, tmp_path, [gone, hr.row(3, **anna, start="2026-06-01")])


def test_who_waits_and_who_it_may_be(asked: None, tenure: Tenure) -> None:
    (found,) = tenure("match", "list", "--json").document
    assert (found["employee_number"], found["name"], found["source"]) == ("3", "Anna Nagy", "hr")
    assert found["may_be"] == [
        {"employee_number": "1", "name": "Anna Nagy", "state": "left", "the_same": ""}
    ]
    assert (found["start_date"], found["answer"]) == ("2026-06-01", None)
    assert "waits" in tenure("match", "list").out
    # Its former name.
    assert "waits" in tenure("rehire", "list").out
    assert "rehire" not in tenure("--help").out


def test_the_same_then_undone_then_another(asked: None, tenure: Tenure) -> None:
    done = tenure("match", "same", "3", "--reason", "she is back", "--json")
    assert (done.code, done.document["employee_number"]) == (0, "3")
    assert Person.objects.get(employee_number="3").state == "active"
    assert "Nobody waits" in tenure("match", "list").out
    (found,) = tenure("match", "list", "--all", "--json").document
    assert (found["answer"], found["reason"], found["former_number"]) == (
        "same",
        "she is back",
        "1",
    )
    assert tenure("match", "undo", "3", "--reason", "the wrong one").code == 0
    assert Person.objects.get().employee_number == "1"
    done = tenure("match", "other", "3", "--reason", "her cousin")
    assert (done.code, done.err.split(".")[0]) == (0, "Anna Nagy is a new person")
    assert Person.objects.count() == 2


def test_what_cannot_be_is_one_sentence(asked: None, tenure: Tenure) -> None:
    for words, said in (
        (["same", "3"], "Say why."),
        (["other", "3", "--reason", " "], "Say why."),
        (["unsure", "3"], "Say why."),
        (["same", "4"], "no question about the number '4'"),
        (["undo", "3"], "no answer about the number '3'"),
        (["other", "3", "--source", "ats", "--reason", "x"], "no question about the number '3'"),
        (["same", "3", "--person", "9", "--reason", "x"], "Nobody has the employee number"),
    ):
        ended = tenure("match", *words)
        assert (ended.code, ended.out) == (1, "")
        assert said in ended.err


def test_who_is_not_sure_is_kept_and_it_goes_on_waiting(asked: None, tenure: Tenure) -> None:
    assert tenure("match", "unsure", "3", "--reason", "HR is asked").code == 0
    (found,) = tenure("match", "list", "--json").document
    assert (found["kind"], found["answer"], found["unsure_why"]) == ("record", None, "HR is asked")
    assert "is not sure: HR is asked" in " ".join(tenure("match", "list").out.split())


def test_two_who_are_here_twice_are_found_told_apart_and_asked_again(
    transactional_db: None, tenure: Tenure, tmp_path: Path
) -> None:
    same = {"given": "Анна", "email": "ANNA@acme.example"}
    people = [hr.row(1, given="Anna", email="anna@acme.example"), hr.row(2, **same), hr.row(3)]
    hr.take(hr.source(), tmp_path, people)
    (found,) = tenure("match", "find", "--json").document
    assert (found["kind"], found["employee_number"]) == ("people", "1")
    assert [(p["employee_number"], p["the_same"]) for p in found["may_be"]] == [("2", "email")]
    shown = tenure("match", "same", "1", "2", "--dry-run")
    assert (shown.code, "Afterwards" in shown.out) == (0, True)
    ended = tenure("match", "other", "2", "1", "--reason", "mother and daughter")
    assert (ended.code, "are two people" in ended.err) == (0, True)
    assert "mother and daughter" in tenure("match", "other", "1", "2", "--reason", "x").err
    assert "Nobody waits" in tenure("match", "find").out
    assert tenure("match", "undo", "1", "2", "--reason", "no").code == 0
    assert tenure("match", "same", "1", "2", "--reason", "one", "--yes").code == 0
    assert Person.objects.count() == 2
