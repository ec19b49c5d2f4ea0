"""Passkeys: the two ceremonies of WebAuthn (Level 3, sections 7.1 and 7.2), carried out by
py_webauthn, and what is kept of them. Which browser holds which challenge is the caller's.

Every key is discoverable and every ceremony verifies the user, so a passkey alone says who it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import webauthn
from django.conf import settings
from django.db import IntegrityError, transaction
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from tenure.audit.models import Action
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import company
from tenure.signin import closings
from tenure.signin.endings import end_sessions
from tenure.signin.models import Challenge, Passkey
from tenure.signin.owners import (
    Owner,
    key_of,
    label_of,
    login_of,
    may_come_in,
    owned_by,
    owner_of,
    told,
)
from tenure.signin.tokens import keyed

VALID: Final = timedelta(minutes=5)
MOST: Final = 20
_CHALLENGE_BYTES: Final = 32
_HANDLE_BYTES: Final = 32
_LONGEST_NAME: Final = 100


class Purpose(StrEnum):
    """What a challenge is for; one for another purpose is refused."""

    REGISTER = "register"
    SIGN_IN = "sign_in"


class CeremonyRefused(ValueError):
    """The ceremony proves nothing. `str()` is for the person; why exactly is in the log."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser is asked: the options as JSON, and the challenge that its session keeps."""

    challenge: int
    options: str


def address_problem() -> str:
    """Why no browser makes a passkey at our address, and what to do; empty if one does."""
    origin, domain = settings.PASSKEY_ORIGIN, settings.PASSKEY_DOMAIN
    if domain.replace(".", "").isdigit() or ":" in domain:
        return (
            f"TENURE_URL is {origin}: passkeys need a host name, not an address of digits. Give "
            "the machine a name, or use localhost on it."
        )
    if not origin.startswith("https://") and domain != "localhost":
        return f"TENURE_URL is {origin}: passkeys need https. Put a certificate before Tenure."
    return ""


def ask_to_register(owner: Owner) -> Asked:
    """Options for a new passkey of this owner. Those that they have are left out."""
    mine = passkeys_of(owner)
    if len(mine) >= MOST:
        raise CeremonyRefused(f"There are {MOST} passkeys already. Remove one first.")
    challenge = _open(Purpose.REGISTER, key_of(owner))
    options = webauthn.generate_registration_options(
        rp_id=settings.PASSKEY_DOMAIN,
        rp_name=company().name,
        user_id=_handle(owner, mine),
        user_name=login_of(owner),
        user_display_name=label_of(owner),
        challenge=bytes(challenge.value),
        timeout=int(VALID.total_seconds() * 1000),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(
                id=bytes(key.credential_id), transports=_transports(key.transports)
            )
            for key in mine
        ],
    )
    return Asked(challenge.pk, webauthn.options_to_json(options))


