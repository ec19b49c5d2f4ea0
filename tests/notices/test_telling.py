"""Who is told of what waits: each thing once, by a signed call or one e-mail, again where it did
not arrive, and nowhere else than where it was asked for."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core import mail

from tenure.applications.models import Account, Application, Health
from tenure.audit.models import Event
from tenure.audit.services import acting
from tenure.configuration import editing
from tenure.infra.clock import now
from tenure.infra.secrets import KEY_VARIABLE, new_key
from tenure.notices import services
from tenure.notices.collecting import newer
from tenure.notices.models import Target, Told
from tenure.people.models import Company, Person
from tenure.runs.models import Run
from tenure.sources.models import Source
from tenure.vault.services import get_ours
from tenure.writeback import settling
from tenure.writeback.models import Pause

pytestmark = pytest.mark.django_db
Call = tuple[dict[str, str], bytes]


class Hook:
    """A web server that takes calls, and answers what it is told to."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.status = 204
        self.location = ""
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.calls.append((dict(self.headers), body))
                self.send_response(hook.status)
                if hook.location:
                    self.send_header("Location", hook.location)
                self.end_headers()

            def do_GET(self) -> None:
                hook.calls.append((dict(self.headers), b"followed"))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/secret-path"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def hook() -> Iterator[Hook]:
    found = Hook()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def stopped() -> Application:
    return Application.objects.create(
        slug="chat",
        name="Chat",
        connector="scim",
        health=Health.STOPPED,
        stopped_at=now(),
        stopped_reason="401: the token is not good.",
    )


def webhook(hook: Hook, *kinds: str) -> tuple[Target, str]:
    chosen = kinds or ("application_stopped", "writes_stopped")
    return services.add(channel="webhook", address=hook.address, kinds=chosen)


def all_writes_stopped() -> None:
    stop = {"at": now(), "by": "Ada", "reason": "drill"}
    values = {f"writes_stopped_{name}": value for name, value in stop.items()}
    Company.objects.update_or_create(pk=1, defaults={"name": "Acme", **values})


def events(hook: Hook) -> list[str]:
    return [json.loads(body)["event"] for _, body in hook.calls]


def test_a_call_is_signed_and_made_once(hook: Hook, stopped: Application) -> None:
    _, key = webhook(hook)
    assert services.tell() == 1
    assert services.tell() == 0, "it knows already"
    ((headers, body),) = hook.calls
    told = json.loads(body)
    assert (told["event"], told["detail"]) == ("application_stopped", stopped.stopped_reason)
    assert told["url"].endswith("/console/applications/chat/")
    time, _, digest = headers["Tenure-Signature"].partition(",v1=")
    signed = f"{time.removeprefix('t=')}.".encode() + body
    assert hmac.compare_digest(hmac.new(key.encode(), signed, hashlib.sha256).hexdigest(), digest)
    # Stopped anew, it is another thing.
    Application.objects.update(stopped_at=now() + timedelta(minutes=1))
    assert services.tell() == 1


def test_what_did_not_arrive_is_tried_again_with_growing_pauses(
    hook: Hook, stopped: Application
) -> None:
    row, _ = webhook(hook)
    hook.status = 503
    assert services.tell() == 0
    assert services.tell() == 0
    assert len(hook.calls) == 1, "not before its time"
    row.refresh_from_db()
    assert row.error == "It answered 503."
    for _ in range(12):
        Told.objects.update(not_before=now())
        services.tell()
    assert len(hook.calls) == 8, "given up in the end"
    hook.status = 204
    Told.objects.update(tries=1, not_before=now())
    assert services.tell() == 1
    row.refresh_from_db()
    assert (row.error, row.told_at is not None) == ("", True)


def test_only_what_was_asked_for_is_told(hook: Hook, stopped: Application) -> None:
    webhook(hook, "writes_stopped")
    assert services.tell() == 0
    all_writes_stopped()
    assert services.tell() == 1
    assert events(hook) == ["writes_stopped"]


def test_what_waits_no_more_is_told_again_when_it_waits_again(
    hook: Hook, stopped: Application
) -> None:
    webhook(hook)
    services.tell()
    Told.objects.update(seen_at=now() - timedelta(days=2))
    Application.objects.update(health=Health.OK)
    services.tell()
    assert not Told.objects.exists()


def test_a_redirect_is_not_followed(hook: Hook, stopped: Application) -> None:
    row, _ = webhook(hook)
    hook.status, hook.location = 302, hook.address
    services.tell()
    assert len(hook.calls) == 1
    row.refresh_from_db()
    assert row.error == "It answered 302."


def test_nobody_answers(stopped: Application) -> None:
    row, _ = services.add(
        channel="webhook", address="http://127.0.0.1:9/x", kinds=["application_stopped"]
    )
    services.tell()
    row.refresh_from_db()
    assert "cannot be reached" in row.error


