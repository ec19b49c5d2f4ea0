"""A character that is in no text is refused at the door, whoever sends it: no error of ours."""

from __future__ import annotations

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db

_NUL = "a\0b"
_FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "address", ["/sign-in/?next=%00", "/portal/%00", "/console/people/?q=%00", "/hooks/x%00"]
)
def test_in_an_address(address: str) -> None:
    answer = Client().get(address)
    assert answer.status_code == 400
    assert b"U+0000" in answer.content


@pytest.mark.parametrize("address", ["/sign-in/recover", "/oauth/token", "/sso/saml/sign-on"])
def test_in_a_form(address: str) -> None:
    urlencoded = Client().post(address, f"name=a%00b&client_id={_NUL}", content_type=_FORM)
    assert urlencoded.status_code == 400
    assert b"U+0000" in urlencoded.content
    named = Client().post(address, "a%00b=1", content_type=_FORM)
    assert named.status_code == 400


def test_in_a_form_with_files() -> None:
    answer = Client().post("/sign-in/recover", {"name": _NUL, "code": "1"})
    assert answer.status_code == 400
    assert Client().post("/sign-in/passkey", {"credential": "1"}).status_code == 422


def test_in_what_a_script_sends() -> None:
    answer = Client().post(
        "/sign-in/passkey", {"credential": {"id": _NUL}}, content_type="application/json"
    )
    assert answer.status_code == 422


def test_what_a_program_sends_is_left_to_be_read() -> None:
    """A webhook in the form of a form is checked as the bytes that were signed."""
    answer = Client().post("/hooks/nobody", "payload=1", content_type=_FORM)
    assert answer.status_code == 401
