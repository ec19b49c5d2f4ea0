"""OAuth 2.0 towards an application's token endpoint: RFC 6749, PKCE (RFC 7636), JWT assertions
(RFC 7523), revocation (RFC 7009).

It speaks the protocol and stores nothing: who keeps the tokens, and who may renew them at a time,
is not known here. Errors are the port's: what an administrator has to mend is `StopApplication`.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import aiohttp
import jwt
import orjson
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tenure.connectors.addresses import checked_url
from tenure.connectors.answers import Redactor
from tenure.connectors.base import RetryLater, StopApplication
from tenure.connectors.fetching import beginning, session
from tenure.connectors.oauth_refusals import at_the_endpoint
from tenure.connectors.throttle import retry_after
from tenure.connectors.unanswered import why_unanswered

_SECONDS = 30.0
_LARGEST = 256 * 1024
#: How long an assertion is good for, in seconds; providers take at most an hour.
_ASSERTION = 300
#: What a token is taken to last where the answer does not say (RFC 6749, 5.1: it should).
_UNSAID = 3600


class Grant(StrEnum):
    """How the application is authorised."""

    AUTHORIZATION_CODE = "authorization_code"
    CLIENT_CREDENTIALS = "client_credentials"
    JWT_BEARER = "jwt_bearer"


class ClientAuthentication(StrEnum):
    """How we say who we are at the token endpoint (RFC 6749, 2.3.1)."""

    BASIC = "basic"
    POST = "post"
    NONE = "none"


class OAuthSettings(BaseModel):
    """How an application is authorised by OAuth 2.0. What is secret is a reference."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    grant: Grant = Field(
        default=Grant.AUTHORIZATION_CODE,
        description="authorization_code: an administrator presses Authorise. client_credentials: "
        "with the client's own secret. jwt_bearer: with a service account's key.",
    )
    authorize_url: str = Field(
        default="", description="Where the administrator agrees; for authorization_code."
    )
    token_url: str = Field(description="Where tokens come from.")
    revoke_url: str = Field(default="", description="Where tokens are given back (RFC 7009).")
    client_id: str = Field(default="", description="As the application shows it.")
    client_secret: str = Field(default="", description="A reference: ${env:NAME}.")
    client_authentication: ClientAuthentication = Field(
        default=ClientAuthentication.BASIC,
        description="How the client says who it is: basic, post (in the form), none (public).",
    )
    scopes: list[str] = Field(default_factory=list, description="What is asked for.")
    parameters: dict[str, str] = Field(
        default_factory=dict,
        description="More for the page where the administrator agrees: access_type: offline.",
    )
    token_parameters: dict[str, str] = Field(
        default_factory=dict, description="More for the token endpoint: audience, resource."
    )
    issuer: str = Field(default="", description="Of the assertion (jwt_bearer): the account.")
    subject: str = Field(
        default="", description="On whose behalf (jwt_bearer): an administrator there."
    )
    audience: str = Field(default="", description="Of the assertion. Empty: the token_url.")
    private_key: str = Field(
        default="", description="A reference to the service account's PEM key (jwt_bearer)."
    )
    key_id: str = Field(default="", description="`kid` of the assertion's header.")
    algorithm: str = Field(
        default="RS256", pattern="^(RS|ES|PS)(256|384|512)$", description="Of the assertion."
    )
    allow_http: bool = Field(default=False, description="Only inside a network that you trust.")

    @field_validator("authorize_url", "token_url", "revoke_url")
    @classmethod
    def _an_address(cls, text: str) -> str:
        if text and "${" not in text and not text.startswith(("https://", "http://")):
            raise ValueError(f"{text!r} is not an address. Expected https://host/path.")
        return text.strip()

    @model_validator(mode="after")
    def _whole(self) -> OAuthSettings:
        needed = {
            Grant.AUTHORIZATION_CODE: ("authorize_url", "client_id"),
            Grant.CLIENT_CREDENTIALS: ("client_id", "client_secret"),
            Grant.JWT_BEARER: ("issuer", "private_key"),
        }[self.grant]
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            raise ValueError(f"{self.grant.value} needs {' and '.join(missing)}.")
        return self


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint gave. `seconds`: how long `access` lasts from now; `refresh` is ""
    where there is none (the one in use stays good then)."""

    access: str
    seconds: int
    refresh: str = ""
    scopes: tuple[str, ...] = ()


class AuthorizationRefused(StopApplication):
    """The grant is worth nothing any more: somebody has to authorise again."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """PKCE: the secret that stays here, and its digest that goes along (S256)."""

    secret: str

    @classmethod
    def new(cls) -> Verifier:
        return cls(secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.secret.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def authorize_address(
    settings: OAuthSettings, *, state: str, verifier: Verifier, redirect_uri: str
) -> str:
    """Where the administrator's browser goes to agree. Raises `StopApplication`."""
    checked_url(settings.authorize_url.partition("?")[0], allow_http=settings.allow_http)
    query = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": redirect_uri,
        "state": state,
        "code_challenge": verifier.challenge,
        "code_challenge_method": "S256",
        **({"scope": " ".join(settings.scopes)} if settings.scopes else {}),
        # No ID token is used here, but some OpenID providers refuse to go on without a nonce.
        **({"nonce": secrets.token_urlsafe(16)} if "openid" in settings.scopes else {}),
        **settings.parameters,
    }
    joint = "&" if "?" in settings.authorize_url else "?"
    return f"{settings.authorize_url}{joint}{urlencode(query, quote_via=quote)}"


