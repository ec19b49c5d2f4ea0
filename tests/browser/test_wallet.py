"""A wallet in place of typing, on a computer and a phone: the QR code is read from the screen, and
the phone's browser opens what the wallet was told to open."""

from __future__ import annotations

import io
import json
import urllib.parse
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from tenure.people.models import Company, Person
from tenure.signin import invitations
from tests.browser.conftest import Opener
from tests.browser.people import IPHONE, WINDOWS, authenticator, invitation, same_number
from tests.browser.test_onboarding import anna, prove_address, sample
from tests.browser.test_pages import look
from tests.wallet.wallet import (
    VCT,
    Registry,
    Wallet,
    certified,
    checked,
    new_key,
    pem_of,
    public_of,
    scanned,
)

__all__ = ["anna", "sample"]


def test_from_a_wallet_to_the_portal(anna: Person, stranger: Opener, tmp_path: Path) -> None:
    registry, wallet, ours = Registry(), Wallet(), new_key()
    claims = {"given_name": "Anna", "family_name": "Kovács", "employee_number": "10482"}
    wallet.credential = registry.issue(wallet.key, claims)
    (tmp_path / "key.pem").write_bytes(ours.export_to_pem(True, None))
    own = {"name": "Registry", "iss": registry.iss, "keys": [public_of(registry.key)]}
    settings = {
        "types": [VCT],
        "issuers": [{**own, "roots": "", "status_lists": []}],
        "certificate": pem_of(certified(ours, "localhost")),
        "key": f"${{file:{tmp_path}/key.pem}}",
        "claims": {},
        "client_id": "x509_hash",
        "scheme": "openid4vp://",
    }
    Company.objects.update(onboarding={"wallet": settings})
    invitations.invite(person=anna)
    computer, phone = stranger(**WINDOWS), stranger(**IPHONE)
    authenticator(phone.page)
    computer.open(invitation())
    computer.page.get_by_role("button", name="Show who you are from a wallet").click()
    expect(computer.page.get_by_text("Scan it with your wallet")).to_be_visible()
    assert look(computer, "wallet") == []

    picture = Image.open(io.BytesIO(computer.page.locator(".qr").screenshot()))
    (found,) = zxingcpp.read_barcodes(picture)
    client_id, path = scanned(found.text)
    with urllib.request.urlopen(computer.address + path, timeout=10) as answer:
        request = checked(answer.read().decode(), client_id)
    shown = wallet.present(request["nonce"], client_id, show=tuple(claims))
    body = urllib.parse.urlencode({"response": wallet.answer(request, shown)}).encode()
    with urllib.request.urlopen(request["response_uri"], body, timeout=10) as answer:
        (redirect,) = json.loads(answer.read()).values()

    expect(computer.page.get_by_text("On the phone, tap")).to_be_visible()
    assert look(computer, "wallet, shown") == []
    phone.open(urlsplit(redirect).path)
    same_number(phone, computer)
    prove_address(phone)
    expect(phone.page.get_by_role("heading", level=1)).to_have_text("It is you, Anna")
    phone.page.get_by_role("button", name="Make a passkey").click()
    computer.page.wait_for_url("**/portal/?welcome")
    assert computer.wrong + phone.wrong == []
