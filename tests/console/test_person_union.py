"""Two people who are one, in a browser: found, seen, confirmed, taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from tenure.people.models import AttributeDefinition, Person, PersonUnion
from tenure.signin.models import Role
from tests.console.conftest import signed_in
from tests.sources import hr

pytestmark = pytest.mark.django_db


@pytest.fixture
def twice(tmp_path: Path) -> str:
    """The address of the page about Anna, who is 1 in HR and P-7 at the partners'."""
    AttributeDefinition.objects.create(name="born", label="Born", type="string", sensitive=True)
    mapping = {**hr.MAPPING, "born": 'row["Number"] + "-secret"'}
    first = hr.source("hr", mapping=mapping)
    second = hr.source("partners", position=1, mapping=mapping, first_for=["born"])
    hr.take(first, tmp_path, [hr.row(1, given="Anna")])
    hr.take(second, tmp_path, [hr.row("P-7", given="Anni")])
    return f"/console/people/{hr.person(1).uid}/union/"


def test_found_seen_done_and_taken_back(twice: str, owner: Client) -> None:
    other = hr.person("P-7")
    assert "Merge or split" in owner.get(twice.replace("union/", "")).content.decode()
    assert f"do=merge&amp;other={other.uid}" in owner.get(f"{twice}?q=anni").content.decode()
    merge = {"do": "merge", "other": str(other.uid)}
    seen = owner.get(twice, merge).content.decode()
    assert "They are one" in seen
    assert "secret" not in seen
    assert Person.objects.count() == 2
    assert owner.post(twice, merge).status_code == 422
    done = owner.post(twice, {**merge, "reason": "it is her"}, follow=True)
    assert "Anni Kovács is Anna Kovács now." in done.content.decode()
    union = PersonUnion.objects.get()
    assert (union.reason, Person.objects.count()) == ("it is her", 1)
    page = owner.get(twice).content.decode()
    assert "They are two people" in page
    assert f"union={union.pk}" in page
    records = [str(row.pk) for row in hr.person(1).records.filter(key="P-7")]
    assert "They are two" in owner.get(twice, {"do": "split", "record": records}).content.decode()
    all_of_them = [str(row.pk) for row in hr.person(1).records.all()]
    refused = owner.get(twice, {"do": "split", "record": all_of_them})
    assert "nobody would be left" in refused.content.decode()
    undo = {"do": "undo", "union": union.pk, "reason": "two after all"}
    owner.post(twice, undo)
    assert {p.employee_number for p in Person.objects.all()} == {"1", "P-7"}
    for wrong in ({}, {"do": "undo", "union": "x"}, {"do": "merge", "other": "x"}, undo):
        assert owner.post(twice, wrong).status_code == 422


def test_the_old_page_leads_to_who_they_are(twice: str, owner: Client) -> None:
    other = hr.person("P-7")
    owner.post(twice, {"do": "merge", "other": str(other.uid), "reason": "it is her"})
    went = owner.get(f"/console/people/{other.uid}/")
    assert (went.status_code, went["Location"]) == (302, twice.replace("union/", ""))


@pytest.mark.parametrize("role", [Role.HELP_DESK, Role.AUDITOR])
def test_who_may_not_does_not_see_it(twice: str, role: Role) -> None:
    client = signed_in(role)
    assert "Merge or split" not in client.get(twice.replace("union/", "")).content.decode()
    assert client.get(twice).status_code == 403
