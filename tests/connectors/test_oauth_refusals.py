"""Whatever an authorisation server refuses, it is said what is wrong and what to do about it."""

from __future__ import annotations

import pytest

from tenure.connectors.oauth_refusals import at_the_endpoint, at_the_page


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("access_denied", "agree there as an administrator"),
        ("invalid_scope", "a, b (no such scope). Allow these scopes"),
        ("unauthorized_client", "with the authorisation code and the redirect address R"),
        ("redirect_uri_mismatch", "Register R for the client there"),
        ("temporarily_unavailable", "in a minute"),
        ("login_required", "sign in there first"),
        ("invalid_client", "Compare the client ID"),
        ("odd", "did not authorise us: no such scope."),
    ],
)
def test_every_refusal_says_what_to_do(error: str, said: str) -> None:
    text = at_the_page(error, "no such scope", name="HR", scopes=["a", "b"], redirect_uri="R")
    assert said in text
    assert text.endswith(".")


def test_no_token_says_what_to_do() -> None:
    jwt, code = "urn:ietf:params:oauth:grant-type:jwt-bearer", "authorization_code"
    for error, grant, said in (
        ("invalid_grant", code, "press Authorise again"),
        ("invalid_grant", jwt, "on whose behalf it acts"),
        ("invalid_grant", "refresh_token", "authorise again"),
        ("unauthorized_client", jwt, "domain-wide delegation"),
        ("unauthorized_client", code, "Allow this way"),
        ("redirect_uri_mismatch", code, "Register the redirect address R"),
        ("invalid_scope", code, "a, b"),
        ("odd", code, "Check the token address"),
    ):
        assert said in at_the_endpoint(error, grant, scopes=["a", "b"], redirect_uri="R")
