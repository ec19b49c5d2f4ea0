"""What rules would make of the records that are there, before they are in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.core.acquaintance import SameAttribute
from tenure.people.models import AttributeDefinition, Person
from tenure.sources import whose
from tenure.sources.models import RehireQuestion, Source, SourceRecord
from tenure.sources.whose import Rules, Trial
from tests.sources import hr

pytestmark = pytest.mark.django_db
NUMBER = SameAttribute("employee_number", "employee_number")
EMAIL = SameAttribute("email", "email")
NAMES = ("given_name", "family_name")


@pytest.fixture
def partners(tmp_path: Path) -> Source:
    """HR has Anna, Bo and Cai; the partners have them too: by number, e-mail, names; and Dia."""
    hr.take(hr.source("hr", position=0), tmp_path, [
        hr.row(1, given="Anna", email="anna@acme.example"),
        hr.row(2, given="Bo", email="bo@acme.example"),
        hr.row(3, given="Ćai", family="Müller", email="cai@acme.example"),
    ])  # fmt: skip
    source = hr.source("partners", position=1, correlation=[vars_of(NUMBER), vars_of(EMAIL)])
    hr.take(source, tmp_path, [
        hr.row(1, given="Anna", email="a@partners.example"),
        hr.row("P-2", given="B", email="BO@acme.example"),
        hr.row("P-3", given="Cai", family="MUELLER", email="c@partners.example"),
        hr.row("P-4", given="Dia", email="d@partners.example"),
    ])  # fmt: skip
    return source


def vars_of(rule: SameAttribute) -> dict[str, str]:
    return {"record": rule.record, "person": rule.person}


def trial(source: Source, rules: Rules) -> Trial:
    return whose.attempt(source.slug, rules, whose.records_of(source))


def keys(found: Trial, kind: str) -> list[str]:
    return sorted(one.key for one in found.examples.get(kind, []))


def test_the_rules_in_force_say_what_the_import_said(partners: Source) -> None:
    rules = whose.rules_of(partners)
    found = trial(partners, rules)
    assert (found.looked, found.others, found.moved) == (4, 3, 0)
    assert found.tied == {"employee_number": 1, "email": 1}
    assert (found.asked, found.new) == (0, 2)
    assert keys(found, "new") == ["P-3", "P-4"]


def test_other_rules_are_tried_and_nothing_is_kept(partners: Source) -> None:
    before = list(SourceRecord.objects.order_by("pk").values()), Person.objects.count()
    found = trial(partners, Rules((NUMBER,), (NAMES,)))
    assert found.tied == {"employee_number": 1}
    (cai,) = found.examples["asked"]
    assert (cai.key, cai.name, cai.by) == ("P-3", "Cai MUELLER", "given_name and family_name")
    assert [p.employee_number for p in cai.people] == ["3"]
    assert keys(found, "new") == ["P-2", "P-4"]
    assert (list(SourceRecord.objects.order_by("pk").values()), Person.objects.count()) == before
    assert not RehireQuestion.objects.exists()


def test_numbers_that_tie_nobody_clash_and_who_may_be_back_is_told(partners: Source) -> None:
    Person.objects.filter(employee_number="3").update(state="left")
    found = trial(partners, Rules((EMAIL,), (), (("family_name",),)))
    assert found.tied == {"email": 1}
    # Anna, Dia: the family name is everybody's. Cai's is spelled otherwise.
    assert (found.back, found.clash) == (2, 0)
    assert trial(partners, Rules((EMAIL,))).clash == 0  # It is hers already.
    fresh = whose.with_owners("new", [("1", {"employee_number": "1"})])
    clashing = whose.attempt("new", Rules((EMAIL,)), fresh)
    assert (clashing.clash, clashing.examples["clash"][0].people[0].employee_number) == (1, "1")
    known = whose.attempt("new", Rules((EMAIL,)), whose.with_owners("new", [
        ("9", {"email": "cai@acme.example"}), ("8", {"email": "anna@acme.example"}),
    ]))  # fmt: skip
    # Addresses are given again when somebody has left.
    assert (known.asked, known.tied) == (1, {"email": 1})


def test_somebody_else_than_now_is_told(partners: Source) -> None:
    AttributeDefinition.objects.create(name="badge", label="Badge", type="string")
    SourceRecord.objects.filter(key="P-4").update(
        attributes={"email": "anna@acme.example", "given_name": "Dia"}
    )
    found = trial(partners, Rules((NUMBER, EMAIL)))
    # Two records could be Anna's now: that of her number comes first, the other is asked about.
    assert (found.tied, found.asked) == ({"employee_number": 1, "email": 1}, 1)
    SourceRecord.objects.filter(source=partners, key="1").delete()
    found = trial(partners, Rules((NUMBER, EMAIL)))
    assert (found.moved, keys(found, "moved")) == (1, ["P-4"])
    assert found.examples["moved"][0].wrong


def test_where_there_is_one_source_there_is_nobody_to_tie_to(tmp_path: Path) -> None:
    source = hr.source()
    hr.take(source, tmp_path, [hr.row(1), hr.row(2)])
    found = trial(source, Rules((NUMBER,)))
    assert (found.others, found.new, sum(found.tied.values())) == (0, 2, 0)
