"""People whom a script uploads: taken at once, through the guards, with an answer that says what
became of each record."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from django.test import Client

from tenure.people.models import Person
from tenure.runs.models import Run
from tenure.scim_server.models import Scope
from tenure.scim_server.tokens import issue
from tenure.sources.importing import import_source
from tenure.sources.models import Source, SourceRecord
from tests.sources import hr as samples
from tests.sources.hr import person

pytestmark = pytest.mark.django_db
MAPPING = {
    "employee_number": 'row["number"]',
    "given_name": 'row["name.given"]',
    "family_name": 'row["name.family"]',
    "status": 'row["status"]',
}


@pytest.fixture
def source() -> Source:
    return samples.source("script", reader="upload", mapping=MAPPING, absence="leave")


def people(*numbers: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": f"u{n}",
            "number": n,
            "name": {"given": f"Given{n}", "family": "Kovács"},
            "status": "active",
            **more,
        }
        for n in numbers
    ]


def sent(token: str, document: Any, slug: str = "script") -> tuple[int, dict[str, Any]]:
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    answer = Client(enforce_csrf_checks=True).post(
        f"/sources/{slug}/people",
        body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"} if token else {},
    )
    return answer.status_code, orjson.loads(answer.content)


def test_some_and_all(source: Source) -> None:
    token = issue("script", name="cron")
    status, answer = sent(token, {"people": people(*range(1, 11))})
    assert (status, answer["counts"]["added"], answer["problems"]) == (200, 10, [])
    assert person(3).display_name == "Given3 Kovács"
    assert SourceRecord.objects.get(key="3").remote_id == "u3"
    some = [*people(3, name={"given": "Anna", "family": "Nagy"}), {"number": ""}, 7]
    status, answer = sent(token, {"people": some})
    assert status == 200
    assert (answer["counts"]["changed"], answer["counts"]["left"]) == (1, 0)
    assert [(one["record"], one["severity"]) for one in answer["problems"]] == [
        (2, "error"),
        (3, "error"),
    ]
    assert person(3).display_name == "Anna Nagy"
    status, answer = sent(token, {"people": people(*range(1, 9)), "complete": True})
    assert answer["counts"]["left"] == 2
    status, answer = sent(token, {"people": people(1, status="left")})
    assert answer["counts"]["left"] == 1
    assert Run.objects.order_by("-pk")[0].actor == "push (cron)"


def test_a_flood_is_held_and_taken_as_it_was_when_somebody_agrees(source: Source) -> None:
    token = issue("script", name="cron")
    sent(token, {"people": people(*range(1, 21)), "complete": True})
    for document in (
        {"people": people(*range(1, 11)), "complete": True},
        {"people": people(*range(1, 21), status="left")},
    ):
        status, answer = sent(token, document)
        assert (status, answer["held"]) == (200, True)
        assert not Person.objects.filter(state="left").exists()
    assert sent(token, {"people": [], "complete": True})[0] == 400
    sent(token, {"people": people(*range(1, 11)), "complete": True})
    status, answer = sent(token, {"people": people(1), "complete": True, "dry_run": True})
    assert answer["dry_run"]
    assert not import_source(source, accept="the branch closed").held
    assert Person.objects.filter(state="left").count() == 10


def test_what_is_held_is_not_lost_to_what_is_sent_next(source: Source) -> None:
    """A script that sends only what changed does not send it again."""
    token = issue("script", name="cron")
    sent(token, {"people": people(*range(1, 21)), "complete": True})
    assert sent(token, {"people": people(*range(1, 11), status="left")})[1]["held"]
    assert sent(token, {"people": people(2, name={}, status="active")})[1]["problems"]
    dry = {"people": people(30), "dry_run": True}
    assert sent(token, dry)[0] == 200
    some = [*people(1), *people(21), {"number": ""}]
    status, answer = sent(token, {"people": some})
    assert (status, answer["counts"]["added"], answer["held"]) == (200, 1, True)
    assert [one["record"] for one in answer["problems"]] == [3]
    assert not Person.objects.filter(state="left").exists()
    import_source(source, accept="the branch closed")
    assert set(Person.objects.filter(state="left").values_list("employee_number", flat=True)) == {
        str(n) for n in range(2, 11)
    }
    status, answer = sent(token, {"people": people(5)})
    assert (answer["counts"]["rows"], person(5).state) == (1, "active")


def test_whoever_is_not_let_in_does_nothing(source: Source) -> None:
    samples.source("other", reader="upload", mapping=MAPPING)
    samples.source("entra", reader="push", mapping=MAPPING)
    good = {"people": people(1)}
    assert sent("", good)[0] == 401
    assert sent("tnr_push_wrong", good)[0] == 401
    for slug in ("other", "entra"):
        assert sent(issue(slug, name="x"), good)[0] == 401, "a token is of one source"
    assert sent(issue("script", name="reads", scope=Scope.READ), good)[0] == 403
    token = issue("script", name="cron")
    assert sent(token, good, slug="nobody")[0] == 401
    for wrong in (b"{", [], {"people": {}}, {**good, "all": True}, {**good, "complete": "yes"}):
        status, answer = sent(token, wrong)
        assert status == 400
        assert (
            "xpected" in answer["error"] or "no 'all'" in answer["error"] or "true" in str(answer)
        )
    status, answer = sent(token, {"people": [{"number": 1}]})
    assert status == 422
    assert "lacks the column 'name.family'" in answer["error"]
    assert not Person.objects.exists()
