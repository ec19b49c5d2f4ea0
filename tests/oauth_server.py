"""An authorization server that is as strict as RFC 6749, 7636 and 7523 allow one to be, and an
interface behind it that takes no token but its own. It runs in a thread of its own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from urllib.parse import unquote_plus, urlencode

import jwt
from aiohttp import web

CLIENT, SECRET = "tenure", "s3cret+with/signs"


@dataclass
class OAuthServer:
    """What it knows. Tokens that it gave are in `access` and `refresh`; clear one to revoke it."""

    url: str = ""
    rotates: bool = True
    seconds: int = 3600
    public_key: str = ""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    access: set[str] = field(default_factory=set)
    refresh: set[str] = field(default_factory=set)
    forms: list[dict[str, str]] = field(default_factory=list)
    #: Refresh tokens that were used twice: a provider takes that for theft.
    reused: int = 0
    down: bool = False
    #: It takes nothing back.
    broken: bool = False
    delay: float = 0.0
    #: A person is asked first, and can say no; otherwise it agrees at once.
    asks: bool = False
    #: What it says was granted.
    granted: str = "users groups"
    #: Path -> what its interface answers to who has a token.
    answers: dict[str, object] = field(default_factory=dict)

    async def authorize(self, request: web.Request) -> web.Response:
        """Agrees at once, as an administrator who presses Allow."""
        query = request.query
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.codes[code] = dict(query)
        back = urlencode({"code": code, "state": query["state"]})
        allow = f"{query['redirect_uri']}?{back}"
        if not self.asks:
            raise web.HTTPFound(allow)
        no = urlencode({"error": "access_denied", "state": query["state"]})
        page = (
            f'<!doctype html><title>Agree?</title><a href="{escape(allow)}">Allow</a> '
            f'<a href="{escape(query["redirect_uri"])}?{escape(no)}">Deny</a>'
        )
        return web.Response(text=page, content_type="text/html")

    async def favicon(self, request: web.Request) -> web.Response:
        return web.Response(status=204)

    async def token(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.forms.append(form)
        await asyncio.sleep(self.delay)
        if self.down:
            return web.json_response({"error": "temporarily_unavailable"}, status=503)
        grant = form["grant_type"]
        if not grant.endswith("jwt-bearer") and not _is_client(request, form):
            return web.json_response({"error": "invalid_client"}, status=401)
        refusal = getattr(self, "_" + grant.rpartition(":")[2].replace("-", "_"))(form)
        if refusal:
            document = {"error": "invalid_grant", "error_description": refusal}
            return web.json_response(document, status=400)
        return web.json_response(self._given(grant), headers={"Cache-Control": "no-store"})

    async def revoke(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        if self.broken:
            return web.Response(status=503)
        self.forms.append(form)
        self.refresh.discard(form["token"])
        return web.Response()

    async def api(self, request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.access:
            return web.json_response({"detail": f"{token} is not good"}, status=401)
        if self.answers:
            found = self.answers.get(request.path)
            return web.json_response(found, status=200 if found is not None else 404)
        return web.json_response({"totalResults": 0, "Resources": []})

    def _authorization_code(self, form: dict[str, str]) -> str:
        asked = self.codes.pop(form["code"], None)
        if asked is None:
            return "this code is unknown or was used"
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if challenge != asked["code_challenge"]:
            return "the verifier is another's"
        return "" if form["redirect_uri"] == asked["redirect_uri"] else "another redirect_uri"

    def _refresh_token(self, form: dict[str, str]) -> str:
        token = form["refresh_token"]
        if token not in self.refresh:
            self.reused += 1
            return "this refresh token is unknown or was used"
        if self.rotates:
            self.refresh.discard(token)
        return ""

    def _client_credentials(self, form: dict[str, str]) -> str:
        return ""

    def _jwt_bearer(self, form: dict[str, str]) -> str:
        try:
            jwt.decode(
                form["assertion"],
                self.public_key,
                algorithms=["RS256", "ES256"],
                audience=f"{self.url}/token",
                options={"require": ["iss", "sub", "exp", "iat"]},
            )
        except jwt.PyJWTError as error:
            return str(error)
        return ""

    def _given(self, grant: str) -> dict[str, object]:
        access = secrets.token_urlsafe(16)
        self.access.add(access)
        given: dict[str, object] = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": str(self.seconds),
            "scope": self.granted,
        }
        if grant == "authorization_code" or (grant == "refresh_token" and self.rotates):
            refresh = secrets.token_urlsafe(16)
            self.refresh.add(refresh)
            given["refresh_token"] = refresh
        return given


def _is_client(request: web.Request, form: dict[str, str]) -> bool:
    scheme, _, body = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Basic":
        name, _, secret = base64.b64decode(body).decode().partition(":")
        return (unquote_plus(name), unquote_plus(secret)) == (CLIENT, SECRET)
    return (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)


@contextmanager
def oauth_server(*, under: str = "", api: str = "/api") -> Iterator[OAuthServer]:
    """The server, listening on loopback as long as the block lasts. `under` and `api` are where its
    own addresses and those of its interface begin."""
    server = OAuthServer()
    loop = asyncio.new_event_loop()
    started, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        app = web.Application()
        app.router.add_get("/favicon.ico", server.favicon)
        app.router.add_get(f"{under}/authorize", server.authorize)
        app.router.add_post(f"{under}/token", server.token)
        app.router.add_post(f"{under}/revoke", server.revoke)
        app.router.add_get(api + "/{path:.*}", server.api)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = "http://127.0.0.1:{1}".format(*runner.addresses[0][:2])
        started.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    started.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