def test_several_things_are_one_letter(stopped: Application) -> None:
    all_writes_stopped()
    services.add(
        channel="email",
        address="it@acme.example",
        kinds=["application_stopped", "writes_stopped"],
    )
    assert services.tell() == 1
    (letter,) = mail.outbox
    assert letter.to == ["it@acme.example"]
    assert letter.subject == "Acme: 2 things wait for you"
    assert "Ada: drill" in str(letter.body)
    assert "/console/applications/chat/" in str(letter.body)
    assert services.tell() == 0


def test_who_was_alarmed_is_told_that_it_is_over(hook: Hook, stopped: Application) -> None:
    webhook(hook)
    services.add(channel="email", address="it@acme.example", kinds=["application_stopped"])
    assert services.tell() == 2
    Application.objects.update(health=Health.OK, stopped_at=None)
    hook.status = 503
    assert services.tell() == 1, "the letter"
    assert services.tell() == 0, "the call waits, the letter was sent"
    hook.status = 204
    Told.objects.update(not_before=now())
    assert services.tell() == 1
    assert services.tell() == 0
    first, _, last = (json.loads(body) for _, body in hook.calls)
    assert (first["event"], last["event"]) == ("application_stopped", "application_works")
    assert (last["title"], last["url"]) == ("Chat accepts us again", first["url"])
    assert mail.outbox[-1].subject.endswith(": Chat accepts us again")
    assert "Nothing has to be done" in str(mail.outbox[-1].body)
    # It fails again: that is told again.
    Application.objects.update(health=Health.STOPPED, stopped_at=now())
    assert services.tell() == 2


def test_a_protected_account_of_a_leaver_is_told_until_it_is_closed(hook: Hook) -> None:
    webhook(hook, "leaver_account_open")
    chat = Application.objects.create(
        slug="chat", name="Chat", connector="scim", protect=['account.userName == "boss"']
    )
    there = {"application": chat, "situation": "linked", "active": True}
    for name, state, extra in (
        ("gone", "left", {"protected": "owns the token"}),
        ("boss", "left", {"attributes": {"userName": "boss"}}),
        ("closed", "left", {"protected": "x", "active": False}),
        ("here", "active", {"protected": "x"}),
        ("plain", "left", {"attributes": {"userName": "plain"}}),
    ):
        person = Person.objects.create(employee_number=name, state=state)
        Account.objects.create(**there | {"remote_id": name, "person": person} | extra)
    assert services.tell() == 2
    details = [json.loads(body)["detail"] for _, body in hook.calls]
    assert "not touched: owns the token" in details[0]
    assert 'account.userName == "boss"' in details[1]


def test_an_application_that_cannot_be_read_is_told_of_once(hook: Hook) -> None:
    webhook(hook, "application_not_read")
    chat = Application.objects.create(
        slug="chat", name="Chat", connector="scim", reconciled_at=now() - timedelta(hours=28)
    )
    Run.objects.create(kind="reconcile", subject="chat", state="failed", message="502", actor="")
    assert services.tell() == 1
    assert services.tell() == 0
    told = json.loads(hook.calls[0][1])
    assert told["event"] == "application_not_read"
    assert told["detail"].startswith("502 A leaver's account")
    chat.reconcile_every = None  # Somebody decided so.
    chat.reconciled_at = now() - timedelta(days=40)
    chat.save()
    assert services.tell() == 0


def test_writes_that_go_on_are_told(hook: Hook) -> None:
    all_writes_stopped()
    webhook(hook)
    services.tell()
    Company.objects.update(writes_stopped_at=None)
    services.tell()
    assert events(hook) == ["writes_stopped", "writes_resumed"]


def test_nothing_is_over_that_nobody_was_told_of_or_that_is_stopped_anew(
    hook: Hook, stopped: Application
) -> None:
    webhook(hook)
    hook.status = 503
    services.tell()
    Application.objects.update(health=Health.OK)
    Told.objects.update(not_before=now())
    services.tell()
    assert len(hook.calls) == 1, "it did not arrive, and is over"
    hook.status = 204
    Application.objects.update(health=Health.STOPPED, stopped_at=now())
    services.tell()
    Application.objects.update(stopped_at=now() + timedelta(minutes=1))
    services.tell()
    assert events(hook)[1:] == ["application_stopped", "application_stopped"]
    Application.objects.all().delete()
    services.tell()
    assert len(hook.calls) == 3, "it is removed, not well"


