"""What an owner does with their own keys, codes and sessions, the same on the console's page and on
the portal's: what the page shows, and the changes that its forms ask for."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from tenure.signin import again, devices, letters, passkeys, recovery, sessions
from tenure.signin.answers import ask, challenge, go, refused, sent
from tenure.signin.endings import end_sessions, open_sessions, tell_ended
from tenure.signin.models import User
from tenure.signin.owners import Owner
from tenure.signin.passkeys import CeremonyRefused
from tenure.signin.places import place_of
from tenure.signin.where import device_of


def shown(request: HttpRequest, owner: Owner) -> dict[str, Any]:
    """For the page: keys, how many codes are left, sessions, and which one this is."""
    return {
        "keys": passkeys.passkeys_of(owner),
        "codes_left": recovery.codes_left(owner),
        "sessions": open_sessions(owner),
        "this": sessions.this_one(request, owner),
        "devices": [
            (one, devices.is_this(request, one), place_of(one.address))
            for one in devices.devices_of(owner)
        ],
        "origin": settings.PASSKEY_ORIGIN,
        "recovered": "recovered" in request.GET,
        "suggested": device_of(request),
    }


def options(request: HttpRequest, owner: Owner) -> HttpResponse:
    """What the new passkey has to sign."""
    try:
        return ask(request, passkeys.ask_to_register(owner))
    except CeremonyRefused as error:
        return refused(str(error))


def add(request: HttpRequest, owner: Owner, back: str) -> HttpResponse:
    """Keep the new passkey, and tell its owner by e-mail."""
    given = sent(request)
    name = str(given.get("name") or "").strip() or device_of(request)
    first = isinstance(owner, User) and not passkeys.passkeys_of(owner)
    try:
        key = passkeys.register(
            owner, challenge=challenge(request), credential=given.get("credential"), name=name
        )
    except CeremonyRefused as error:
        return refused(str(error))
    if first:
        # Before it they were asked for none. It was shown just now, and is not asked for at once.
        again.proved(request)
    letters.notice(
        owner,
        subject="A passkey was added",
        text=f"The passkey “{key.name}” now signs in as you. If you did not add it, tell your "
        "administrator at once.",
    )
    return go(back)


def change(request: HttpRequest, owner: Owner) -> str:
    """Rename or remove a key, end sessions, or forget a device, as the form says. Returns what was
    done, as a sentence. Raises `ValueError` and `LookupError` that say why not."""
    wanted, which = request.POST.get("do", ""), request.POST.get("which", "")
    if wanted == "rename":
        passkeys.rename(owner, _number(which), request.POST.get("name", ""))
        return "The passkey has a new name."
    if wanted == "remove":
        key = passkeys.remove(owner, _number(which), because="removed by its owner")
        return f"The passkey {key.name} is removed. Remove it from the device too."
    if wanted == "forget":
        return f"{devices.forget(owner, _number(which))} is forgotten: it is new the next time."
    if wanted == "end":
        count = end_sessions(owner, because="ended by its owner", only=[_uid(which)])
        return _ended(owner, count)
    if wanted == "end_others":
        but = sessions.this_one(request, owner)
        return _ended(owner, end_sessions(owner, because="ended by its owner", but=but))
    raise LookupError("There is no such action.")


def _ended(owner: Owner, count: int) -> str:
    tell_ended(owner, count, by_them=True)
    return f"{count} session{'s' if count != 1 else ''} ended."


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise LookupError("There is no such passkey any more.")
    return int(text)


def _uid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise LookupError("There is no such session any more.") from error
