"""Streams: who may open one, what it is told, by push and by poll, and what it may ask."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from tenure.applications.models import Account
from tenure.audit.models import Event
from tenure.infra.clock import now
from tenure.people import services as people
from tenure.people.models import Person
from tenure.provisioning.decisions import lives
from tenure.rules.models import AccessRule
from tenure.signals import emitting, receivers, streams, tasks
from tenure.signals.events import EventType
from tenure.signals.models import Signal, Stream
from tenure.signin import closings
from tenure.sso import delivery
from tenure.sso.models import Notice
from tenure.sso.receipt import receipt_of
from tests.provisioning.company import Company, apply, change
from tests.signals.conftest import Collector, Other, claims, kinds, read

ENDED = ["session-revoked", "account-disabled"]
PUSH = "urn:ietf:rfc:8935"


def terminate(person: Person) -> None:
    people.terminate(person, at=now(), reason="left", now=now())


def test_it_is_found_and_says_what_it_can(db: None) -> None:
    found = read(Client().get("/.well-known/ssf-configuration"))
    assert found["issuer"] == "http://localhost:8000"
    assert found["spec_version"] == "1_0"
    assert found["delivery_methods_supported"] == [PUSH, "urn:ietf:rfc:8936"]
    assert found["configuration_endpoint"] == "http://localhost:8000/ssf/streams"


def test_a_leaver_is_told_in_the_same_transaction_and_fetched(
    other: Other, company: Company
) -> None:
    stream = other.stream()
    leaver, stayer = company.people(2)
    assert other.poll(stream) == {}
    terminate(leaver)
    found = other.poll(stream)
    assert kinds(found) == ENDED
    for jti, one in found.items():
        assert one["jti"] == jti
        assert one["sub_id"] == {"format": "email", "email": leaver.email}
        assert (one["iss"], one["aud"]) == ("http://localhost:8000", "siem")
        assert "sub" not in one
        assert "exp" not in one
    # Not acknowledged, it comes again; told twice, it is no second event.
    people.tick(now())
    assert other.poll(stream).keys() == found.keys()
    first, second = found
    errors = {second: {"err": "invalid_request", "description": "What is this?"}}
    assert other.poll(stream, ack=[first], setErrs=errors) == {}
    assert set(Signal.objects.values_list("state", flat=True)) == {"delivered", "refused"}
    assert not Signal.objects.filter(person=stayer).exists()


def test_a_page_at_a_time(other: Other, company: Company) -> None:
    stream = other.stream()
    for person in company.people(3):
        terminate(person)
    seen: list[str] = []
    for _ in range(6):
        path = stream["delivery"]["endpoint_url"].removeprefix("http://localhost:8000")
        answer = read(other.ask("POST", path, {"maxEvents": 1, "ack": seen}))
        seen += answer["sets"]
        assert len(answer["sets"]) == 1
        assert answer["moreAvailable"] is (len(seen) < 6)
    assert len(set(seen)) == 6
    assert other.poll(stream, maxEvents=0, ack=seen) == {}
    assert not Signal.objects.filter(state="waiting").exists()


def test_it_is_pushed_with_the_receivers_header_and_tried_again(
    other: Other, company: Company, collector: Collector
) -> None:
    delivery_asked = {
        "method": PUSH,
        "endpoint_url": collector.address,
        "authorization_header": "Bearer theirs",
    }
    stream = other.stream(delivery=delivery_asked)
    assert "authorization_header" not in stream["delivery"]
    (person,) = company.people(1)
    terminate(person)
    collector.status = 503
    assert delivery.deliver_waiting() == 0
    Notice.objects.update(not_before=now())
    collector.status, collector.got = 202, []
    assert delivery.deliver_waiting() == 2
    headers, body = collector.got[0]
    assert headers["Content-Type"] == "application/secevent+jwt"
    assert headers["Authorization"] == "Bearer theirs"
    assert claims(body)["sub_id"]["email"] == person.email
    assert set(Signal.objects.values_list("state", flat=True)) == {"delivered"}
    # It is evidence of the person, with what was answered.
    assert Notice.objects.filter(person=person, status=202, state="delivered").count() == 2


def test_only_that_sessions_are_over_proves_it(
    chat: Other, company: Company, collector: Collector
) -> None:
    """A receiver that asked for accounts alone was told of no session."""
    first, second = company.people(2)
    apply()
    pushed = {"method": PUSH, "endpoint_url": collector.address}
    chat.stream(delivery=pushed, events_requested=[EventType.ACCOUNT_DISABLED.uri])
    terminate(first)
    assert delivery.deliver_waiting() == 1
    (line,) = receipt_of(Person.objects.get(pk=first.pk)).lines
    assert line.sessions.verdict == "by_hand"
    Stream.objects.update(requested=[EventType.SESSION_REVOKED.uri])
    terminate(second)
    assert delivery.deliver_waiting() == 1
    (line,) = receipt_of(Person.objects.get(pk=second.pk)).lines
    assert (line.sessions.verdict, line.sessions.words) == ("done", "Shared signal: answered 202.")


def test_what_the_receiver_refuses_is_not_sent_again(
    other: Other, company: Company, collector: Collector
) -> None:
    other.stream(delivery={"method": PUSH, "endpoint_url": collector.address})
    terminate(company.person("1"))
    collector.status, collector.body = 400, b'{"err": "invalid_audience"}'
    delivery.deliver_waiting()
    assert set(Signal.objects.values_list("state", "answer")) == {
        ("refused", '400 {"err": "invalid_audience"}')
    }
    assert not Notice.objects.filter(state="waiting").exists()


def test_what_never_arrives_is_given_up_and_shown(
    other: Other, company: Company, collector: Collector
) -> None:
    other.stream(delivery={"method": PUSH, "endpoint_url": collector.address})
    terminate(company.person("1"))
    collector.status = 500
    Notice.objects.update(give_up_at=now())
    delivery.deliver_waiting()
    tasks.sweep(0)
    assert set(Signal.objects.values_list("state", flat=True)) == {"dropped"}


def test_only_what_was_asked_for_is_told_and_not_of_those_left_out(
    other: Other, company: Company
) -> None:
    stream = other.stream(events_requested=[EventType.ACCOUNT_DISABLED.uri, "https://other/event"])
    assert stream["events_delivered"] == [EventType.ACCOUNT_DISABLED.uri]
    one, two, three = company.people(3)
    for person in (one, two):
        subject = {"format": "email", "email": person.email}
        asked = {"stream_id": stream["stream_id"], "subject": subject}
        assert other.ask("POST", "/ssf/subjects:remove", asked).status_code == 204
    # Nobody learns who works here.
    asked["subject"] = {"format": "email", "email": "nobody@acme.example"}
    assert other.ask("POST", "/ssf/subjects:remove", asked).status_code == 204
    asked["subject"] = {"format": "email", "email": two.email.upper()}
    assert other.ask("POST", "/ssf/subjects:add", asked).status_code == 200
    for person in (one, two, three):
        terminate(person)
    found = other.poll(stream)
    assert kinds(found) == ["account-disabled"] * 2
    assert {one["sub_id"]["email"] for one in found.values()} == {two.email, three.email}


def test_paused_it_is_held_back_and_off_it_is_not_told(other: Other, company: Company) -> None:
    stream = other.stream()
    uid = {"stream_id": stream["stream_id"]}
    assert read(
        other.ask("POST", "/ssf/status", {**uid, "status": "paused", "reason": "night"})
    ) == {
        **uid,
        "status": "paused",
        "reason": "night",
    }
    one, two = company.people(2)
    terminate(one)
    assert other.poll(stream) == {}
    other.ask("POST", "/ssf/status", {**uid, "status": "enabled"})
    assert kinds(other.poll(stream)) == ENDED
    other.ask("POST", "/ssf/status", {**uid, "status": "disabled"})
    terminate(two)
    assert other.poll(stream) == {}
    assert read(other.ask("GET", "/ssf/status", **uid))["status"] == "disabled"
    # Turned on by an administrator here, it hears of that.
    streams.set_status(Stream.objects.get(), "enabled", "works again", by_receiver=False)
    (told,) = other.poll(stream).values()
    assert told["events"] == {
        EventType.STREAM_UPDATED.uri: {"status": "enabled", "reason": "works again"}
    }


def test_an_application_is_told_of_its_own_accounts(chat: Other, company: Company) -> None:
    stream = chat.stream()
    with_account, ending = company.people(2)
    without = company.person("3", "Law")
    apply()
    for person in (without, with_account):
        terminate(person)
    found = chat.poll(stream)
    assert kinds(found) == ENDED
    named = {one["sub_id"]["id"] for one in found.values()}
    assert named == {with_account.email}
    chat.poll(stream, ack=list(found))
    apply()
    # Somebody who only moves: the rule takes the account away.
    change(ending, department="Law")
    apply()
    found = chat.poll(stream)
    assert kinds(found) == ENDED
    assert {one["sub_id"]["id"] for one in found.values()} == {ending.email}
    chat.poll(stream, ack=list(found))
    assert emitting.follow() == 0
    change(ending, department="Sales")
    apply()
    assert emitting.follow() == 1
    found = chat.poll(stream)
    assert kinds(found) == ["account-enabled"]
    chat.poll(stream, ack=list(found))
    assert emitting.follow() == 0


def test_what_waits_for_approval_is_not_told(chat: Other, company: Company) -> None:
    stream = chat.stream()
    company.people(30)
    apply()
    AccessRule.objects.update(condition='user.department == "Nobody"')
    Person.objects.update(generation=99)
    apply()
    assert chat.poll(stream) == {}


def test_who_came_back_and_leaves_before_that_was_seen_is_told_of_again(
    other: Other, company: Company
) -> None:
    """The worker stood still meanwhile."""
    stream = other.stream()
    (person,) = company.people(1)
    lives.suspend(person, reason="laptop stolen")
    found = other.poll(stream)
    assert kinds(found) == ENDED
    other.poll(stream, ack=list(found))
    lives.end_suspension(person, reason="found")
    terminate(person)
    found = other.poll(stream)
    assert kinds(found) == ENDED
    other.poll(stream, ack=list(found))
    # The same ending, told to us twice.
    emitting.access_ended([Person.objects.get()])
    assert other.poll(stream) == {}


def test_who_comes_back_and_who_is_gone_for_good(
    other: Other, chat: Other, company: Company
) -> None:
    everything, own = other.stream(), chat.stream()
    back, gone = company.people(2)
    apply()
    for person in (back, gone):
        terminate(person)
    apply()
    for receiver, stream in ((other, everything), (chat, own)):
        receiver.poll(stream, ack=list(receiver.poll(stream)))
    lives.reinstate(back, reason="a mistake")
    apply()
    Account.objects.filter(person=gone).update(situation="deleted", deleted_at=now())
    emitting.follow()
    for receiver, stream in ((other, everything), (chat, own)):
        assert sorted(kinds(receiver.poll(stream))) == ["account-enabled", "account-purged"]
    assert emitting.follow() == 0


def test_keys_that_were_taken_away(other: Other, company: Company) -> None:
    stream = other.stream()
    closings.reset(company.person("1"), "the phone is lost")
    found = other.poll(stream)
    assert kinds(found) == ["credential-change", "session-revoked"]
    members = next(iter(next(iter(found.values()))["events"].values()))
    assert members["change_type"] == "revoke"
    assert members["reason_admin"] == {"en": "the phone is lost"}


def test_it_is_verified(other: Other) -> None:
    stream = other.stream()
    asked = {"stream_id": stream["stream_id"], "state": "abc"}
    assert other.ask("POST", "/ssf/verify", asked).status_code == 204
    (found,) = other.poll(stream).values()
    assert found["events"] == {EventType.VERIFICATION.uri: {"state": "abc"}}
    assert found["sub_id"] == {"format": "opaque", "id": stream["stream_id"]}
    assert other.ask("POST", "/ssf/verify", asked).status_code == 429


def test_a_stream_is_read_changed_and_ended(
    other: Other, company: Company, collector: Collector
) -> None:
    stream = other.stream(description="all of it")
    uid = stream["stream_id"]
    assert read(other.ask("GET", "/ssf/streams")) == [stream]
    assert read(other.ask("GET", "/ssf/streams", stream_id=uid)) == stream
    assert other.ask("POST", "/ssf/streams", {}).status_code == 409
    terminate(company.person("1"))
    # What waits goes the new way.
    way = {"method": PUSH, "endpoint_url": collector.address}
    changed = read(other.ask("PATCH", "/ssf/streams", {"stream_id": uid, "delivery": way}))
    assert changed == {**stream, "delivery": way}
    assert Notice.objects.filter(state="waiting", kind="ssf.push").count() == 2
    whole = read(other.ask("PUT", "/ssf/streams", {"stream_id": uid}))
    assert "description" not in whole
    assert whole["delivery"]["method"] == "urn:ietf:rfc:8936"
    assert kinds(other.poll(whole)) == ENDED
    assert not Notice.objects.filter(state="waiting").exists()
    assert other.ask("DELETE", "/ssf/streams", stream_id=uid).status_code == 204
    assert other.ask("GET", "/ssf/streams", stream_id=uid).status_code == 404
    actions = Event.objects.filter(subject_key="siem").values_list("action", flat=True)
    assert set(actions) == {
        "signals.receiver_added",
        "signals.stream_opened",
        "signals.stream_changed",
        "signals.stream_ended",
    }


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"delivery": {"method": "smoke"}}, "delivery.method"),
        ({"delivery": {"method": PUSH}}, "delivery.endpoint_url"),
        ({"delivery": {"method": PUSH, "endpoint_url": "http://receiver.example/"}}, "https"),
        ({"delivery": {"method": PUSH, "endpoint_url": "https://169.254.169.254/"}}, "endpoint"),
        (
            {
                "delivery": {
                    "method": PUSH,
                    "endpoint_url": "https://a.example/",
                    "authorization_header": "a\r\nHost: b",
                }
            },
            "authorization_header",
        ),
        ({"events_requested": "all"}, "events_requested"),
        ({"description": 7}, "description"),
        ([], "JSON object"),
    ],
)
def test_what_cannot_be_asked_for(other: Other, body: object, said: str) -> None:
    answer = other.ask("POST", "/ssf/streams", body)
    assert answer.status_code == 400
    assert said in read(answer)["error"]
    assert not Stream.objects.exists()


def test_others_are_not_let_in(other: Other, company: Company) -> None:
    stream = other.stream()
    for token in ("", "wrong", other.token[:-1]):
        assert Other(token).ask("GET", "/ssf/streams").status_code == 401
    second = Other(receivers.add("second")[1])
    assert second.ask("GET", "/ssf/streams", stream_id=stream["stream_id"]).status_code == 404
    path = f"/ssf/streams/{stream['stream_id']}/events"
    assert second.ask("POST", path, {}).status_code == 404
    _, old = receivers.add("old", valid=timedelta(seconds=-1))
    assert Other(old).ask("GET", "/ssf/streams").status_code == 401
    terminate(company.person("1"))
    receivers.remove("siem")
    assert other.ask("GET", "/ssf/streams").status_code == 401
    with pytest.raises(LookupError, match="Receivers: old, second"):
        receivers.named("siem")
