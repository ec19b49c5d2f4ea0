"""What an application's single sign-on is changed to ends what was begun under what it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tenure.applications.models import Application
from tenure.applications.services import definitions, save_application
from tenure.connectors.memory_application import MemoryApplication
from tenure.sso.delivery import carry_out_waiting, deliver_waiting
from tenure.sso.models import ApplicationSession, Grant, Notice
from tests.sso.conftest import Somebody, account, application, oidc
from tests.sso.relying import RelyingParty
from tests.sso.test_access_ends import Listener, listener

__all__ = ["listener"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def wiki(ana: Somebody, listener: Listener) -> Application:
    row: Application = application(oidc=oidc("wiki", backchannel_logout_uri=listener.address))
    row.settings = {"name": "wiki", "sessions": True}
    row.save()
    account(ana.person, row)
    RelyingParty().signs_in(ana.browser)
    return row


def change(**policy: Any) -> str:
    """Change it as the configuration does; what the session ended by, "" where it goes on."""
    (definition,) = definitions()
    save_application(
        definition=replace(
            definition, single_sign_on={**definition.single_sign_on, **policy} if policy else {}
        )
    )
    row = ApplicationSession.objects.first()
    assert row is not None
    assert (row.ended_at is None) == (not row.ended_because)
    return row.ended_because


def test_turned_off(ana: Somebody, wiki: Application, listener: Listener) -> None:
    assert change() == "single sign-on was turned off"
    assert Grant.objects.get().revoked_at is not None
    # It is told all the same, in both ways.
    assert deliver_waiting() == 1
    assert len(listener.got) == 1
    there = MemoryApplication.named("wiki")
    user = there.add_user({"userName": ana.person.email}, external_id="", active=True)
    Notice.objects.filter(state="waiting").update(
        payload={"remote_id": user.remote_id, "account": 1, "cause": "x"}
    )
    assert carry_out_waiting() == 1
    MemoryApplication.forget("wiki")


@pytest.mark.parametrize(
    ("policy", "because"),
    [
        ({"networks": ["203.0.113.0/24"]}, "its access policy was changed: networks"),
        ({"hours": {"days": ["mon"]}}, "its access policy was changed: hours"),
        ({"passkey_within": "PT15M"}, "its access policy was changed: passkey_within"),
        ({"oidc": oidc("wiki", client_id="other")}, "single sign-on was set up anew"),
        ({"ask": "somebody"}, ""),
        ({"account": "not_needed"}, ""),
        ({"oidc": oidc("wiki", scopes=["x"])}, ""),
    ],
)
def test_more_is_asked_for(wiki: Application, policy: dict[str, Any], because: str) -> None:
    assert change(**policy) == because


def test_what_is_no_longer_asked_for_ends_nothing(wiki: Application) -> None:
    narrow = {**wiki.single_sign_on, "networks": ["203.0.113.0/24"]}
    Application.objects.update(single_sign_on=narrow)
    assert change(networks=[]) == ""
    assert not Notice.objects.exists()
