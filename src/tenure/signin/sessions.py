"""Signed-in sessions of administrators and of people: begun with a new key, ended by idleness, by
age, by signing out, by hand, or because access has ended. Each is a row, so ending it ends it on
every worker at once; a person whose access ends is out at that instant whatever the rows say.

One browser may hold both, an administrator's and a person's.
"""

from __future__ import annotations

import uuid

from django.contrib import auth
from django.http import HttpRequest
from django.middleware.csrf import rotate_token

from tenure.audit.models import Action
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.signin import closings, devices
from tenure.signin.endings import IDLE, LONGEST, close
from tenure.signin.models import How, Passkey, Session, User
from tenure.signin.owners import Owner, may_come_in, owned_by, told
from tenure.signin.services import signed_out
from tenure.signin.where import address_of, browser_of

_BACKEND = "django.contrib.auth.backends.ModelBackend"
_SEEN_EVERY = 60.0
_ANEW = "signed in anew in the same browser"
_USER, _PERSON = "user_session", "person_session"
_OF_A_USER = (
    auth.SESSION_KEY,
    auth.BACKEND_SESSION_KEY,
    auth.HASH_SESSION_KEY,
    _USER,
)


def begin(
    request: HttpRequest, user: User, *, how: How = How.LINK, passkey: Passkey | None = None
) -> None:
    """Sign an administrator in. The session gets a new key, and anything that it held for another
    user is gone."""
    _replace(request, _USER)
    auth.login(request, user, backend=_BACKEND)
    request.session[_USER] = str(_row(request, user, how, passkey).uid)
    request.session.set_expiry(int(LONGEST.total_seconds()))
    devices.remember(request, user, how)
    if how is not How.LINK:
        told(
            Action.ADMINISTRATOR_SIGNED_IN,
            user,
            reason=how.label,
            after={"from": address_of(request), "browser": browser_of(request)},
        )


def begin_person(
    request: HttpRequest, person: Person, *, how: How, passkey: Passkey | None = None
) -> None:
    """Sign a person in. The session gets a new key; what was begun in it before is dropped, an
    administrator who is signed in stays so."""
    before = _find(request, _PERSON)
    kept = {name: request.session[name] for name in _OF_A_USER if name in request.session}
    request.session.flush()
    request.session.update(kept)
    row = _row(request, person, how, passkey)
    request.session[_PERSON] = str(row.uid)
    if before is not None:
        if before.person_id == person.pk:
            closings.moved(before.pk, row.pk)
        close(Session.objects.filter(pk=before.pk), _ANEW)
    request.session.set_expiry(int(LONGEST.total_seconds()))
    rotate_token(request)
    devices.remember(request, person, how)
    told(
        Action.SIGNED_IN,
        person,
        reason=how.label,
        after={"from": address_of(request), "browser": browser_of(request)},
    )


def current(request: HttpRequest, *, by_itself: bool = False) -> User | None:
    """Which administrator is signed in, None if nobody is or no longer. `by_itself`: the page
    asked, not the person, so it does not keep the session awake."""
    user = auth.get_user(request)
    if not isinstance(user, User) or not user.is_active:
        return None
    row = _find(request, _USER)
    if row is None or row.user_id != user.pk or not _is_on(row, by_itself=by_itself):
        return None
    return user


def current_person(request: HttpRequest, *, by_itself: bool = False) -> Person | None:
    """Which person is signed in, as `current` says which administrator."""
    row = person_session(request, by_itself=by_itself)
    return row.person if row else None


def person_session(request: HttpRequest, *, by_itself: bool = False) -> Session | None:
    """The session of the person who is signed in."""
    row = _find(request, _PERSON)
    if row is None or row.person is None:
        return None
    return row if may_come_in(row.person) and _is_on(row, by_itself=by_itself) else None


def confirm_person(request: HttpRequest, passkey: Passkey) -> bool:
    """The person who is signed in has used their passkey once more. False where the passkey is
    somebody else's, or nobody is signed in."""
    row = person_session(request)
    if row is None or passkey.person_id != row.person_id:
        return False
    Session.objects.filter(pk=row.pk).update(confirmed_with=passkey, passkey_at=now())
    return True


def this_one(request: HttpRequest, owner: Owner) -> uuid.UUID | None:
    """Which of the owner's sessions the request belongs to."""
    row = _find(request, _USER if isinstance(owner, User) else _PERSON)
    return row.uid if row else None


def end(request: HttpRequest) -> None:
    """Sign out, whoever is signed in."""
    user = auth.get_user(request)
    if isinstance(user, User):
        signed_out(user)
        _close(request, _USER)
    row = _find(request, _PERSON)
    if row is not None and row.person is not None:
        told(Action.SIGNED_OUT, row.person)
        _close(request, _PERSON)
    auth.logout(request)


def history_of(owner: Owner, *, limit: int) -> list[Session]:
    """The owner's sessions, those that have ended too, as long as they are kept; the one that began
    last first."""
    return list(Session.objects.filter(**owned_by(owner)).order_by("-began_at", "-pk")[:limit])


def _is_on(row: Session, *, by_itself: bool) -> bool:
    """Whether it is neither too old nor forgotten, nor of a key that was taken away; the request
    keeps it awake. Nothing is written into what the browser's session holds: that is for what
    somebody does."""
    at = now()
    if at - row.began_at > LONGEST or at - row.seen_at > IDLE:
        return False
    # A key may be taken away between its signature and the session that it begins.
    if any(key.removed_at is not None for key in (row.passkey, row.confirmed_with) if key):
        return False
    if not by_itself and (at - row.seen_at).total_seconds() > _SEEN_EVERY:
        Session.objects.filter(pk=row.pk).update(seen_at=at)
    return True


def _row(request: HttpRequest, owner: Owner, how: How, passkey: Passkey | None) -> Session:
    at = now()
    return Session.objects.create(
        **owned_by(owner),
        passkey=passkey,
        how=how,
        address=address_of(request),
        browser=browser_of(request),
        passkey_at=at if passkey is not None else None,
        began_at=at,
        seen_at=at,
    )


def _find(request: HttpRequest, name: str) -> Session | None:
    uid = request.session.get(name)
    if not isinstance(uid, str):
        return None
    rows = Session.objects.select_related("person", "passkey", "confirmed_with")
    return rows.filter(uid=uid, ended_at=None).first()


def _close(request: HttpRequest, name: str) -> None:
    row = _find(request, name)
    if row is not None:
        close(Session.objects.filter(pk=row.pk), "signed out")


def _replace(request: HttpRequest, name: str) -> None:
    """Whoever was signed in here before is not any more."""
    row = _find(request, name)
    if row is not None:
        close(Session.objects.filter(pk=row.pk), _ANEW)
