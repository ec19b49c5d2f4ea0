"""Requests of one browser that overlap: each one's change of the session stays."""

from __future__ import annotations

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest, HttpResponse

from tenure.infra.browser_sessions import SessionMiddleware, SessionStore, changed


def test_only_what_changed_is_written() -> None:
    stored = {"theirs": 2, "same": 1, "dropped by them": 1}
    before = {"same": 1, "mine": 1, "dropped by me": 1, "dropped by them": 1}
    mine = {"same": 1, "mine": 2, "new": 3, "dropped by them": 1}
    stored_too = {**stored, "dropped by me": 1, "mine": 1}
    del stored_too["dropped by them"]
    assert changed(stored_too, before, mine) == {"theirs": 2, "same": 1, "mine": 2, "new": 3}


@pytest.mark.django_db
def test_of_two_requests_that_write_at_once_both_count() -> None:
    first = SessionStore()
    first["kept"] = [1]
    first.save()
    second, third = SessionStore(first.session_key), SessionStore(first.session_key)
    second["theirs"], third["ours"] = "a", "b"
    third["kept"].append(2)
    del first["kept"]
    second.save()
    third.save()
    assert dict(SessionStore(first.session_key).items()) == {
        "theirs": "a",
        "ours": "b",
        "kept": [1, 2],
    }
    # And again by a request that goes on.
    third["later"] = "c"
    first.save()
    third.save()
    assert dict(SessionStore(first.session_key).items()) == {
        "theirs": "a",
        "ours": "b",
        "later": "c",
    }


@pytest.mark.django_db
def test_what_is_written_into_a_session_that_is_gone_is_dropped_without_an_error() -> None:
    session = SessionStore()
    session["who"] = "anna"
    session.save()
    late = SessionStore(session.session_key)
    late["note"] = "came too late"
    session.cycle_key()
    with pytest.raises(UpdateError):
        late.save()
    request = HttpRequest()
    request.session = late
    answer = SessionMiddleware(lambda _: HttpResponse()).process_response(
        request, HttpResponse("all is well")
    )
    assert answer.status_code == 200
    assert not answer.cookies, "the browser keeps the newer one"
    assert dict(SessionStore(session.session_key).items()) == {"who": "anna"}
