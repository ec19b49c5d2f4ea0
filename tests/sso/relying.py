"""A relying party in a few lines, and nobody's library: what it sends is what the standards say,
so that it can also send what they forbid."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from django.http import HttpResponse
from django.test import Client

from tenure.sso.oidc.clients import make_secret

ISSUER = "http://localhost:8000"


def parameters(response: HttpResponse) -> dict[str, str]:
    """Of the address that a browser is sent on to."""
    return dict(parse_qsl(urlsplit(response["Location"]).query))


@dataclass
class RelyingParty:
    """One application."""

    slug: str = "wiki"
    secret: str = ""
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def __post_init__(self) -> None:
        self.secret = self.secret or make_secret(self.slug)
        self.callback = f"https://{self.slug}.acme.example/callback"

    def asks(self, browser: Client, **changes: str | None) -> HttpResponse:
        """The browser follows the link to the authorization endpoint."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        wanted: dict[str, str | None] = {
            "client_id": self.slug,
            "response_type": "code",
            "scope": "openid profile email",
            "redirect_uri": self.callback,
            "state": "af0ifjsldkj",
            "nonce": self.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **changes,
        }
        query = urlencode({name: value for name, value in wanted.items() if value is not None})
        return browser.get(f"/oauth/authorize?{query}")  # type: ignore[return-value]

    def code(self, browser: Client, **changes: str | None) -> str:
        """The code that the browser brings back."""
        answer = self.asks(browser, **changes)
        assert answer.status_code == 302, answer.content
        assert answer["Location"].startswith(self.callback + "?"), answer["Location"]
        found = parameters(answer)
        assert found["iss"] == ISSUER
        assert found["state"] == "af0ifjsldkj"
        return found["code"]

    def exchange(self, code: str, **changes: str | None) -> HttpResponse:
        """The code for tokens."""
        return self.token(
            grant_type="authorization_code",
            code=code,
            redirect_uri=changes.pop("redirect_uri", self.callback),
            code_verifier=changes.pop("code_verifier", self.verifier),
            **changes,
        )

    def refresh(self, token: str, **changes: str) -> HttpResponse:
        """A refresh token for new ones."""
        return self.token(grant_type="refresh_token", refresh_token=token, **changes)

    def token(self, **given: str | None) -> HttpResponse:
        return self.post("/oauth/token", **given)

    def post(self, path: str, **given: str | None) -> HttpResponse:
        """With the client's secret, by HTTP Basic."""
        body = {name: value for name, value in given.items() if value is not None}
        return Client().post(path, body, headers=self.basic)  # type: ignore[return-value]

    @property
    def basic(self) -> dict[str, str]:
        pair = base64.b64encode(f"{self.slug}:{self.secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    def signs_in(self, browser: Client, **changes: str | None) -> dict[str, Any]:
        """The whole way: the answer of the token endpoint."""
        answer = self.exchange(self.code(browser, **changes))
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()  # type: ignore[attr-defined]
        return found

    def userinfo(self, token: str) -> HttpResponse:
        headers = {"Authorization": f"Bearer {token}"}
        return Client().get("/oauth/userinfo", headers=headers)  # type: ignore[return-value]

    def introspect(self, token: str) -> dict[str, Any]:
        answer = self.post("/oauth/introspect", token=token)
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()  # type: ignore[attr-defined]
        return found

    def read(self, token: str, **options: Any) -> dict[str, Any]:
        """An ID or logout token, checked by another library against the published keys."""
        keys = jwt.PyJWKSet.from_dict(Client().get("/oauth/jwks").json())
        header = jwt.get_unverified_header(token)
        found: dict[str, Any] = jwt.decode(
            token,
            keys[header["kid"]].key,
            algorithms=["RS256", "ES256"],
            audience=self.slug,
            issuer=ISSUER,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            **options,
        )
        return found
