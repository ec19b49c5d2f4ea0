"""Signing in: what is sent with every request so that the application knows who asks.

Sessions and tokens are got when first needed, kept until shortly before they end, and got anew once
when the application says that they have ended. A lock keeps two tasks from doing that at a time.
It must not know verbs or accounts.
"""

from __future__ import annotations

import asyncio
import base64
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from tenure.connectors.base import (
    NotFound,
    Rejected,
    StopApplication,
    Unsupported,
)
from tenure.connectors.rest.judging import Reply, SignInAgain
from tenure.connectors.rest.jwt import KeyProblem, signed
from tenure.connectors.rest.program import AuthProgram, Call, Program
from tenure.connectors.rest.spec_auth import JwtBearerAuth, TokenAuth
from tenure.connectors.rest.templates import MISSING, Text, as_text

#: A token is not used in its last seconds, nor in the last tenth of a short life.
_MARGIN = 60.0
#: What RFC 6749 leaves open (5.1): how long a token lives that says nothing of it.
_UNSAID = 1800.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """What goes with a request. `number` tells one sign-in from the next."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    session: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0
    ends: float = float("inf")

    @property
    def fresh(self) -> bool:
        return time.monotonic() < self.ends


@dataclass(frozen=True, slots=True)
class Post:
    """A form for a token endpoint."""

    url: str
    form: Mapping[str, str]
    headers: Mapping[str, str]


#: Sends without any ticket, and gives the good reply.
SendLogin = Callable[[Call], Awaitable[Reply]]
SendForm = Callable[[Post], Awaitable[Any]]
#: Says that a text is secret from now on.
Keep = Callable[[str], None]


class SignIn:
    """One application's way to sign in. `given` are settings, secrets and fresh."""

    def __init__(
        self,
        program: Program,
        given: Mapping[str, Any],
        *,
        login: SendLogin,
        post: SendForm,
        keep_secret: Keep,
    ) -> None:
        self._program = program
        self._auth: AuthProgram = program.auth
        self._given = given
        self._login = login
        self._post = post
        self._keep_secret = keep_secret
        self._ticket: Ticket | None = None
        self._number = 0
        self._turn = asyncio.Lock()

    @property
    def renewable(self) -> bool:
        """Whether signing in again can help."""
        return self._auth.kind in {"session", "client_credentials", "jwt_bearer"}

    @property
    def signed_in(self) -> Ticket | None:
        """The ticket that is held now."""
        return self._ticket

    async def ticket(self) -> Ticket:
        """What goes with the next request. Raises `StopApplication` or `RetryLater`."""
        held = self._ticket
        if held is not None and held.fresh:
            return held
        async with self._turn:
            held = self._ticket
            if held is None or not held.fresh:
                held = self._ticket = await self._got()
            return held

    async def renew(self, number: int) -> Ticket:
        """A ticket after number `number`, which the application took no longer."""
        async with self._turn:
            held = self._ticket
            if held is None or held.number <= number:
                held = self._ticket = await self._got()
            return held

    async def _got(self) -> Ticket:
        self._number += 1
        try:
            if self._auth.kind == "session":
                return await self._session()
            if self._auth.kind in {"client_credentials", "jwt_bearer"}:
                return await self._token()
        except (Rejected, NotFound, Unsupported, SignInAgain) as error:
            raise StopApplication(
                f"Signing in failed. {error} Check the credentials and the address."
            ) from None
        return self._static()

    def _static(self) -> Ticket:
        auth, given = self._auth, self._given
        match auth.kind:
            case "header":
                headers = {n: self._secret(t) for n, t in auth.maps["headers"].items()}
                return Ticket(headers=headers, number=self._number)
            case "query":
                query = {n: self._secret(t) for n, t in auth.maps["query"].items()}
                return Ticket(query=query, number=self._number)
            case "basic":
                user, password = auth.texts["user"].fill(given), auth.texts["password"].fill(given)
                pair = base64.b64encode(f"{user}:{password}".encode()).decode()
                self._keep_secret(pair)
                return Ticket(headers={"Authorization": f"Basic {pair}"}, number=self._number)
            case "bearer" | "authorization_code":
                return self._bearing(self._secret(auth.texts["token"]))
        return Ticket(number=self._number)

    def _secret(self, text: Text) -> str:
        filled = text.fill(self._given).strip()
        if not filled.isascii() or not filled.isprintable():
            raise StopApplication(
                "The credentials hold characters that cannot be sent in a header (a line break, or "
                "a letter with an accent). Enter them again."
            )
        return filled

    def _bearing(self, token: str, ends: float = float("inf")) -> Ticket:
        scheme = self._auth.texts["scheme"].fill(self._given)
        value = f"{scheme} {token}" if scheme else token
        return Ticket(headers={"Authorization": value}, number=self._number, ends=ends)

    # A session.

    async def _session(self) -> Ticket:
        assert self._auth.login is not None
        reply = await self._login(self._auth.login)
        kept: dict[str, Any] = {}
        for name, pick in self._auth.keep.items():
            kept[name] = pick.of(reply.seen)
            if kept[name] in (None, ""):
                raise StopApplication(
                    f"Signing in was answered {reply.status}, but there is no {name} where the "
                    f"specification says (auth.keep.{name}). Check the credentials first."
                )
            self._keep_secret(as_text(kept[name]))
        given = {**self._given, "session": kept}
        headers = {n: t.fill(given) for n, t in self._auth.maps["headers"].items()}
        if getattr(self._program.spec.auth, "cookies", False):
            if not reply.cookies:
                raise StopApplication(
                    "Signing in was answered without a cookie. Check the credentials first."
                )
            headers["Cookie"] = "; ".join(f"{n}={v}" for n, v in reply.cookies.items())
            for value in reply.cookies.values():
                self._keep_secret(value)
        query = {n: t.fill(given) for n, t in self._auth.maps["query"].items()}
        return Ticket(headers=headers, query=query, session=kept, number=self._number)

    # A token.

    async def _token(self) -> Ticket:
        asked = time.monotonic()
        body = await self._post(self._request())
        assert self._auth.token is not None
        token = self._auth.token.get(body)
        if not isinstance(token, str) or not token:
            raise StopApplication(
                "The token endpoint answered without a token at "
                f"{self._auth.token}. Check its address (auth.token_url)."
            )
        self._keep_secret(token)
        lives = body.get("expires_in") if isinstance(body, dict) else None
        try:
            seconds = float(lives) if lives is not None else _UNSAID
        except (TypeError, ValueError):
            seconds = _UNSAID
        return self._bearing(token, ends=asked + seconds - min(_MARGIN, seconds / 10))

    def _request(self) -> Post:
        spec, given = self._program.spec.auth, self._given
        assert isinstance(spec, TokenAuth)
        texts = {name: text.fill(given) for name, text in self._auth.texts.items()}
        maps = self._auth.maps
        form = {n: v for n, t in maps["parameters"].items() if (v := t.value(given)) is not MISSING}
        headers = {name: text.fill(given) for name, text in maps["headers"].items()}
        if texts["scope"]:
            form["scope"] = texts["scope"]
        if isinstance(spec, JwtBearerAuth):
            form["grant_type"] = "urn:ietf:params:oauth:grant-type:jwt-bearer"
            form["assertion"] = self._assertion(spec, texts)
        else:
            form["grant_type"] = texts["grant_type"]
            name, secret = texts["client_id"], texts["client_secret"]
            if texts["client_auth"] == "body":
                form |= {"client_id": name, "client_secret": secret}
            else:
                # RFC 6749, 2.3.1: both are encoded as in a form first.
                pair = f"{quote(name, safe='')}:{quote(secret, safe='')}".encode()
                encoded = base64.b64encode(pair).decode()
                self._keep_secret(encoded)
                headers["Authorization"] = f"Basic {encoded}"
        return Post(texts["token_url"], form, headers)

    def _assertion(self, spec: JwtBearerAuth, texts: Mapping[str, str]) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": texts["issuer"],
            "aud": texts["audience"] or texts["token_url"],
            "iat": now,
            "exp": now + spec.lifetime,
            "jti": uuid.uuid4().hex,
        }
        if texts["subject"]:
            claims["sub"] = texts["subject"]
        more = self._auth.claims.fill(self._given) if self._auth.claims else None
        if isinstance(more, Mapping):
            claims |= more
        try:
            assertion = signed(
                claims, key=texts["key"], algorithm=spec.algorithm, key_id=texts["key_id"]
            )
        except KeyProblem as error:
            raise StopApplication(str(error)) from None
        self._keep_secret(assertion)
        return assertion


def encoded_form(form: Mapping[str, str]) -> bytes:
    """As application/x-www-form-urlencoded."""
    return urlencode(form).encode()
