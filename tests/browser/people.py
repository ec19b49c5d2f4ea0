"""A phone or a computer with an authenticator of its own, and the letters that a person reads."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from typing import Any
from urllib.parse import urlsplit

import zxingcpp
from cryptography.hazmat.primitives import serialization
from django.core import mail
from PIL import Image
from playwright.sync_api import Page

from tenure.signin.sending import send_waiting
from tests.browser.conftest import Window
from tests.signin.authenticator import Authenticator

IPHONE = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
    "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1",
}
WINDOWS = {
    "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like "
    "Gecko) Chrome/150.0.0.0 Safari/537.36",
}


#: Such an authenticator is used as soon as a field offers it, where a person would choose. So the
#: browser is one that knows no such fields, unless that is what is tested.
_NO_FIELDS = "PublicKeyCredential.isConditionalMediationAvailable = async () => false"


def authenticator(page: Page, *, verified: bool = True, in_fields: bool = False) -> tuple[Any, str]:
    """Give the page a platform authenticator (WebAuthn Level 3, section 11), and its id."""
    if not in_fields:
        page.add_init_script(_NO_FIELDS)
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    made = session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": verified,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return session, made["authenticatorId"]


def credentials(session: Any, authenticator_id: str) -> list[dict[str, Any]]:
    """The passkeys in the authenticator, private keys and all."""
    given = {"authenticatorId": authenticator_id}
    return list(session.send("WebAuthn.getCredentials", given)["credentials"])


def letters() -> list[mail.EmailMultiAlternatives]:
    """What has arrived since the last look."""
    send_waiting()
    found, mail.outbox[:] = list(mail.outbox), []
    return found  # type: ignore[return-value]


def invitation() -> str:
    """The path of the invitation in the letter that has just come."""
    (letter,) = [one for one in letters() if "/welcome/" in str(one.body)]
    found = re.search(r"https?://[^/]+(/welcome/\S+)", str(letter.body))
    assert found
    return found[1]


def six_digits() -> str:
    """The code in the letter that has just come."""
    (letter,) = letters()
    found = re.search(r"\b(\d{3} \d{3})\b", str(letter.body))
    assert found
    return found[1]


def scan(window: Window) -> str:
    """What a phone's camera reads from the screen: the path that the QR code names."""
    code = window.page.locator(".qr svg")
    code.wait_for()
    picture = Image.open(io.BytesIO(window.page.locator(".qr").screenshot()))
    (found,) = zxingcpp.read_barcodes(picture)
    address = urlsplit(found.text)
    assert f"{address.scheme}://{address.netloc}" == window.address
    return address.path


def same_number(phone: Window, computer: Window) -> None:
    """The person looks at the computer, and taps its number on the phone."""
    number = computer.page.locator(".matching b").inner_text()
    phone.page.get_by_role("button", name=number).click()


def as_kept(device: Authenticator) -> dict[str, Any]:
    """A key that was made outside of the browser, as its authenticator takes it."""
    private = device.key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "credentialId": b64encode(device.credential_id).decode(),
        "isResidentCredential": True,
        "rpId": "localhost",
        "privateKey": b64encode(private).decode(),
        "userHandle": b64encode(device.handle).decode(),
        "signCount": device.counter,
    }
