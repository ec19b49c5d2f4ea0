"""Webhooks: a signed one has its records fetched again, and nothing else has anything done."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import orjson
import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.readers.base import ReaderBusy
from tenure.readers.memory import MemorySource, forget_all
from tenure.readers.webhook import Webhook
from tenure.receiving import hints
from tenure.receiving.models import SourceHint
from tenure.receiving.views import LARGEST_HOOK
from tenure.runs.models import Run
from tenure.sources.importing import import_source
from tenure.sources.models import Source
from tests.sources.hr import person
from tests.sources.memory import live, put

pytestmark = pytest.mark.django_db
KEY = "s3cret"
#: As BambooHR signs: the body, followed by the time.
WEBHOOK = {
    "secret": "webhook_key",
    "signature": {"header": "X-BambooHR-Signature", "signed": "{body}{timestamp}"},
    "timestamp": {"header": "X-BambooHR-Timestamp"},
    "ids": ["employees[].id"],
}


@pytest.fixture
def company(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Source, MemorySource]]:
    forget_all()
    monkeypatch.setenv("HR_HOOK", KEY)
    hr, there = live(30, absence="leave", secrets={"webhook_key": "${env:HR_HOOK}"})
    there.webhook = Webhook.model_validate(WEBHOOK)
    import_source(hr)
    there.asked.clear()
    yield hr, there
    forget_all()


def sent(
    *ids: str, key: str = KEY, at: datetime | None = None, slug: str = "hr", body: bytes = b""
) -> HttpResponse:
    body = body or orjson.dumps({"employees": [{"id": id, "action": "Updated"} for id in ids]})
    stamp = str(int((at or now()).timestamp()))
    signature = hmac.new(key.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
    return Client(enforce_csrf_checks=True).post(  # type: ignore[return-value]
        f"/hooks/{slug}",
        body,
        content_type="application/json",
        headers={"X-BambooHR-Signature": signature, "X-BambooHR-Timestamp": stamp},
    )


def waiting() -> int:
    return SourceHint.objects.filter(taken_at=None).count()


def left() -> set[str]:
    found = Person.objects.filter(state="left").values_list("employee_number", flat=True)
    return {str(number) for number in found}


def test_what_a_webhook_names_is_fetched_from_the_source(
    company: tuple[Source, MemorySource],
) -> None:
    _, there = company
    put(there, 7, family="Nagy")
    put(there, 8, status="Terminated")
    put(there, 9, family="Nagy")
    assert sent("id-7", key="wrong").status_code == 401
    started = time.monotonic()
    with CaptureQueriesContext(connection) as caught:
        assert sent("id-7", "id-8").status_code == 200
    assert time.monotonic() - started < 1
    assert len(caught) < 12, "a row and a wake-up"
    assert there.asked == []
    hints.take("hr")
    assert there.asked == ["fetch id-7", "fetch id-8", "columns"]
    assert person(7).display_name == "Given7 Nagy"
    assert person(9).display_name == "Given9 Kovács", "nobody spoke of it"
    assert left() == {"8"}
    assert waiting() == 0
    run = Run.objects.order_by("-pk")[0]
    assert (run.reason, run.actor, run.done) == ("webhook", "webhook (HR)", 2)


def test_what_is_not_from_the_source_does_nothing(company: tuple[Source, MemorySource]) -> None:
    _, there = company
    old = now() - timedelta(minutes=6)
    answers = [
        sent("id-1", key="wrong"),
        sent("id-1", at=old),
        sent("id-1", slug="nobody"),
        sent(body=b"x" * (LARGEST_HOOK + 1)),
        Client().post("/hooks/hr", b'{"employees":[{"id":1}]}', content_type="application/json"),
        Client().get("/hooks/hr"),
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 413, 401, 405]
    assert {answer.content for answer in answers[:3]} == {b'{"error":"Refused."}'}
    assert sent(body=b"Ping test").status_code == 200, "it asks whether anybody is there"
    there.webhook = None
    assert sent("id-1").status_code == 401
    Source.objects.update(secrets={"webhook_key": "${env:TENURE_NOBODY_SET_THIS}"})
    answer = sent("id-1")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "300"), "it is ours to mend"
    assert not SourceHint.objects.exists()
    assert there.asked == []


def test_the_same_one_again_is_no_other(company: tuple[Source, MemorySource]) -> None:
    _, there = company
    at = now()
    assert [sent("id-7", at=at).status_code for _ in range(3)] == [200, 200, 200]
    assert waiting() == 1
    hints.take("hr")
    there.asked.clear()
    assert sent("id-7", at=at).status_code == 200
    assert waiting() == 0, "sent again after it was taken"
    hints.take("hr")
    assert there.asked == []
    hints.tidy(now() + timedelta(days=2))
    assert not SourceHint.objects.exists()


def test_where_no_time_is_signed_the_same_text_may_be_another_change(
    company: tuple[Source, MemorySource],
) -> None:
    _, there = company
    there.webhook = Webhook.model_validate(
        {**WEBHOOK, "timestamp": None, "signature": None, "token": {"header": "X-Token"}}
    )
    for family in ("Nagy", "Kiss"):
        put(there, 7, family=family)
        for _ in range(2):
            answer = Client().post(
                "/hooks/hr",
                b'{"employees":[{"id":"id-7"}]}',
                content_type="application/json",
                headers={"X-Token": KEY},
            )
            assert answer.status_code == 200
        assert waiting() == 1
        hints.take("hr")
        assert person(7).attributes["family_name"] == family


def test_a_flood_of_leavers_by_webhooks_is_held_as_any_other(
    company: tuple[Source, MemorySource],
) -> None:
    _, there = company
    for number in range(1, 10):
        put(there, number, status="Terminated")
        assert sent(f"id-{number}").status_code == 200
        hints.take("hr")
    assert left() == {"1", "2", "3", "4", "5"}
    assert Run.objects.filter(state="held").count() == 4


def test_a_source_that_is_busy_is_asked_again_later(company: tuple[Source, MemorySource]) -> None:
    _, there = company
    put(there, 7, family="Nagy")
    sent("id-7")
    there.failure = ReaderBusy("Too many requests.", after=120)
    hints.take("hr")
    there.failure = None
    hints.take("hr")
    assert person(7).display_name == "Given7 Kovács", "it asked for two minutes"
    SourceHint.objects.update(not_before=now())
    hints.wake_waiting(now())
    hints.take("hr")
    assert person(7).display_name == "Given7 Nagy"
    sent("id-8")
    SourceHint.objects.update(tries=9)
    there.failure = ReaderBusy("Too many requests.")
    hints.take("hr")
    assert waiting() == 0, "the next import by schedule has to do"


def test_a_source_that_cannot_be_asked_for_one_record_is_asked_what_changed(
    company: tuple[Source, MemorySource], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, there = company
    monkeypatch.setattr(hints, "_MOST", 1)
    put(there, 7, family="Nagy")
    put(there, 8, family="Nagy")
    sent("id-7", "id-1")
    hints.take("hr")
    assert there.asked == ["changes 30", "columns"]
    assert person(8).display_name == "Given8 Nagy"
