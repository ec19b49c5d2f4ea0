"""A computer waits for a phone. The QR code names the pairing; the browser that started it and the
phone that took it each hold a secret of their own, in a cookie and in a session.

So a picture of the code gives whoever has it a page that says where the computer is and asks them
to sign, and nothing else: what the computer then gets is what that person allowed. A code is taken
once, lives two minutes, and lets one browser in once.

A code that somebody else has sent is stopped by the number. The computer shows one, the phone
three, and only who sees the computer knows which: the first wrong one ends the pairing.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from django.db import transaction

from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.signin.models import Invitation, Pairing, Passkey
from tenure.signin.owners import may_come_in, owner_of, told
from tenure.signin.tokens import digest, new_short_token, same

#: Until the code is taken.
VALID: Final = timedelta(minutes=2)
#: For verifying oneself and making a passkey, once it is taken.
VALID_ON_PHONE: Final = timedelta(minutes=20)
_PURPOSE = Pairing.Purpose
#: Of what the phone shows one number is the computer's.
CHOICES: Final = 3
_NUMBERS: Final = 900_000


class Standing(StrEnum):
    """Why a pairing is worth nothing."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    TAKEN = "taken"
    MISMATCH = "mismatch"


class PairingRefused(ValueError):
    """The pairing is over, or never was. `standing` says which."""

    def __init__(self, standing: Standing) -> None:
        super().__init__(f"The code is {standing.value}.")
        self.standing = standing


@dataclass(frozen=True, slots=True)
class Started:
    """`token` goes into the QR code and nowhere else, `secret` into the browser's cookie."""

    pairing: Pairing
    token: str
    secret: str


def start(
    purpose: Pairing.Purpose,
    *,
    address: str | None,
    browser: str,
    invitation: Invitation | None = None,
    next_path: str = "",
) -> Started:
    """A computer begins to wait."""
    token, secret = new_short_token(), new_short_token()
    row = Pairing.objects.create(
        purpose=purpose,
        invitation=invitation,
        person=invitation.person if invitation else None,
        token_digest=digest(token),
        browser_digest=digest(secret),
        matching=_spaced(secrets.randbelow(_NUMBERS)),
        address=address,
        browser=browser,
        next_path=next_path[:500],
        expires_at=now() + VALID,
    )
    return Started(row, token, secret)


def scanned(token: str) -> Pairing:
    """What a code names, as long as nobody has taken it. Raises `PairingRefused`."""
    return _open(_by_token(token))


def choices(row: Pairing) -> list[str]:
    """The numbers that the phone shows, the same ones whenever it asks: the computer's and others,
    in no order that tells. Others come from the computer's own secret: from the token whoever has a
    picture of the code could work them out, and what is left is the computer's."""
    found, count = {row.matching}, 0
    while len(found) < CHOICES:
        drawn = hashlib.sha256(b"number %d " % count + bytes(row.browser_digest)).digest()
        found.add(_spaced(int.from_bytes(drawn[:8]) % _NUMBERS))
        count += 1
    return sorted(found)


def match(token: str, number: str) -> Pairing:
    """The person has said which number the computer shows. Raises `PairingRefused`; a wrong one
    ends the pairing, whoever asked."""
    with transaction.atomic():
        row = _open(_by_token(token, lock=True))
        right = same(_digits(row.matching).encode(), _digits(number).encode())
        if not right:
            row.ended_at = now()
            row.save(update_fields=["ended_at"])
            record(
                Action.PAIRING_MISMATCHED,
                subject_kind="door",
                subject_key=row.address or "unknown",
                subject_label=row.browser,
                person=str(row.person.uid) if row.person else "",
                reason="the phone chose a number that the computer does not show",
            )
    if not right:
        raise PairingRefused(Standing.MISMATCH)
    return row


def renew(row: Pairing) -> str:
    """Another code of the same pairing; the one before is void. The caller holds a transaction."""
    token = new_short_token()
    row.token_digest, row.expires_at = digest(token), now() + VALID
    row.save(update_fields=["token_digest", "expires_at"])
    return token


@transaction.atomic
def take(token: str) -> tuple[Pairing, str]:
    """The phone has matched the computer's number (`match`): from now on the pairing is this
    phone's. Returns the secret that its session keeps. Raises `PairingRefused`."""
    row = _open(_by_token(token, lock=True))
    secret = new_short_token()
    row.phone_digest, row.confirmed_at = digest(secret), now()
    row.expires_at = now() + VALID_ON_PHONE
    row.save(update_fields=["phone_digest", "confirmed_at", "expires_at"])
    if row.person is not None:
        told(Action.PAIRING_CONFIRMED, row.person, after=_where(row))
    return row, secret