class TokenEndpoint:
    """An application's token endpoint. `settings` hold values, not references; `certificate` is
    ours, for those that want to see one."""

    def __init__(self, settings: OAuthSettings, certificate: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._certificate = certificate
        self._redact = Redactor((settings.client_secret, settings.private_key))

    async def exchange(self, code: str, *, verifier: Verifier, redirect_uri: str) -> Tokens:
        """The tokens for a code that the browser brought back."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier.secret,
        }
        return await self._tokens(form)

    async def refresh(self, token: str) -> Tokens:
        """New tokens for a refresh token. Raises `AuthorizationRefused` where it is worth nothing
        any more."""
        return await self._tokens({"grant_type": "refresh_token", "refresh_token": token})

    async def own(self) -> Tokens:
        """Tokens by our own credentials: the client's, or a signed assertion."""
        scope = {"scope": " ".join(self._settings.scopes)} if self._settings.scopes else {}
        if self._settings.grant is Grant.CLIENT_CREDENTIALS:
            return await self._tokens({"grant_type": "client_credentials", **scope})
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": self._assertion(),
        }
        return await self._tokens({**form, **scope})

    async def revoke(self, token: str) -> None:
        """Give a token back, where the application takes it (RFC 7009)."""
        if self._settings.revoke_url:
            form = {"token": token, "token_type_hint": "refresh_token"}
            status, body, _ = await self._post(self._settings.revoke_url, form)
            if status >= 400:
                raise RetryLater(self._said("The token was not taken back", status, body))

    def _assertion(self) -> str:
        """RFC 7523, 3. Scopes go into it too, as Google wants them."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self._settings.issuer,
            "sub": self._settings.subject or self._settings.issuer,
            "aud": self._settings.audience or self._settings.token_url,
            "iat": now - 10,
            "exp": now + _ASSERTION,
            "jti": secrets.token_urlsafe(16),
        }
        if self._settings.scopes:
            claims["scope"] = " ".join(self._settings.scopes)
        headers = {"kid": self._settings.key_id} if self._settings.key_id else None
        try:
            return jwt.encode(
                claims, self._settings.private_key, self._settings.algorithm, headers=headers
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise StopApplication(
                f"The service account's private key cannot be used with "
                f"{self._settings.algorithm}: {self._redact(str(error))}. Expected a PEM key of "
                "that kind."
            ) from None

    async def _tokens(self, form: Mapping[str, str]) -> Tokens:
        given = {**form, **self._settings.token_parameters}
        status, body, headers = await self._post(self._settings.token_url, given)
        if status == 429 or status >= 500:
            after = retry_after(headers)
            raise RetryLater(self._said("The token endpoint does not answer", status, body), after)
        document = _object(body)
        error = document.get("error")
        # Slack answers 200 with an error inside; GitHub too.
        if status >= 400 or error or not isinstance(document.get("access_token"), str):
            raise self._refused(str(error or ""), status, body, form)
        refresh = document.get("refresh_token")
        return Tokens(
            access=document["access_token"],
            seconds=_seconds(document.get("expires_in")),
            refresh=refresh if isinstance(refresh, str) else "",
            scopes=_scopes(document.get("scope")),
        )

    def _refused(
        self, error: str, status: int, body: bytes, form: Mapping[str, str]
    ) -> StopApplication:
        grant = form["grant_type"]
        hint = at_the_endpoint(
            error,
            grant,
            scopes=self._settings.scopes,
            redirect_uri=form.get("redirect_uri", ""),
        )
        if error == "invalid_grant" and grant == "authorization_code":
            return StopApplication(f"{self._said('The code was not taken', status, body)} {hint}")
        if error == "invalid_grant":
            said = self._said("The authorisation is not valid any more", status, body)
            return AuthorizationRefused(f"{said} {hint}")
        return StopApplication(f"{self._said('No token was given', status, body)} {hint}")

    def _said(self, what: str, status: int, body: bytes) -> str:
        document = _object(body)
        texts = [document.get(name) for name in ("error_description", "error", "message")]
        said = next((text for text in texts if isinstance(text, str) and text), "")
        text = f"{what}: {self._settings.token_url} answered {status}"
        return f"{text}: {self._redact(said).rstrip('.')}." if said else f"{text}."

    async def _post(
        self, address: str, form: Mapping[str, str]
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """One form, sent once. Credentials go where the settings say, never after a redirect."""
        url = checked_url(address, allow_http=self._settings.allow_http)
        headers = {"Accept": "application/json"}
        data = dict(form)
        self._identify(headers, data)
        try:
            async with (
                session(aiohttp.ClientTimeout(total=_SECONDS), self._certificate) as http,
                http.post(url, data=data, headers=headers, allow_redirects=False) as answer,
            ):
                return answer.status, await beginning(answer, _LARGEST), answer.headers
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            reason = self._redact(why_unanswered(error, url, patience=_SECONDS))
            raise RetryLater(f"The token endpoint {url.host} gave no token: {reason}") from None

    def _identify(self, headers: dict[str, str], data: dict[str, str]) -> None:
        settings = self._settings
        if not settings.client_id:
            return
        if settings.client_authentication is ClientAuthentication.BASIC and settings.client_secret:
            # Form-encoded first (RFC 6749, 2.3.1).
            pair = f"{quote_plus(settings.client_id)}:{quote_plus(settings.client_secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            return
        data["client_id"] = settings.client_id
        if settings.client_authentication is ClientAuthentication.POST:
            data["client_secret"] = settings.client_secret


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(given: object) -> int:
    """`expires_in`, which some write as text."""
    try:
        seconds = int(str(given))
    except ValueError:
        return _UNSAID
    return seconds if seconds > 0 else _UNSAID


def _scopes(given: object) -> tuple[str, ...]:
    if isinstance(given, str):
        return tuple(given.replace(",", " ").split())
    return tuple(str(item) for item in given) if isinstance(given, list) else ()
