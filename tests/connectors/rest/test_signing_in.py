"""Every way to sign in; sessions and tokens are got anew once, by one task at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tenure.connectors.base import RetryLater, StopApplication
from tests.connectors.rest.scripted import opened, spec, user

SECRETS = {"key": "first-secret-key", "other": "second-secret-key"}
NAMED = {"key": {"title": "Key"}, "other": {"title": "Other key"}}


async def sent(auth: dict[str, Any], **more: Any) -> web.Request:
    """The request that reads an account."""
    seen: list[web.Request] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request)
        return web.json_response(user(1))

    written = spec(auth=auth, secrets=NAMED, **more)
    async with opened(written, handler, secrets=SECRETS) as connector:
        await connector.read("1")
    return seen[-1]


@pytest.mark.parametrize(
    ("auth", "headers"),
    [
        (
            {"kind": "bearer", "token": "{secrets.key}"},
            {"Authorization": "Bearer first-secret-key"},
        ),
        (
            {"kind": "bearer", "token": "{secrets.key}", "scheme": ""},
            {"Authorization": "first-secret-key"},
        ),
        (
            {"kind": "header", "headers": {"X-Key": "{secrets.key}", "X-Id": "{secrets.other}"}},
            {"X-Key": "first-secret-key", "X-Id": "second-secret-key"},
        ),
        (
            {"kind": "basic", "user": "{secrets.key}"},
            {"Authorization": "Basic Zmlyc3Qtc2VjcmV0LWtleTo="},
        ),
    ],
)
async def test_keys_in_headers(auth: dict[str, Any], headers: dict[str, str]) -> None:
    request = await sent(auth)
    assert {name: request.headers[name] for name in headers} == headers


async def test_a_key_in_the_address_is_not_in_errors() -> None:
    auth = {"kind": "query", "query": {"api_key": "{secrets.key}"}}
    assert (await sent(auth)).query["api_key"] == "first-secret-key"

    async def handler(request: web.Request) -> web.Response:
        return web.json_response(
            {"message": f"bad key first-secret-key at {request.url}"}, status=400
        )

    written = spec(auth=auth, secrets=NAMED)
    async with opened(written, handler, secrets=SECRETS) as connector:
        with pytest.raises(Exception, match="bad key") as told:
            await connector.read("1")
    assert "first-secret-key" not in str(told.value)


async def test_a_key_with_a_line_break_is_not_sent() -> None:
    written = spec(auth={"kind": "bearer", "token": "{secrets.key}"}, secrets=NAMED)

    async def handler(request: web.Request) -> web.Response:
        raise AssertionError("nothing is sent")

    secrets = {**SECRETS, "key": "one\ntwo"}
    async with opened(written, handler, secrets=secrets) as connector:
        with pytest.raises(StopApplication, match="characters that cannot be sent") as told:
            await connector.read("1")
    assert "one" not in str(told.value)


class Sessions:
    """Sign-ins give session 1, 2, ...; only the newest is good, and `lost` ends it."""

    def __init__(self, *, slow: float = 0) -> None:
        self.count = 0
        self.asked = 0
        self.slow = slow
        self.good = True

    async def __call__(self, request: web.Request) -> web.Response:
        raise NotImplementedError

    async def handle(self, request: web.Request) -> web.Response:
        if request.path == "/login":
            await asyncio.sleep(self.slow)
            self.count += 1
            token = f"session-{self.count}" if self.good else ""
            return web.json_response({"token": token}, headers={"Set-Cookie": f"sid={token}"})
        self.asked += 1
        wanted = f"session-{self.count}"
        given = request.headers.get("X-Session") or request.cookies.get("sid")
        if given != wanted:
            return web.json_response({"message": "signed out"}, status=401)
        return web.json_response(user(1))


SESSION = {
    "kind": "session",
    "login": {"request": "POST /login", "body": {"key": "=secrets.key"}},
    "keep": {"token": "token"},
    "headers": {"X-Session": "{session.token}"},
}
COOKIE = {"kind": "session", "login": SESSION["login"], "cookies": True}


@pytest.mark.parametrize("auth", [SESSION, COOKIE])
async def test_a_session_is_begun_once_and_again_when_it_has_ended(auth: dict[str, Any]) -> None:
    sessions = Sessions(slow=0.05)
    written = spec(auth=auth, secrets=NAMED)
    async with opened(written, sessions.handle, secrets=SECRETS) as connector:
        await asyncio.gather(*(connector.read("1") for _ in range(5)))
        assert sessions.count == 1
        sessions.count += 1  # It ends there.
        await asyncio.gather(*(connector.read("1") for _ in range(5)))
        # The first who is refused signs in; the others use what it got.
        assert sessions.count == 3


async def test_a_sign_in_that_gives_nothing_stops_the_application() -> None:
    sessions = Sessions()
    sessions.good = False
    written = spec(auth=SESSION, secrets=NAMED)
    async with opened(written, sessions.handle, secrets=SECRETS) as connector:
        with pytest.raises(StopApplication, match=r"there is no token .*auth\.keep\.token"):
            await connector.read("1")
    assert sessions.asked == 0


async def test_a_refusal_after_signing_in_anew_stops_the_application() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/login":
            return web.json_response({"token": "fresh-one"})
        return web.json_response({"message": "no"}, status=401)

    async with opened(spec(auth=SESSION, secrets=NAMED), handler, secrets=SECRETS) as connector:
        with pytest.raises(StopApplication, match="answered 401"):
            await connector.read("1")


async def test_a_sign_in_that_is_refused_or_late() -> None:
    statuses = [403, 503]

    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"message": "no"}, status=statuses[0])

    async with opened(spec(auth=SESSION, secrets=NAMED), handler, secrets=SECRETS) as connector:
        with pytest.raises(StopApplication, match="no"):
            await connector.read("1")
        statuses.pop(0)
        with pytest.raises(RetryLater):
            await connector.read("1")


class TokenServer:
    """A token endpoint, and an application that takes the newest token only."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []

    async def handle(self, request: web.Request) -> web.Response:
        if request.path == "/token":
            self.forms.append({str(k): str(v) for k, v in (await request.post()).items()})
            token = f"token-{len(self.forms)}"
            return web.json_response({"access_token": token, "expires_in": 3600})
        if request.headers.get("Authorization") != f"Bearer token-{len(self.forms)}":
            return web.json_response({}, status=401)
        return web.json_response(user(1))


