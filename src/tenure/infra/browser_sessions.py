"""What a browser's session holds, written so that two requests of it at the same time both count.

Django reads a session whole and writes it whole: of two requests that overlap, the one that ends
later undoes what the other has written, and one whose session was ended or got a new key meanwhile
is answered with 400. Here a request writes only what it changed, into what is stored by then; what
it would write into a session that is gone is dropped, and its answer goes out as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware as Whole
from django.db import router, transaction
from django.http import HttpRequest, HttpResponse


class SessionStore(db.SessionStore):
    """A row of the sessions' table. What stands under one key is still written whole: what several
    pages may add to at once has a key for each."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        #: What was stored when this request read it.
        self._before: dict[str, Any] = {}

    def load(self) -> dict[str, Any]:
        """What is stored."""
        found: dict[str, Any] = super().load()
        self._before = deepcopy(found)
        return found

    def save(self, must_create: bool = False) -> None:
        """Store it; of a session that is there, what was changed. Raises `UpdateError` if it was
        there and is not any more."""
        if must_create or self.session_key is None:
            super().save(must_create)
        else:
            using = router.db_for_write(self.model)
            with transaction.atomic(using=using):
                row = self.model.objects.using(using).select_for_update()
                now = row.filter(session_key=self.session_key).first()
                if now is not None:
                    mine = dict(self.items())
                    self._session_cache = changed(self.decode(now.session_data), self._before, mine)
                super().save()
        self._before = deepcopy(dict(self.items()))


class SessionMiddleware(Whole):
    """Django's, without the 400."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """The answer, with the session's cookie; without one if the session is gone, for the
        browser may hold that of a newer one by now."""
        try:
            return super().process_response(request, response)
        except SessionInterrupted:
            return response


def changed(
    stored: Mapping[str, Any], before: Mapping[str, Any], mine: Mapping[str, Any]
) -> dict[str, Any]:
    """What is stored, with what became of `before` in `mine`."""
    result = dict(stored)
    for key in before.keys() | mine.keys():
        if key not in mine:
            result.pop(key, None)
        elif key not in before or before[key] != mine[key]:
            result[key] = mine[key]
    return result