def of_phone(pk: object, secret: object, *, lock: bool = False) -> Pairing:
    """The pairing that this phone took. Raises `PairingRefused`."""
    row = _find(pk, lock=lock)
    if row is None or not isinstance(secret, str) or not same(row.phone_digest, digest(secret)):
        raise PairingRefused(Standing.UNKNOWN)
    return _unexpired(row)


def of_browser(pk: object, secret: object, *, lock: bool = False) -> Pairing:
    """The pairing that this browser started. Raises `PairingRefused`."""
    row = _find(pk, lock=lock)
    if row is None or not isinstance(secret, str) or not same(row.browser_digest, digest(secret)):
        raise PairingRefused(Standing.UNKNOWN)
    return _unexpired(row)


@transaction.atomic
def approve_sign_in(token: str, passkey: Passkey) -> Pairing:
    """Whoever has just signed lets the computer in, as themselves. Raises `PairingRefused`."""
    row = _open(_by_token(token, lock=True))
    if row.purpose != _PURPOSE.SIGN_IN:
        raise PairingRefused(Standing.UNKNOWN)
    row.confirmed_at = row.approved_at = now()
    # Taken: the code is worth nothing from now on, on this phone neither.
    row.phone_digest = digest(new_short_token())
    row.user, row.person, row.passkey = passkey.user, passkey.person, passkey
    row.save(
        update_fields=["confirmed_at", "approved_at", "phone_digest", "user", "person", "passkey"]
    )
    told(Action.PAIRING_CONFIRMED, owner_of(passkey), after=_where(row))
    return row


def approve_welcome(row: Pairing, passkey: Passkey) -> None:
    """The person has verified themselves and made a passkey: the computer may go on."""
    row.approved_at, row.passkey = now(), passkey
    row.save(update_fields=["approved_at", "passkey"])


@transaction.atomic
def redeem(pk: object, secret: object) -> Pairing:
    """The computer goes on, once. Raises `PairingRefused` where it may not, or not any more: the
    key that let it in may have been taken away since."""
    row = of_browser(pk, secret, lock=True)
    if row.approved_at is None or row.redeemed_at is not None:
        raise PairingRefused(Standing.TAKEN)
    if not may_come_in(owner_of(row)) or row.passkey is None or row.passkey.removed_at is not None:
        raise PairingRefused(Standing.UNKNOWN)
    row.redeemed_at = now()
    row.save(update_fields=["redeemed_at"])
    return row


def end_of(person: Person) -> None:
    """Whatever waits for this person waits no longer."""
    Pairing.objects.filter(person=person, ended_at=None, redeemed_at=None).update(ended_at=now())


def _by_token(token: str, *, lock: bool = False) -> Pairing | None:
    rows = Pairing.objects.select_related("invitation", "person")
    if lock:
        rows = rows.select_for_update(of=("self",))
    wanted = digest(token)
    row = rows.filter(token_digest=wanted).first()
    return row if row is not None and same(row.token_digest, wanted) else None


def _find(pk: object, *, lock: bool) -> Pairing | None:
    if not isinstance(pk, int):
        return None
    rows = Pairing.objects.select_related("invitation", "person", "user", "passkey")
    if lock:
        rows = rows.select_for_update(of=("self",))
    return rows.filter(pk=pk).first()


def _open(row: Pairing | None) -> Pairing:
    """Not taken yet."""
    if row is None:
        raise PairingRefused(Standing.UNKNOWN)
    if row.phone_digest is not None:
        raise PairingRefused(Standing.TAKEN)
    return _unexpired(row)


def _unexpired(row: Pairing) -> Pairing:
    if row.ended_at is not None or row.expires_at <= now():
        raise PairingRefused(Standing.EXPIRED)
    if row.invitation is not None and row.invitation.withdrawn_at is not None:
        raise PairingRefused(Standing.EXPIRED)
    return row


def _spaced(number: int) -> str:
    """Six digits, in two groups of three that are easy to compare."""
    text = f"{number + 100_000}"
    return f"{text[:3]} {text[3:]}"


def _digits(text: str) -> str:
    return "".join(c for c in text[:20] if c.isascii() and c.isdigit())


def _where(row: Pairing) -> dict[str, str | None]:
    return {"computer": row.browser, "from": row.address}