def register(owner: Owner, *, challenge: int | None, credential: Any, name: str) -> Passkey:
    """Keep the new passkey. Raises `CeremonyRefused`."""
    value = _use(challenge, Purpose.REGISTER, key_of(owner))
    try:
        found = webauthn.verify_registration_response(
            credential=_plain(credential),
            expected_challenge=value,
            expected_rp_id=settings.PASSKEY_DOMAIN,
            expected_origin=settings.PASSKEY_ORIGIN,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise CeremonyRefused("This passkey could not be checked. Try again.") from error
    try:
        with transaction.atomic():
            key = Passkey.objects.create(
                **owned_by(owner),
                handle=_handle(owner, passkeys_of(owner)),
                credential_id=found.credential_id,
                public_key=found.credential_public_key,
                sign_count=found.sign_count,
                transports=_told_transports(credential),
                backed_up=found.credential_backed_up,
                name=_free_name(owner, name),
            )
            told(Action.PASSKEY_ADDED, owner, after={"passkey": key.name})
    except IntegrityError as error:
        raise CeremonyRefused("This passkey is known already. Use another device.") from error
    return key


def ask_to_sign_in(about: str = "") -> Asked:
    """Options for whoever holds a passkey of ours; the browser shows those that it knows."""
    challenge = _open(Purpose.SIGN_IN, about)
    options = webauthn.generate_authentication_options(
        rp_id=settings.PASSKEY_DOMAIN,
        challenge=bytes(challenge.value),
        timeout=int(VALID.total_seconds() * 1000),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return Asked(challenge.pk, webauthn.options_to_json(options))


def authenticate(
    *, challenge: int | None, credential: Any, about: str = "", address: str | None
) -> Passkey:
    """The passkey that has signed, its owner loaded. Raises `CeremonyRefused`, with one sentence
    for whatever is wrong, so that it tells nobody whether a key or a person exists."""
    value = _use(challenge, Purpose.SIGN_IN, about)
    refused = CeremonyRefused("This passkey does not let you in. Use another one, or ask for help.")
    try:
        plain = _plain(credential)
        sent_id = base64url_to_bytes(str(plain["rawId"]))
        handle = base64url_to_bytes(str(plain["response"]["userHandle"]))
    except (ValueError, KeyError, TypeError) as error:
        raise refused from error
    with transaction.atomic():
        key = (
            Passkey.objects.select_for_update(of=("self",))
            .select_related("user", "person")
            .filter(credential_id=sent_id, removed_at=None)
            .first()
        )
        if key is None or bytes(key.handle) != handle:
            raise refused
        try:
            found = webauthn.verify_authentication_response(
                credential=plain,
                expected_challenge=value,
                expected_rp_id=settings.PASSKEY_DOMAIN,
                expected_origin=settings.PASSKEY_ORIGIN,
                credential_public_key=bytes(key.public_key),
                credential_current_sign_count=key.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise refused from error
        if not may_come_in(owner_of(key)):
            raise refused
        key.sign_count, key.backed_up = found.new_sign_count, found.credential_backed_up
        key.used_at, key.used_from = now(), address
        key.save(update_fields=["sign_count", "backed_up", "used_at", "used_from"])
    return key


def which(credential: Any, asked: Sequence[int]) -> int | None:
    """To which of these challenges a credential is the answer; None if to none of them. It proves
    nothing: the signature is checked afterwards."""
    try:
        said = base64url_to_bytes(str(_plain(credential)["response"]["clientDataJSON"]))
        value = base64url_to_bytes(str(json.loads(said)["challenge"]))
    except (ValueError, KeyError, TypeError):
        return None
    found = Challenge.objects.filter(pk__in=asked, value=value).values_list("pk", flat=True)
    return found.first()


def passkeys_of(owner: Owner) -> list[Passkey]:
    """Those that still let them in, the oldest first."""
    return list(Passkey.objects.filter(**owned_by(owner), removed_at=None))


@transaction.atomic
def rename(owner: Owner, pk: int, name: str) -> None:
    """Call it something else. Raises `LookupError`, `ValueError` for no name."""
    key = _mine(owner, pk)
    name = " ".join(name.split())[:_LONGEST_NAME]
    if not name:
        raise ValueError("Give it a name that you will recognise.")
    before, key.name = key.name, name
    key.save(update_fields=["name"])
    told(Action.PASSKEY_RENAMED, owner, before={"passkey": before}, after={"passkey": name})


@transaction.atomic
def remove(owner: Owner, pk: int, *, because: str, by_them: bool = True) -> Passkey:
    """It lets nobody in any more, and sessions that it began or confirmed end. An owner keeps their
    last one; an administrator may take that too. Raises `LookupError`, `ValueError`."""
    # All of them are locked, in one order: two removals at once do not leave none.
    mine = list(
        Passkey.objects.select_for_update()
        .filter(**owned_by(owner), removed_at=None)
        .order_by("pk")
    )
    key = next((one for one in mine if one.pk == pk), None)
    if key is None:
        raise LookupError("There is no such passkey any more.")
    if by_them and len(mine) == 1:
        raise ValueError("This is your only passkey. Add another one first.")
    key.removed_at, key.removed_because = now(), because[:200]
    key.save(update_fields=["removed_at", "removed_because"])
    told(
        Action.PASSKEY_REMOVED,
        owner,
        by_them=by_them,
        before={"passkey": key.name},
        reason=because,
    )
    end_sessions(owner, because="its passkey was removed", passkey=key)
    if isinstance(owner, Person):
        closings.reset(owner, "a passkey was removed")
    return key


def _mine(owner: Owner, pk: int) -> Passkey:
    key = (
        Passkey.objects.select_for_update()
        .filter(**owned_by(owner), pk=pk, removed_at=None)
        .first()
    )
    if key is None:
        raise LookupError("There is no such passkey any more.")
    return key


def _handle(owner: Owner, mine: list[Passkey]) -> bytes:
    """One for each owner. It has to be there before the first key is stored, and to be the same
    when that is: so it is made of the installation's key and the owner's number."""
    return bytes(mine[0].handle) if mine else keyed("passkey handle", key_of(owner), "")


def _free_name(owner: Owner, wanted: str) -> str:
    wanted = " ".join(wanted.split())[: _LONGEST_NAME - 4] or "Passkey"
    taken = {key.name for key in passkeys_of(owner)}
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted} {number}"
    return name


def _open(purpose: Purpose, about: str) -> Challenge:
    return Challenge.objects.create(
        value=os.urandom(_CHALLENGE_BYTES), purpose=purpose, about=about, expires_at=now() + VALID
    )


def _use(pk: int | None, purpose: Purpose, about: str) -> bytes:
    """The challenge's value, once: whatever comes of it, it is gone."""
    with transaction.atomic():
        row = Challenge.objects.select_for_update().filter(pk=pk or 0).first()
        if row is not None:
            row.delete()
    if row is None or row.purpose != purpose.value or row.about != about or row.expires_at <= now():
        raise CeremonyRefused("That took too long, or was done already. Try again.")
    return bytes(row.value)


def _plain(credential: Any) -> dict[str, Any]:
    found = json.loads(credential) if isinstance(credential, str | bytes) else credential
    if not isinstance(found, dict):
        raise TypeError("A credential is an object.")
    return found


def _told_transports(credential: Any) -> list[str]:
    told_by_browser = _plain(credential).get("response", {}).get("transports")
    known = {transport.value for transport in AuthenticatorTransport}
    if not isinstance(told_by_browser, list):
        return []
    return [item for item in told_by_browser if isinstance(item, str) and item in known][:8]


def _transports(names: Any) -> list[AuthenticatorTransport]:
    return [AuthenticatorTransport(name) for name in names]
