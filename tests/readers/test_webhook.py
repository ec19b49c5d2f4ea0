"""Which webhooks are genuine, and which records they speak of."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from tenure.readers.webhook import Hint, NotGenuine, Webhook, hint

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
BODY = b'{"type":"employee.updated","employees":[{"id":7},{"id":"8"},{"id":7}]}'


def made(**change: Any) -> Webhook:
    plain = {
        "secret": "hook",
        "signature": {"header": "X-Sign"},
        "ids": ["employee.id", "employees[].id"],
        "event": "type",
        "only": ["employee.*"],
        "gone": ["employee.deleted"],
    }
    return Webhook.model_validate({**plain, **change})


def signed(text: bytes, key: bytes = b"s3cret", algorithm: str = "sha256") -> hmac.HMAC:
    return hmac.new(key, text, algorithm)


def test_a_signature_of_the_body() -> None:
    headers = {"x-sign": signed(BODY).hexdigest()}
    assert hint(made(), "s3cret", headers, BODY, NOW) == Hint(("7", "8"), False, "employee.updated")
    for wrong in ({}, {"X-Sign": ""}, {"X-Sign": "é"}, {"X-Sign": signed(BODY + b" ").hexdigest()}):
        with pytest.raises(NotGenuine):
            hint(made(), "s3cret", wrong, BODY, NOW)
    with pytest.raises(NotGenuine):
        hint(made(), "", {"X-Sign": signed(BODY, b"").hexdigest()}, BODY, NOW)


def test_other_ways_to_sign() -> None:
    """As BambooHR (body and time), Deel (POST and body) and HiBob (base64) have it."""
    stamp = str(int(NOW.timestamp()))
    bamboo = made(
        signature={"header": "X-Sign", "signed": "{body}{timestamp}"},
        timestamp={"header": "X-Time"},
    )
    headers = {"X-Sign": signed(BODY + stamp.encode()).hexdigest(), "X-Time": stamp}
    assert hint(bamboo, "s3cret", headers, BODY, NOW).ids == ("7", "8")
    for late in (NOW + timedelta(hours=1), NOW - timedelta(hours=1)):
        with pytest.raises(NotGenuine, match="not now"):
            hint(bamboo, "s3cret", headers, BODY, late)
    with pytest.raises(NotGenuine, match="no time"):
        hint(bamboo, "s3cret", {**headers, "X-Time": "soon"}, BODY, NOW)
    deel = made(signature={"header": "X-Sign", "signed": "{method}{body}", "prefix": "v1="})
    headers = {"X-Sign": f"v1={signed(b'POST' + BODY).hexdigest()}"}
    assert hint(deel, "s3cret", headers, BODY, NOW).ids
    bob = made(
        signature={
            "header": "Bob-Signature", "algorithm": "sha512", "encoding": "base64",
            "encoded_key": True,
        }
    )  # fmt: skip
    text = base64.b64encode(hmac.new(b"s3cret", BODY, hashlib.sha512).digest()).decode()
    key = base64.b64encode(b"s3cret").decode()
    assert hint(bob, key, {"Bob-Signature": text}, BODY, NOW).ids
    with pytest.raises(NotGenuine, match="base64"):
        hint(bob, "no base64!", {"Bob-Signature": text}, BODY, NOW)


def test_a_shared_secret_and_what_is_of_no_interest() -> None:
    token = made(signature=None, token={"header": "Authorization", "prefix": "Bearer "})
    headers = {"Authorization": "Bearer s3cret"}
    assert hint(token, "s3cret", headers, BODY, NOW).ids == ("7", "8")
    with pytest.raises(NotGenuine):
        hint(token, "s3cret", {"Authorization": "Bearer other"}, BODY, NOW)
    gone = b'{"type":"employee.deleted","employee":{"id":7}}'
    assert hint(token, "s3cret", headers, gone, NOW) == Hint(("7",), True, "employee.deleted")
    other = b'{"type":"payroll.closed","employee":{"id":7}}'
    assert hint(token, "s3cret", headers, other, NOW) == Hint(event="payroll.closed")
    assert hint(token, "s3cret", headers, b"Ping test", NOW) == Hint()


@pytest.mark.parametrize(
    "change",
    [
        {"signature": None},
        {"token": {"header": "X"}},
        {"signature": {"header": "X", "signed": "{timestamp}"}},
        {"signature": {"header": "X", "signed": "{body}{nonce}"}},
        {"signature": {"header": "X", "signed": "{body}{timestamp}"}},
        {"ids": []},
        {"ids": ["a..b"]},
    ],
)
def test_what_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        made(**change)
