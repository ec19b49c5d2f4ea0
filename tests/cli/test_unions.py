"""`tenure person merge`, `split`, `undo`: shown first, asked, done, taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.people.models import AttributeDefinition, Person
from tests.cli.conftest import Tenure
from tests.sources import hr


@pytest.fixture
def twice(transactional_db: None, tmp_path: Path) -> None:
    """Anna is 1 in HR, and P-7 at the partners'; where she was born nobody is to see."""
    AttributeDefinition.objects.create(name="born", label="Born", type="string", sensitive=True)
    mapping = {**hr.MAPPING, "born": 'row["Family"]'}
    first = hr.source("hr", mapping=mapping)
    second = hr.source("partners", position=1, first_for=["born", "given_name"], mapping=mapping)
    hr.take(first, tmp_path, [hr.row(1, given="Anna", family="Secret")])
    hr.take(second, tmp_path, [hr.row("P-7", given="Anni", family="Hidden")])


def test_shown_then_done_then_taken_back(twice: None, tenure: Tenure) -> None:
    words = ("person", "merge", "1", "P-7")
    shown = tenure(*words, "--dry-run")
    assert shown.code == 0
    assert "Afterwards: Anni Secret (1)." in shown.out
    assert "(not shown)" in shown.out
    born = next(line for line in shown.out.splitlines() if "Born" in line)
    assert "Secret" not in born.partition("Born")[2]
    assert "Hidden" not in shown.out
    for refused, said in (
        (tenure(*words), "Say why"),
        (tenure(*words, "--reason", "r"), "then say --yes"),
        (tenure(*words, "--reason", "r", "--yes", "--take", "chat"), "no account in chat"),
        (tenure("person", "merge", "1", "1", "--dry-run"), "one person already"),
    ):
        assert (refused.code, Person.objects.count()) == (1, 2)
        assert said in refused.err
    done = tenure(*words, "--reason", "it is her", "--yes", "--json").document
    assert (done["done"], done["kind"], done["other_number"]) == (True, "merged", "P-7")
    assert done["plan"]["operations"] == []
    assert [r["record"] for r in done["records"]] == ["1", "P-7"]
    (listed,) = tenure("person", "merges", "--json").document
    assert (listed["merge"], listed["reason"]) == (done["merge"], "it is her")
    number = str(done["merge"])
    split = tenure("person", "split", "1", "--record", "partners/P-7", "--dry-run", "--json")
    assert [p["employee_number"] for p in split.document["people"]] == ["1", "P-7"]
    wrong = tenure("person", "split", "1", "--record", "partners/P-8", "--dry-run")
    assert "They have: hr/1, partners/P-7." in wrong.err
    back = tenure("person", "undo", number, "--reason", "not her", "--yes")
    assert back.code == 0
    assert {p.employee_number for p in Person.objects.all()} == {"1", "P-7"}
    assert "Nobody was merged" in tenure("person", "merges").out
    assert "taken back" in tenure("person", "merges", "--all").out
    assert "no merge or split 999" in tenure("person", "undo", "999", "--dry-run").err
