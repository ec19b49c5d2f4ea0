"""By what a source ties its records: chosen, checked, tried on who is there, and then kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from tenure.setup import source_drafts
from tenure.sources.models import Source
from tests.sources import hr

pytestmark = pytest.mark.django_db
PAGE = "/console/sources/partners/whose/"


@pytest.fixture
def partners(tmp_path: Path) -> Source:
    hr.take(hr.source("hr", position=0), tmp_path, [hr.row(1, given="Anna", email="a@x.example")])
    source = hr.source("partners", position=1)
    hr.take(source, tmp_path, [hr.row("P-1", given="Anna", email="A@x.example")])
    return source


def seen(page: str, name: str) -> str:
    return page.split(f'name="{name}" value="')[1].split('"')[0]


def chosen(**more: str) -> dict[str, str]:
    return {"same-record-0": "employee_number", "same-record-1": "email", **more}


def test_what_is_tried_is_kept_and_nothing_else(partners: Source, owner: Client) -> None:
    page = owner.get(PAGE).content.decode()
    assert "among 1 people who are known otherwise" in " ".join(page.split())
    assert "<dt>New people</dt><dd>1</dd>" in page
    given = chosen(seen=seen(page, "seen"), tried=seen(page, "tried"))
    # Others than those that were tried are shown first.
    page = owner.post(PAGE, {**given, "do": "save"}).content.decode()
    assert "Not kept yet." in page
    assert "<dt>Tied by Work e-mail</dt><dd>1</dd>" in page
    partners.refresh_from_db()
    assert partners.correlation == []
    done = owner.post(PAGE, {**given, "tried": seen(page, "tried"), "do": "save"}, follow=True)
    assert "Employee number; Work e-mail" in done.content.decode()
    partners.refresh_from_db()
    assert [rule["record"] for rule in partners.correlation] == ["employee_number", "email"]


def test_it_is_checked_as_it_is_chosen(partners: Source, owner: Client) -> None:
    wrong = {**chosen(), "suggest-0-0": "employee_number"}
    part = owner.post(f"{PAGE}check/", wrong).content.decode()
    assert "put it into `correlation`" in part
    assert "Keep these rules" not in part
    part = owner.post(f"{PAGE}check/", {"suggest-0-0": "family_name"}).content.decode()
    assert "Names alone are shared by many" in part
    assert "Keep these rules" in part
    assert owner.post(PAGE, {**wrong, "do": "try"}).status_code == 422


def test_a_draft_is_tried_on_its_first_rows_and_keeps_the_rules(
    partners: Source, owner: Client, tmp_path: Path
) -> None:
    file = hr.write(tmp_path, [hr.row("X-1", email="a@x.example"), hr.row("X-2")])
    definition = {
        "name": "More",
        "reader": "csv",
        "settings": {"path": str(file)},
        "mapping": hr.MAPPING,
    }
    source_drafts.save("more", definition)
    address = PAGE.replace("partners", "more")
    page = owner.post(address, {**chosen(), "do": "try", "seen": ""}).content.decode()
    # HR's Anna and the partners' have one address: it cannot be certain whose it is.
    assert "<dt>Asked</dt><dd>1</dd>" in page
    assert "<dt>New people</dt><dd>1</dd>" in page
    assert "What it changes" in page  # It is one of the steps.
    said = {**chosen(), "do": "save", "seen": "", "tried": seen(page, "tried")}
    assert owner.post(address, said)["Location"] == "/console/sources/more/check/"
    draft = source_drafts.draft("more")
    assert draft is not None
    assert [rule["person"] for rule in draft.definition["correlation"]] == [
        "employee_number",
        "email",
    ]
