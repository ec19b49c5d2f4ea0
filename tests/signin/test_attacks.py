"""What is said of the QR session, word by word: how long its secrets are, how long they live, that
looking takes nothing, that every step counts, and what cookies are called."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from base64 import urlsafe_b64decode
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.test import Client

from tenure.infra.clock import now
from tenure.signin import pairing
from tenure.signin.models import Pairing, Throttle
from tenure.signin.throttle import Limit
from tenure.signin.waiting import Kept
from tests.signin.people import confirmed, invited, kept_by, number_of, person, token_of

pytestmark = pytest.mark.django_db


def test_every_code_has_128_random_bits_and_lives_two_minutes() -> None:
    path = invited(person())
    tokens = [token_of(Client(), path).rpartition("/")[2] for _ in range(3)]
    assert len(set(tokens)) == 3
    assert {len(urlsafe_b64decode(token + "==")) for token in tokens} == {16}
    for row in Pairing.objects.all():
        assert row.expires_at - row.started_at <= timedelta(minutes=2, seconds=1)
        # What is stored opens nothing: neither of the three secrets stands there.
        assert len(bytes(row.token_digest)) == len(bytes(row.browser_digest)) == 32
        assert row.phone_digest is None
    assert timedelta(minutes=2) == pairing.VALID


def test_looking_takes_nothing() -> None:
    """As a chat's preview or a scanner of mails does: any number of times, and no form."""
    scan = token_of(Client(), invited(person()))
    for _ in range(3):
        assert Client().get(scan).status_code == 200
        assert Client().head(scan).status_code == 200
    assert Client().get(scan + "/confirm").status_code == 405
    assert Client().get(scan + "/options").status_code == 405
    assert Pairing.objects.get().confirmed_at is None
    assert confirmed(Client(), scan).status_code == 302


def test_the_computer_has_a_secret_that_the_phone_never_sees() -> None:
    path = invited(person())
    computer, phone = Client(), Client()
    scan = token_of(computer, path)
    secret = kept_by(computer).secret
    seen = phone.get(scan).content + confirmed(phone, scan).content + phone.get("/phone/").content
    assert secret.encode() not in seen
    assert secret not in json.dumps(dict(phone.session))
    assert not kept_by(phone).secret
    # Nor does the page that waits: its own script cannot read the cookie that names it.
    assert secret.encode() not in computer.get(path + "/wait").content
    assert computer.cookies["tenure-pairing"]["httponly"]
    # And what somebody has made up is no cookie of ours.
    computer.cookies["tenure-pairing"] = f"{Pairing.objects.get().pk}.{secret}"
    assert kept_by(computer) == Kept()


@pytest.mark.parametrize(
    ("limit", "method", "path"),
    [
        (Limit.PASSKEY_BY_ADDRESS, "post", "/sign-in/passkey/options"),
        (Limit.PASSKEY_BY_ADDRESS, "post", "/sign-in/confirm/options"),
        (Limit.PASSKEY_BY_ADDRESS, "post", "{scan}/options"),
        (Limit.PAIRING_BY_ADDRESS, "get", "/sign-in/qr"),
        (Limit.PAIRING_BY_ADDRESS, "get", "{welcome}/code"),
        (Limit.PAIRING_BY_ADDRESS, "post", "{scan}/confirm"),
        (Limit.PAIRING_BY_ADDRESS, "get", "{welcome}/wallet"),
        (Limit.PAIRING_BY_ADDRESS, "post", "/wallet/x/request"),
        (Limit.PAIRING_BY_ADDRESS, "post", "/wallet/x/response"),
        (Limit.INVITATION_BY_ADDRESS, "get", "{welcome}"),
        (Limit.RECOVERY_BY_ADDRESS, "post", "/sign-in/recover"),
    ],
)
def test_every_step_counts_by_address(limit: Limit, method: str, path: str) -> None:
    welcome = invited(person())
    scan = token_of(Client(), welcome)
    before = Pairing.objects.count()
    key = f"{limit.name.lower()}:{sha256(b'127.0.0.1').hexdigest()[:40]}"
    Throttle.objects.update_or_create(key=key, defaults={"since": now(), "count": limit.value.most})
    address = path.format(scan=scan, welcome=welcome)
    asked: Any = getattr(Client(), method)
    answer = asked(address, number_of(scan)) if method == "post" else asked(address)
    refused = answer.status_code == 429 or "too often" in answer.content.decode()
    assert refused, (answer.status_code, answer.content)
    # Nothing was begun, taken or let in for it.
    assert Pairing.objects.count() == before
    assert not Pairing.objects.exclude(phone_digest=None).exists()
    # Somebody elsewhere goes on.
    Throttle.objects.filter(key=key).update(since=now() - timedelta(hours=2))
    again = asked(address, number_of(scan)) if method == "post" else asked(address)
    assert again.status_code != 429


def test_over_https_cookies_are_bound_to_the_host() -> None:
    """RFC 6265bis, section 4.1.3.2: `__Host-` is kept only if it is Secure, for / and no domain."""
    names = [
        f"{kind}_COOKIE_{what}"
        for kind in ("SESSION", "CSRF")
        for what in ("NAME", "SECURE", "HTTPONLY", "SAMESITE", "PATH", "DOMAIN")
    ]
    ours = ["DEVICE_COOKIE_NAME", "PAIRING_COOKIE_NAME"]
    code = (
        "import django.conf, json; s = django.conf.settings; "
        f"print(json.dumps([getattr(s, name) for name in {[*names, *ours]}]))"
    )
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tenure.config.settings",
            "TENURE_URL": "https://tenure.acme.example",
        },
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    session, csrf = ["__Host-tenure", True, True, "Lax", "/", None], [True, True, "Lax", "/", None]
    named = ["__Host-tenure-device", "__Host-tenure-pairing"]
    assert json.loads(told) == [*session, "__Host-tenure-csrf", *csrf, *named]


def test_a_picture_of_the_code_does_not_tell_the_number() -> None:
    """The numbers beside the computer's come from nothing that the code has in it: else whoever has
    a picture of it works them out, and the one that is left is the computer's."""
    scan = token_of(Client(), invited(person()))
    shown = re.findall(r'value="(\d{3} \d{3})"', Client().get(scan).content.decode())
    assert len(shown) == pairing.CHOICES
    row = Pairing.objects.get()
    before = pairing.choices(row)
    assert sorted(shown) == before
    # Of another computer with the very same code they are other ones.
    row.browser_digest = sha256(b"another secret").digest()
    assert set(before) & set(pairing.choices(row)) == {row.matching}
