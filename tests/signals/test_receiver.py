"""What others tell us: what is not taken, what is taken once, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.http import HttpResponse
from django.test import Client
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tenure.audit.models import Event
from tenure.people.models import Person
from tenure.signals import listening
from tenure.signals.events import EventType
from tenure.signals.models import Heard, Transmitter
from tenure.signin.models import Session
from tests.provisioning.company import Company
from tests.signals.conftest import Collector, read
from tests.signin.people import sign_in, with_passkey

pytestmark = pytest.mark.django_db(transaction=True)
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ISSUER = "https://risk.example"


class Risk:
    """The other system, with its key published on a server of its own."""

    def __init__(self, collector: Collector, **policy: str) -> None:
        self.server = collector
        self.publish(RSA, "one")
        self.row, self.token = listening.trust(
            "risk",
            name="Risk engine",
            issuer=ISSUER,
            jwks_address=collector.address,
            audience="https://tenure.acme.example",
            policy={name.replace("_", "-"): doing for name, doing in policy.items()},
        )

    def publish(self, key: rsa.RSAPrivateKey, kid: str) -> None:
        document = {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid}
        self.server.served = orjson.dumps({"keys": [document]})

    def said(self, kind: EventType | str, subject: object, **more: Any) -> dict[str, Any]:
        uri = kind.uri if isinstance(kind, EventType) else kind
        return {
            "iss": ISSUER,
            "aud": "https://tenure.acme.example",
            "iat": int(time.time()),
            "jti": f"jti-{time.monotonic_ns()}",
            "sub_id": subject,
            "events": {uri: {}},
            **more,
        }

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        headers = {"typ": "secevent+jwt", "kid": "one", **header}
        return jwt.encode(dict(claims), RSA, algorithm="RS256", headers=headers)

    def send(self, text: str, token: str | None = None, **more: Any) -> HttpResponse:
        return Client().post(
            "/ssf/receive/risk",
            text,
            **{"content_type": "application/secevent+jwt", **more},
            headers={"Authorization": f"Bearer {self.token if token is None else token}"},
        )

    def tell(self, kind: EventType, person: Person, **more: Any) -> HttpResponse:
        return self.send(self.sign(self.said(kind, of(person), **more)))


def of(person: Person) -> dict[str, str]:
    return {"format": "email", "email": person.email}


@pytest.fixture(autouse=True)
def _keys() -> None:
    listening._known.clear()


@pytest.fixture
def risk(collector: Collector, transactional_db: None) -> Risk:
    return Risk(collector, account_disabled="suspend")


@pytest.fixture
def ana(risk: Risk) -> Person:
    person = Company().person("1")
    assert sign_in(Client(), with_passkey(person)).status_code == 200
    return person


def test_sessions_end_where_the_policy_says_so(risk: Risk, ana: Person) -> None:
    assert Session.objects.filter(person=ana, ended_at=None).exists()
    answer = risk.tell(EventType.SESSION_REVOKED, ana)
    assert (answer.status_code, answer.content) == (202, b"")
    session = Session.objects.get(person=ana)
    assert session.ended_at is not None
    assert session.ended_because == "Risk engine says: session-revoked"
    heard = Heard.objects.get()
    assert (heard.person, heard.done, heard.detail) == (ana, "end_sessions", "1 session ended")
    event = Event.objects.get(action="signals.heard")
    assert (event.actor, event.person) == ("transmitter risk", str(ana.uid))


def test_the_same_again_is_taken_and_does_nothing(risk: Risk, ana: Person) -> None:
    text = risk.sign(risk.said(EventType.ACCOUNT_DISABLED, of(ana)))
    assert [risk.send(text).status_code for _ in range(2)] == [202, 202]
    assert Person.objects.get(pk=ana.pk).suspended
    assert Heard.objects.count() == 1
    assert Event.objects.filter(action="person.suspended").count() == 1


def test_nobody_can_have_the_whole_company_suspended(risk: Risk) -> None:
    people = Company().people(listening.MOST_SUSPENDED + 2)
    for person in people:
        assert risk.tell(EventType.ACCOUNT_DISABLED, person).status_code == 202
    assert Person.objects.filter(suspended=True).count() == listening.MOST_SUSPENDED
    last = Heard.objects.first()
    assert last is not None
    assert last.done == "end_sessions"
    assert "not suspended" in last.detail


@pytest.mark.parametrize(
    ("level", "ended"), [("HIGH", True), ("MEDIUM", False)], ids=["high", "medium"]
)
def test_only_a_high_risk_counts(
    collector: Collector, ana: Person, level: str, ended: bool
) -> None:
    Transmitter.objects.update(policy={"risk-level-change": "end_sessions"})
    other = Risk.__new__(Risk)
    other.server, other.row = collector, Transmitter.objects.get()
    claims = other.said(
        EventType.RISK_LEVEL_CHANGE,
        of(ana),
        events={EventType.RISK_LEVEL_CHANGE.uri: {"current_level": level}},
    )
    listening.take(other.row, other.sign(claims).encode())
    assert Session.objects.filter(ended_at=None).exists() is not ended


@pytest.mark.parametrize(
    "subject",
    [
        {"format": "email", "email": "nobody@acme.example"},
        {"format": "iss_sub", "iss": "https://elsewhere.example", "sub": "1"},
        {"format": "phone_number", "phone_number": "+36 1 234 5678"},
        {"format": "iss_sub", "iss": "http://localhost:8000", "sub": "no-uuid"},
        {"format": "email"},
        {"user": "ana"},
    ],
)
def test_who_is_not_known_is_only_reported(risk: Risk, subject: object, ana: Person) -> None:
    claims = risk.said(EventType.SESSION_REVOKED, subject)
    assert risk.send(risk.sign(claims)).status_code == 202
    assert Heard.objects.get().detail == "nobody here is known by this name"
    assert Session.objects.filter(ended_at=None).exists()


def test_people_are_known_by_several_names(risk: Risk, ana: Person) -> None:
    ours = {"format": "iss_sub", "iss": "http://localhost:8000", "sub": str(ana.uid)}
    for subject in (
        ours,
        {"format": "complex", "user": ours, "device": {"format": "opaque", "id": "d"}},
        {"format": "account", "uri": f"acct:{ana.email}"},
        {"format": "aliases", "identifiers": [of(ana), ours]},
    ):
        claims = risk.said(EventType.CREDENTIAL_CHANGE, subject)
        assert risk.send(risk.sign(claims)).status_code == 202
    assert list(Heard.objects.values_list("person", flat=True)) == [ana.pk] * 4


def test_a_key_that_is_new_is_asked_for(risk: Risk, ana: Person) -> None:
    risk.tell(EventType.CREDENTIAL_CHANGE, ana)
    fresh = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = jwt.encode(
        risk.said(EventType.CREDENTIAL_CHANGE, of(ana)),
        fresh,
        algorithm="RS256",
        headers={"typ": "secevent+jwt", "kid": "two"},
    )
    assert risk.send(text).status_code == 400
    risk.publish(fresh, "two")
    # Not at each wrong token: somebody could have us ask all day.
    assert risk.send(text).status_code == 400
    assert risk.server.reads == 1
    listening._known[risk.server.address] = (
        listening.now() - listening._SOON * 2,
        listening._known[risk.server.address][1],
    )
    assert risk.send(text).status_code == 202


def test_without_keys_it_is_to_be_sent_again(risk: Risk, ana: Person) -> None:
    risk.server.served = b"<html>"
    answer = risk.tell(EventType.SESSION_REVOKED, ana)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert not Heard.objects.exists()


def test_what_is_not_taken(risk: Risk, ana: Person) -> None:
    good = risk.said(EventType.SESSION_REVOKED, of(ana))
    elliptic = ec.generate_private_key(ec.SECP256R1())
    public = ECAlgorithm.to_jwk(elliptic.public_key(), as_dict=True)
    secret = orjson.dumps(public).decode() * 2
    typed = {"typ": "secevent+jwt", "kid": "one"}
    without = {name: value for name, value in good.items() if name != "jti"}
    signed = risk.sign(good)
    head, body, _ = signed.split(".")
    for code, text in {
        "issuer": ("invalid_issuer", risk.sign({**good, "iss": "https://other.example"})),
        "audience": ("invalid_audience", risk.sign({**good, "aud": ["https://other.example"]})),
        "no typ": ("invalid_request", risk.sign(good, typ="JWT")),
        "stranger": (
            "authentication_failed",
            jwt.encode(
                good,
                rsa.generate_private_key(public_exponent=65537, key_size=2048),
                algorithm="RS256",
                headers=typed,
            ),
        ),
        "none": ("invalid_key", jwt.encode(good, None, algorithm="none", headers=typed)),
        "shared": ("invalid_key", jwt.encode(good, secret, algorithm="HS256", headers=typed)),
        "other key": (
            "invalid_request",
            jwt.encode(good, elliptic, algorithm="ES256", headers=typed),
        ),
        "changed": ("authentication_failed", f"{head}.{body}.{'A' * 342}"),
        "no jti": ("invalid_request", risk.sign(without)),
        "sub": ("invalid_request", risk.sign({**good, "sub": "ana"})),
        "no subject": ("invalid_request", risk.sign({**good, "sub_id": "ana"})),
        "two events": (
            "invalid_request",
            risk.sign({**good, "events": {"https://a.example": {}, "https://b.example": {}}}),
        ),
        "future": ("invalid_request", risk.sign({**good, "iat": int(time.time()) + 3600})),
        "rubbish": ("invalid_request", "rubbish"),
        "long": ("invalid_request", "x" * 70_000),
        "critical": (
            "invalid_request",
            risk.sign(
                {
                    **good,
                    "sub_id": {"format": "complex", "user": of(ana), "tenant": {}},
                    "events": {
                        EventType.SESSION_REVOKED.uri: {"critical_subject_members": ["tenant"]}
                    },
                }
            ),
        ),
    }.values():
        answer = risk.send(text)
        assert (answer.status_code, read(answer)["err"]) == (400, code), (code, answer.content)
    assert risk.send(signed, token="wrong").status_code == 401
    assert risk.send(signed, token="").status_code == 401
    assert risk.send(signed, content_type="application/json").status_code == 400
    assert Client().get("/ssf/receive/risk").status_code == 405
    assert not Heard.objects.exists()
    assert Session.objects.filter(ended_at=None).exists()
    assert Transmitter.objects.get().last_refusal


def test_nobody_is_listened_to_any_more(risk: Risk, ana: Person) -> None:
    listening.distrust("risk")
    assert risk.tell(EventType.SESSION_REVOKED, ana).status_code == 401
    with pytest.raises(LookupError, match="We listen to: nobody"):
        listening.distrust("risk")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"jwks_address": "http://risk.example/keys"}, "https"),
        ({"issuer": ""}, "issuer"),
        ({"policy": {"session-revoked": "shout"}}, "'shout' is not one of"),
        ({"policy": {"shouting": "report"}}, "no event that is understood"),
        ({"slug": "Risk!"}, "no name of a transmitter"),
    ],
)
def test_what_cannot_be_trusted(db: None, wrong: dict[str, Any], said: str) -> None:
    given = {"slug": "risk", "issuer": ISSUER, "jwks_address": f"{ISSUER}/k", "audience": "us"}
    slug = {**given, **wrong}.pop("slug")
    rest = {name: value for name, value in {**given, **wrong}.items() if name != "slug"}
    with pytest.raises(ValueError, match=said):
        listening.trust(slug, **rest)
