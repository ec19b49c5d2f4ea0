"""Signed-in sessions of administrators: begun with a new key, ended by idleness, by age, by
signing out or by deactivation. Sessions are in the database, so ending one ends it everywhere."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import auth
from django.http import HttpRequest

from tenure.infra.clock import now
from tenure.signin.models import User
from tenure.signin.services import signed_out

#: Without a request, other than what a page asks for by itself.
IDLE = timedelta(hours=1)
#: Whatever happens.
LONGEST = timedelta(hours=12)
_BACKEND = "django.contrib.auth.backends.ModelBackend"
_SEEN_EVERY = 60.0


def begin(request: HttpRequest, user: User) -> None:
    """Sign in. The session gets a new key, and anything that it held for another user is gone."""
    auth.login(request, user, backend=_BACKEND)
    request.session["began"] = request.session["seen"] = now().timestamp()
    request.session.set_expiry(int(LONGEST.total_seconds()))


def current(request: HttpRequest, *, by_itself: bool = False) -> User | None:
    """Who is signed in, None if nobody is or no longer. `by_itself`: the page asked, not the
    person, so it does not keep the session awake."""
    user = auth.get_user(request)
    if not isinstance(user, User) or not user.is_active:
        return None
    at = now().timestamp()
    began = float(request.session.get("began", 0))
    seen = float(request.session.get("seen", 0))
    if at - began > LONGEST.total_seconds() or at - seen > IDLE.total_seconds():
        request.session.flush()
        return None
    if not by_itself and at - seen > _SEEN_EVERY:
        request.session["seen"] = at
    return user


def end(request: HttpRequest) -> None:
    """Sign out."""
    user = auth.get_user(request)
    if isinstance(user, User):
        signed_out(user)
    auth.logout(request)
