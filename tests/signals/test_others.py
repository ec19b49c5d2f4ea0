"""By somebody else's library, and in the specifications' own words: what we send is read by
jwcrypto, which shares no code with what signs here, and what it signs is taken. The events are
those of the examples of CAEP 1.0 (3.1), RISC 1.0 (2) and SSF 1.0 (3), with people of ours."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.test import Client
from jwcrypto import jwk, jws, jwt

from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import terminate
from tenure.signals.models import Heard
from tests.provisioning.company import Company
from tests.signals.conftest import Collector, Other, read
from tests.signals.test_receiver import ISSUER, Risk, ana, risk

__all__ = ["ana", "risk"]
pytestmark = pytest.mark.django_db(transaction=True)
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"


def test_what_we_send_is_read_by_others(other: Other, company: Company) -> None:
    stream = other.stream()
    (leaver,) = company.people(1)
    terminate(leaver, at=now(), reason="left", now=now())
    keys = jwk.JWKSet.from_json(Client().get("/ssf/jwks.json").content.decode())
    path = stream["delivery"]["endpoint_url"].removeprefix("http://localhost:8000")
    sets = read(other.ask("POST", path, {}))["sets"]
    assert len(sets) == 2
    for jti, text in sets.items():
        token = jws.JWS()
        token.deserialize(text)
        key = keys.get_key(token.jose_header["kid"])
        assert key is not None
        token.verify(key, alg="RS256")
        assert token.jose_header["typ"] == "secevent+jwt"
        claims = json.loads(token.payload)
        # SSF 1.0, 4.1: one event, an issuer, an audience, and no end of its own.
        assert (claims["jti"], claims["iss"], claims["aud"]) == (jti, stream["iss"], "siem")
        assert len(claims["events"]) == 1
        assert "exp" not in claims
        assert claims["sub_id"]["format"] == "email"


@pytest.mark.parametrize(
    ("uri", "members", "shape", "done"),
    [
        (
            CAEP + "session-revoked",
            {
                "event_timestamp": 1615304991,
                "initiating_entity": "policy",
                "reason_admin": {"en": "Landspeed Policy Violation: C076E82F"},
                "reason_user": {"en": "Access attempt from multiple regions."},
            },
            "complex",
            "end_sessions",
        ),
        (RISC + "account-disabled", {"reason": "hijacking"}, "iss_sub", "suspend"),
        (RISC + "account-purged", {}, "account", "report"),
        (
            CAEP + "credential-change",
            {"credential_type": "fido2-roaming", "change_type": "create", "x5c": ["x"]},
            "aliases",
            "report",
        ),
    ],
)
def test_what_others_send_is_taken(
    risk: Risk,
    ana: Person,
    collector: Collector,
    uri: str,
    members: dict[str, Any],
    shape: str,
    done: str,
) -> None:
    key = jwk.JWK.generate(kty="EC", crv="P-256", kid="ec-1", use="sig", alg="ES256")
    collector.served = json.dumps({"keys": [json.loads(key.export_public())]}).encode()
    us, email = "http://localhost:8000", {"format": "email", "email": ana.email}
    subjects: dict[str, Any] = {
        "complex": {
            "format": "complex",
            "session": {"format": "opaque", "id": "dMTlD|1600802906337.16|16008.16"},
            "user": email,
            "tenant": {"format": "opaque", "id": "123456789"},
        },
        "iss_sub": {"format": "iss_sub", "iss": us, "sub": str(ana.uid)},
        "account": {"format": "account", "uri": f"acct:{ana.email}"},
        "aliases": {"format": "aliases", "identifiers": [email]},
    }
    token = jwt.JWT(
        header={"alg": "ES256", "typ": "secevent+jwt", "kid": "ec-1"},
        claims={
            "iss": ISSUER,
            "jti": "24c63fb56e5a2d77a6b512616ca9fa24",
            "iat": int(time.time()),
            "aud": ["https://tenure.acme.example", "https://sp.example.com/caep"],
            "txn": 8675309,
            "sub_id": subjects[shape],
            "events": {uri: members},
        },
    )
    token.make_signed_token(key)
    answer = risk.send(token.serialize())
    assert (answer.status_code, answer.content) == (202, b"")
    heard = Heard.objects.get()
    assert (heard.person, heard.done) == (ana, done)
