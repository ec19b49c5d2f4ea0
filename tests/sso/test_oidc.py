"""The OpenID Connect provider, from the outside: what a relying party gets, and what dies when."""

from __future__ import annotations

import pytest
from authlib.oidc.discovery import OpenIDProviderMetadata
from django.test import Client

from tests.sso.conftest import Somebody, account, application
from tests.sso.relying import RelyingParty

pytestmark = pytest.mark.django_db


@pytest.fixture
def wiki(ana: Somebody) -> RelyingParty:
    """An application that Ana has, with an open account."""
    account(ana.person, application())
    return RelyingParty()


def test_what_is_published() -> None:
    told = Client().get("/.well-known/openid-configuration").json()
    OpenIDProviderMetadata(told).validate_issuer()
    assert told["response_types_supported"] == ["code"]
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert "alg" not in told
    keys = Client().get("/oauth/jwks").json()["keys"]
    assert {key["alg"] for key in keys} == {"RS256", "ES256"}
    assert not [key for key in keys if {"d", "p", "q", "k"} & set(key)]


def test_the_whole_way(ana: Somebody, wiki: RelyingParty) -> None:
    got = wiki.signs_in(ana.browser, scope="openid profile email groups unknown")
    assert got["token_type"] == "Bearer"
    assert got["scope"] == "openid profile email groups"
    told = wiki.read(got["id_token"])
    assert told["sub"] == str(ana.person.uid)
    assert told["nonce"] == wiki.nonce
    assert told["email"] == "ana@acme.example"
    assert told["email_verified"] is True
    assert told["name"] == "Ana Li"
    assert told["acr"] == "phr"
    assert "mfa" in told["amr"]
    assert told["sid"]
    info = wiki.userinfo(got["access_token"]).json()
    assert info["sub"] == told["sub"]
    assert info["given_name"] == "Ana"
    assert wiki.introspect(got["access_token"])["active"] is True
    again = wiki.refresh(got["refresh_token"]).json()
    assert again["refresh_token"] != got["refresh_token"]
    later = wiki.read(again["id_token"])
    assert (later["sub"], later["sid"], later["auth_time"]) == (
        told["sub"],
        told["sid"],
        told["auth_time"],
    )
