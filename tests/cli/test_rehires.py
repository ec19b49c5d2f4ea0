"""`tenure rehire`: what it prints, what it refuses."""

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
    (found,) = tenure("rehire", "list", "--json").document
    assert (found["employee_number"], found["name"], found["source"]) == ("3", "Anna Nagy", "hr")
    assert found["may_be"] == [
        {"employee_number": "1", "name": "Anna Nagy", "state": "left", "the_same": ""}
    ]
    assert (found["start_date"], found["answer"]) == ("2026-06-01", None)
    assert "waits" in tenure("rehire", "list").out


def test_the_same_then_undone_then_another(asked: None, tenure: Tenure) -> None:
    done = tenure("rehire", "same", "3", "--reason", "she is back", "--json")
    assert (done.code, done.document["employee_number"]) == (0, "3")
    assert Person.objects.get(employee_number="3").state == "active"
    assert "Nobody waits" in tenure("rehire", "list").out
    (found,) = tenure("rehire", "list", "--all", "--json").document
    assert (found["answer"], found["reason"], found["former_number"]) == (
        "same",
        "she is back",
        "1",
    )
    assert tenure("rehire", "undo", "3").code == 0
    assert Person.objects.get().employee_number == "1"
    done = tenure("rehire", "other", "3", "--reason", "her cousin")
    assert (done.code, done.err.split(".")[0]) == (0, "Anna Nagy is a new person")
    assert Person.objects.count() == 2


def test_what_cannot_be_is_one_sentence(asked: None, tenure: Tenure) -> None:
    for words, said in (
        (["same", "4"], "no question about the number '4'"),
        (["undo", "3"], "no answer about the number '3'"),
        (["other", "3", "--source", "ats"], "no question about the number '3'"),
        (["same", "3", "--person", "9"], "Nobody has the employee number"),
    ):
        ended = tenure("rehire", *words)
        assert (ended.code, ended.out) == (1, "")
        assert said in ended.err
