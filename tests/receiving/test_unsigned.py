"""Webhooks of sources that sign nothing: by a secret of ours in the address or entered with it,
from their networks, not too often, and never more than a hint."""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import Client

from tenure.audit.models import Event
from tenure.audit.services import acting
from tenure.infra.clock import now
from tenure.readers.memory import MemorySource, forget_all
from tenure.readers.webhook import Webhook
from tenure.receiving import hints
from tenure.receiving.models import SourceHint
from tenure.runs.models import Run
from tenure.scim_server import tokens
from tenure.scim_server.models import PushToken
from tenure.sources.importing import import_source
from tenure.sources.models import Source
from tests.cli.conftest import Tenure, anywhere, tenure
from tests.sources.hr import person
from tests.sources.memory import live, put

__all__ = ["anywhere", "tenure"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def there() -> Iterator[MemorySource]:
    forget_all()
    hr, source = live(30, absence="leave")
    import_source(hr)
    source.asked.clear()
    yield source
    forget_all()


def sent(
    secret: str = "", *, body: bytes = b'{"id":"id-7"}', slug: str = "hr", **headers: str
) -> HttpResponse:
    path = f"/hooks/{slug}/{secret}" if secret else f"/hooks/{slug}"
    client = Client(enforce_csrf_checks=True, raise_request_exception=True)
    return client.post(path, body, content_type="application/json", headers=headers)  # type: ignore[return-value]


def by_password(secret: str) -> str:
    return "Basic " + base64.b64encode(f"tenure:{secret}".encode()).decode()


def take() -> None:
    """What waits, as if its time had come."""
    SourceHint.objects.update(not_before=now())
    hints.take("hr")


def test_what_changed_is_fetched_however_the_secret_is_shown(there: MemorySource) -> None:
    secret = tokens.issue_hook("hr", name="Factorial")
    # The first request of a process loads every page.
    assert sent("wrong").status_code == 401
    for family, shown in (
        ("Nagy", {"secret": secret}),
        ("Kiss", {"Authorization": by_password(secret)}),
        ("Szabó", {"Authorization": f"Bearer {secret}"}),
        ("Tóth", {"Authorization": secret}),
    ):
        put(there, 7, family=family)
        started = time.process_time()
        assert sent(**shown).status_code == 200  # type: ignore[arg-type]
        assert time.process_time() - started < 1
        assert there.asked == [], "it is answered before anything is asked"
        take()
        assert person(7).attributes["family_name"] == family
        there.asked.clear()
    assert Run.objects.order_by("-pk")[0].actor == "webhook (HR)"
    # Something is wrong here, which the other side cannot know: it is kept until it is mended.
    Source.objects.update(settings={"nonsense": 1})
    assert sent(secret).status_code == 200
    assert SourceHint.objects.filter(taken_at=None).exists()


def test_where_it_is_known_how_it_names_records_only_these_are_fetched(
    there: MemorySource,
) -> None:
    there.webhook = Webhook.model_validate(
        {"secret": "webhook_key", "token": {"header": "X-T"}, "ids": ["id"], "event": "what",
         "only": ["person.*"]}
    )  # fmt: skip
    secret = tokens.issue_hook("hr", name="by hand")
    assert sent(secret, body=b'{"id":"id-7","what":"person.changed"}').status_code == 200
    hints.take("hr")
    assert there.asked == ["fetch id-7", "columns"]
    assert sent(secret, body=b'{"id":"id-7","what":"payroll.run"}').status_code == 200
    assert not SourceHint.objects.filter(taken_at=None).exists()


def test_a_flood_is_one_look_a_minute_and_then_refused(
    there: MemorySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MOST_A_MINUTE", 5)
    secret = tokens.issue_hook("hr", name="Rippling")
    answers = [sent(secret, body=f'{{"n":{n}}}'.encode()) for n in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert answers[-1].headers["Retry-After"] == "60"
    assert SourceHint.objects.count() <= 2
    take()
    assert Source.objects.get().read_at is not None
    PushToken.objects.update(shown_since=now() - timedelta(minutes=2))
    assert sent(secret).status_code == 200
    waits = SourceHint.objects.filter(taken_at=None).get().not_before
    assert waits is not None
    assert waits > now() + timedelta(seconds=50), "it was read just now"


def test_a_secret_is_changed_without_losing_any_and_revoked_at_once(
    there: MemorySource, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with acting("administrator anna"):
        old = tokens.issue_hook("hr", name="old", networks=["203.0.113.0/24", "127.0.0.1"])
        new = tokens.issue_hook("hr", name="new")
        assert {sent(old).status_code, sent(new).status_code} == {200}
        tokens.revoke("hr", name="old")
    assert (sent(old).status_code, sent(new).status_code) == (401, 200)
    elsewhere = tokens.issue_hook("hr", name="elsewhere", networks=["203.0.113.7"])
    answers = [
        sent(elsewhere), sent(new, slug="nobody"), sent("tnr_hook_guess"), sent("guess"),
        sent(Authorization=by_password("guess")), sent(),
        Client().get(f"/hooks/hr/{new}"),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [401] * 6 + [405]
    push = tokens.hook_of(new, now())
    assert push is not None
    assert tokens.let_in(new, now(), reader=push.source.reader) is None
    said = caplog.text + " ".join(f"{e.after} {e.reason}" for e in Event.objects.all())
    assert not any(secret in said for secret in (old, new, elsewhere))


def test_the_command_makes_it_and_says_where_to_enter_it(
    there: MemorySource, tenure: Tenure
) -> None:
    made = tenure("push", "hook", "hr", "--name", "Personio", "--json").document
    assert made["address"].endswith(f"/hooks/hr/{made['basic']['password']}")
    assert sent(made["basic"]["password"]).status_code == 200
    assert "no network" in tenure("push", "hook", "hr", "--name", "x", "--from", "there").err
    assert "no source" in tenure("push", "hook", "nobody", "--name", "x").err
    assert "Personio" in tenure("push", "list").out
    assert tenure("push", "revoke", "hr", "--name", "Personio").code == 0
    Source.objects.update(reader="upload")
    assert "brought here" in tenure("push", "hook", "hr", "--name", "x").err
