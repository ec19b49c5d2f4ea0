"""Signing in: what is sent with every request so that the application knows who asks.

Sessions and tokens are got when first needed, kept until shortly before they end, and got anew once
when the application says that they have ended. A lock keeps two tasks from doing that at a time.
It must not know verbs or accounts.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from tenure.connectors.base import (
    NotFound,
    Rejected,
    StopApplication,
    TokenSource,
    Unsupported,
)
from tenure.connectors.oauth import OAuthSettings, TokenEndpoint
from tenure.connectors.rest.judging import Reply, SignInAgain
from tenure.connectors.rest.program import AuthProgram, Call, InterfaceProgram
from tenure.connectors.rest.spec_auth import TokenAuth
from tenure.connectors.rest.templates import Text, as_text

#: A token is not used in its last seconds, nor in the last tenth of a short life.
_MARGIN = 60.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """What goes with a request. `number` tells one sign-in from the next."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    session: Mapping[str, Any] = field(default_factory=dict)
    token: str = ""
    number: int = 0
    ends: float = float("inf")

    @property
    def fresh(self) -> bool:
        return time.monotonic() < self.ends


#: Sends without any ticket, and gives the good reply.
SendLogin = Callable[[Call], Awaitable[Reply]]
#: Says that a text is secret from now on.
Keep = Callable[[str], None]


class SignIn:
    """One application's way to sign in. `given` are settings, secrets and fresh; `tokens`, where
    Tenure keeps the application's token fresh, take the place of the secret."""

    def __init__(
        self,
        program: InterfaceProgram,
        given: Mapping[str, Any],
        *,
        login: SendLogin,
        keep_secret: Keep,
        tokens: TokenSource | None = None,
        allow_http: bool = False,
    ) -> None:
        self._program = program
        self._auth: AuthProgram = program.auth
        self._given = given
        self._login = login
        self._keep_secret = keep_secret
        self._tokens = tokens if program.auth.kind == "bearer" else None
        self._allow_http = allow_http
        #: What the token endpoint is shown of us, where it wants to see a certificate.
        self.certificate: ssl.SSLContext | None = None
        self._ticket: Ticket | None = None
        self._number = 0
        self._turn = asyncio.Lock()

    @property
    def renewable(self) -> bool:
        """Whether signing in again can help."""
        kinds = {"session", "client_credentials", "jwt_bearer"}
        return self._tokens is not None or self._auth.kind in kinds

    @property
    def signed_in(self) -> Ticket | None:
        """The ticket that is held now."""
        return self._ticket

    async def ticket(self) -> Ticket:
        """What goes with the next request. Raises `StopApplication` or `RetryLater`."""
        if self._tokens is not None:
            return self._kept(await self._tokens.token())
        held = self._ticket
        if held is not None and held.fresh:
            return held
        async with self._turn:
            held = self._ticket
            if held is None or not held.fresh:
                held = self._ticket = await self._got()
            return held

    async def renew(self, refused: Ticket) -> Ticket:
        """Another than this one, which the application took no longer."""
        if self._tokens is not None:
            return self._kept(await self._tokens.renew(refused.token))
        async with self._turn:
            held = self._ticket
            if held is None or held.number <= refused.number:
                held = self._ticket = await self._got()
            return held

    def _kept(self, token: str) -> Ticket:
        self._keep_secret(token)
        return self._bearing(token)

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
            case "bearer":
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
        return Ticket(headers={"Authorization": value}, token=token, number=self._number, ends=ends)

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
        """A token by our own credentials (`connectors.oauth`)."""
        spec, given = self._program.spec.auth, self._given
        assert isinstance(spec, TokenAuth)
        texts = {n: t.fill(given) for n, t in self._auth.texts.items() if n != "scheme"}
        parameters = {n: t.fill(given) for n, t in self._auth.maps["parameters"].items()}
        for name in ("client_secret", "private_key"):
            self._keep_secret(texts.get(name, ""))
        try:
            settings = OAuthSettings.model_validate(
                {
                    **texts,
                    "grant": self._auth.kind,
                    "scopes": spec.scopes,
                    "token_parameters": parameters,
                    "allow_http": self._allow_http,
                }
            )
        except ValidationError as error:
            wrong = ", ".join(str(one["loc"][0]) for one in error.errors() if one["loc"])
            raise StopApplication(
                f"Signing in cannot be tried: {wrong or 'client or key'} is empty or has a wrong "
                "form. Enter it again."
            ) from None
        asked = time.monotonic()
        tokens = await TokenEndpoint(settings, self.certificate).own()
        self._keep_secret(tokens.access)
        lasts = tokens.seconds - min(_MARGIN, tokens.seconds / 10)
        return self._bearing(tokens.access, ends=asked + lasts)
