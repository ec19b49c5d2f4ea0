"""Proving again that it is really them, before something that many would suffer from. Whoever has a
passkey is asked for it, unless they have just shown it; who has none came in by a link, and is not.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

from tenure.infra.clock import now
from tenure.signin import passkeys, sessions
from tenure.signin.answers import ask, challenge, go, refused, sent
from tenure.signin.models import How, Session, User
from tenure.signin.owners import Owner
from tenure.signin.passkeys import CeremonyRefused
from tenure.signin.where import address_of

#: For so long a proof is good for whatever asks for one.
GOOD: Final = timedelta(minutes=5)
#: For so long who has come in, by whatever way, may look after their own keys: whoever has lost
#: theirs and came by a recovery code or a link has nothing else to show.
JUST_IN: Final = timedelta(minutes=15)
_PROVED: Final = "proved_again"
_BY_PASSKEY: Final = (How.PASSKEY.value, How.QR.value)


def needed(request: HttpRequest, user: User) -> bool:
    """Whether they have to show their passkey first."""
    if not passkeys.passkeys_of(user):
        return False
    earliest = now() - GOOD
    if float(request.session.get(_PROVED, 0)) > earliest.timestamp():
        return False
    here = sessions.this_one(request, user)
    if here is None:
        return True
    began = Session.objects.filter(uid=here, how__in=_BY_PASSKEY, began_at__gt=earliest)
    return not began.exists()


def needed_for_keys(request: HttpRequest, owner: Owner) -> bool:
    """The same, before somebody's own passkeys and codes are changed: a browser that was left open
    must not give whoever sits down there a key of their own."""
    here = sessions.this_one(request, owner)
    at = now()
    recent = Q(began_at__gt=at - JUST_IN) | Q(passkey_at__gt=at - GOOD)
    if here is not None and Session.objects.filter(recent, uid=here).exists():
        return False
    return not isinstance(owner, User) or needed(request, owner)


def proved(request: HttpRequest) -> None:
    """They have just shown that it is them, by a passkey."""
    request.session[_PROVED] = now().timestamp()


def options(request: HttpRequest, user: User) -> HttpResponse:
    """What their passkey has to sign."""
    return ask(request, passkeys.ask_to_sign_in(about=_about(user)))


def prove(request: HttpRequest, user: User, home: str) -> HttpResponse:
    """Take the signature; then back to where it was asked for, or `home`."""
    given = sent(request)
    try:
        key = passkeys.authenticate(
            challenge=challenge(request),
            credential=given.get("credential"),
            about=_about(user),
            address=address_of(request),
        )
    except CeremonyRefused as error:
        return refused(str(error))
    if key.user_id != user.pk:
        return refused("This passkey is somebody else's. Use your own.")
    proved(request)
    back = str(given.get("back") or "")
    ours = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return go(back if ours else home)


def _about(user: User) -> str:
    return f"again:{user.pk}"