@pytest.mark.parametrize(
    ("channel", "address", "kinds", "said"),
    [
        ("pigeon", "x@y.example", ["held"], "Choose e-mail or webhook"),
        ("email", "it at acme", ["held"], "no e-mail address"),
        ("webhook", "hooks.acme.example", ["held"], "Expected https://"),
        ("webhook", "file:///etc/passwd", ["held"], "Expected https://"),
        ("email", "it@acme.example", ["everything"], "at least one thing"),
    ],
)
def test_what_nobody_can_be_told_by(
    channel: str, address: str, kinds: list[str], said: str
) -> None:
    with pytest.raises(services.TargetRefused, match=said):
        services.add(channel=channel, address=address, kinds=kinds)
    assert not Target.objects.exists()


def test_a_target_that_is_removed_leaves_no_key_and_no_path_in_the_trail(hook: Hook) -> None:
    with acting("Ada Byron"):
        row, key = webhook(hook)
        assert get_ours(f"notice-{row.pk}") == key
        services.remove(row.pk)
    assert get_ours(f"notice-{row.pk}") == ""
    trail = " ".join(str((e.before, e.after, e.subject_label)) for e in Event.objects.all())
    assert "127.0.0.1" in trail
    assert "secret-path" not in trail
    assert key not in trail
    with pytest.raises(LookupError):
        services.remove(row.pk)


def test_trying_it(hook: Hook) -> None:
    row, _ = webhook(hook)
    assert services.try_it(row.pk) == ""
    assert events(hook) == ["test"]
    hook.status = 404
    assert services.try_it(row.pk) == "It answered 404."


def test_a_source_that_takes_what_is_written_again_is_told(hook: Hook) -> None:
    webhook(hook)
    columns = {"write_back": {"email": "mail"}}
    hr = Source.objects.create(slug="hr", name="HR", reader="csv", **columns)
    # An application of that name says nothing of the source.
    Application.objects.create(slug="hr", name="HR app", connector="scim")
    settling.pause(hr, "401: the token is not good.", refused=True)
    assert services.tell() == 1
    assert services.tell() == 0
    settling.pause(hr, "401: the token is not good.", refused=True)
    assert services.tell() == 0, "it is the same thing"
    Pause.objects.all().delete()
    assert services.tell() == 1
    assert services.tell() == 0
    first, last = (json.loads(body) for _, body in hook.calls)
    assert (first["event"], first["title"]) == ("application_stopped", "Nothing is written into HR")
    assert last["event"] == "application_works"
    assert last["title"] == "HR takes what is written into it again"
    assert last["url"] == first["url"]
    # Nobody writes into it any more: that is no sign of health.
    settling.pause(hr, "401", refused=True)
    services.tell()
    Source.objects.update(write_back={})
    Pause.objects.all().delete()
    assert services.tell() == 0


def test_who_chose_all_of_a_severity_is_told_of_what_is_newer() -> None:
    wrong = ["application_stopped", "writes_stopped", "credential_expiring", "operations_failed"]
    waits = ["held", "import_held", "task_overdue", "request_waits", "own_exception"]
    since = [
        "leaver_account_open",
        "people_unread",
        "people_undecided",
        "application_not_read",
    ]
    assert newer(wrong, wrong + waits) == since
    assert newer(waits, wrong + waits) == []
    assert newer([*wrong[1:], *waits], wrong + waits) == []
    assert newer(wrong, [*wrong, *waits, *since]) == [], "they left it out"
    assert newer([], []) == []
    row, _ = services.add(channel="email", address="it@acme.example", kinds=wrong)
    assert services.told_of(row) == {"kinds": wrong}
    row.known = wrong + waits
    assert services.newer_of(row) == since
    row.save()
    person = Person.objects.create(employee_number="1", state="left")
    chat = Application.objects.create(slug="chat", name="Chat", connector="scim")
    Account.objects.create(
        application=chat, remote_id="1", person=person, situation="linked", active=True,
        protected="x",
    )  # fmt: skip
    assert services.tell() == 1
    kept = services.told_of(row)
    changed = services.change(row.pk, kinds=kept["kinds"], seen=editing.version(kept))
    assert (services.newer_of(changed), "leaver_account_open" in changed.kinds) == ([], True)


def test_who_can_be_told_is_told_where_the_key_of_a_call_is_lost(
    hook: Hook, stopped: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is called without its signature; everybody else hears of it all the same."""
    monkeypatch.setenv(KEY_VARIABLE, new_key())
    row, _ = webhook(hook)
    services.add(channel="email", address="it@acme.example", kinds=("application_stopped",))
    monkeypatch.setenv(KEY_VARIABLE, new_key())
    assert services.tell() == 1
    assert hook.calls == []
    assert [letter.to for letter in mail.outbox] == [["it@acme.example"]]
    row.refresh_from_db()
    assert row.error.startswith("What signs the call is not known any more")
