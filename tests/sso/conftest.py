"""People with passkeys, applications that they sign in to, and browsers that do."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tenure.applications.models import Account, Application
from tenure.people.models import Person
from tenure.rules.models import AccessRule
from tests.signin.authenticator import Authenticator
from tests.signin.people import person, sign_in, with_passkey


def application(slug: str = "wiki", *, rule: str = 'user.family_name == "Li"', **sso: Any) -> Any:
    """An application that a rule gives; by OpenID Connect unless said otherwise."""
    protocol = {} if "saml" in sso else {"oidc": sso.pop("oidc", None) or oidc(slug)}
    row = Application.objects.create(
        slug=slug,
        name=slug.title(),
        connector="memory",
        settings={"name": slug},
        mode="live",
        owner="Erika of IT",
        single_sign_on={**protocol, **sso},
    )
    AccessRule.objects.create(slug=slug, name=f"Who has {slug}", condition=rule, gives={slug: []})
    return row


def oidc(slug: str, **more: Any) -> dict[str, Any]:
    """The settings of a client."""
    return {
        "redirect_uris": [f"https://{slug}.acme.example/callback"],
        "post_logout_redirect_uris": [f"https://{slug}.acme.example/bye"],
        "backchannel_logout_uri": f"https://{slug}.acme.example/logout",
        **more,
    }


def account(owner: Person, of: Application, **more: Any) -> Account:
    """Their open account."""
    return Account.objects.create(
        **{
            "person": owner,
            "application": of,
            "remote_id": f"r{owner.pk}",
            "user_name": owner.email,
            "situation": "linked",
            "active": True,
            **more,
        }
    )


class Somebody:
    """A person with a passkey and a browser in which they are signed in."""

    def __init__(self, number: str = "1", given: str = "Ana") -> None:
        self.person = person(number, given)
        self.device: Authenticator = with_passkey(self.person)
        self.browser = Client()
        self.sign_in()

    def sign_in(self) -> None:
        assert sign_in(self.browser, self.device).status_code == 200


@pytest.fixture
def ana(db: None) -> Somebody:
    return Somebody()