async def test_client_credentials_are_got_once_and_again_when_they_are_refused() -> None:
    server = TokenServer()
    auth = {
        "kind": "client_credentials",
        "token_url": "{settings.url}/token",
        "client_id": "{secrets.key}",
        "client_secret": "{secrets.other}",
        "client_authentication": "post",
        "scopes": ["read", "write"],
        "parameters": {"grant_type": "account_credentials", "account_id": "a1"},
    }
    written = spec(auth=auth, secrets=NAMED)
    async with opened(written, server.handle, secrets=SECRETS) as connector:
        await asyncio.gather(*(connector.read("1") for _ in range(4)))
        assert len(server.forms) == 1
        server.forms.append({})  # The token dies there.
        await connector.read("1")
    assert server.forms[0] == {
        "grant_type": "account_credentials",
        "account_id": "a1",
        "scope": "read write",
        "client_id": "first-secret-key",
        "client_secret": "second-secret-key",
    }
    assert len(server.forms) == 3


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_a_service_account_signs_for_itself(algorithm: str) -> None:
    key: Any = (
        rsa.generate_private_key(65537, 2048)
        if algorithm == "RS256"
        else ec.generate_private_key(ec.SECP256R1())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    server = TokenServer()
    auth = {
        "kind": "jwt_bearer",
        "token_url": "{settings.url}/token",
        "issuer": "service@project.example",
        "subject": "admin@acme.example",
        "private_key": "{secrets.key}",
        "key_id": "k1",
        "algorithm": algorithm,
        "scopes": ["directory"],
    }
    written = spec(auth=auth, secrets={"key": {"title": "Key"}})
    async with opened(written, server.handle, secrets={"key": pem}) as connector:
        await connector.read("1")
    (form,) = server.forms
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = jwt.decode(form["assertion"], public, [algorithm], options={"verify_aud": False})
    assert claims["iss"] == "service@project.example"
    assert claims["sub"] == "admin@acme.example"
    assert claims["aud"].endswith("/token")
    assert jwt.get_unverified_header(form["assertion"])["kid"] == "k1"


class Kept:
    """A token that somebody else keeps fresh."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    async def token(self) -> str:
        return f"kept-{len(self.refused)}"

    async def renew(self, refused: str) -> str:
        self.refused.append(refused)
        return f"kept-{len(self.refused)}"


async def test_a_token_that_is_kept_elsewhere_is_asked_for_another() -> None:
    async def handler(request: web.Request) -> web.Response:
        good = request.headers["Authorization"] == "Bearer kept-1"
        return web.json_response(user(1), status=200 if good else 401)

    tokens = Kept()
    written = spec(auth={"kind": "bearer"}, secrets={"token": {"title": "Token"}})
    async with opened(written, handler, tokens=tokens) as connector:
        await connector.read("1")
    assert tokens.refused == ["kept-0"]


async def test_a_token_may_come_in_pieces() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path != "/token":
            return web.json_response(user(1))
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for piece in (b'{"access_token": "in-', b'pieces", ', b'"expires_in": 60}'):
            await response.write(piece)
            await asyncio.sleep(0.02)
        await response.write_eof()
        return response

    auth = {
        "kind": "client_credentials",
        "token_url": "{settings.url}/token",
        "client_id": "{secrets.key}",
        "client_secret": "{secrets.other}",
    }
    async with opened(spec(auth=auth, secrets=NAMED), handler, secrets=SECRETS) as connector:
        assert (await connector.read("1")).remote_id == "1"
