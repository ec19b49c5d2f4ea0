"""One request of a specification, sent: filled in, signed in, judged.

The limits, the addresses that may be asked and what a broken connection means are the funnel's.
There is one funnel for each server that the specification names, and none for any other. It must
not know verbs or accounts.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import quote, urlencode

import orjson
from yarl import URL

from tenure.connectors.answers import Answer, Ask, Redactor
from tenure.connectors.base import (
    ConnectorError,
    Limits,
    Rejected,
    StopApplication,
    TokenSource,
)
from tenure.connectors.certificates import client_context
from tenure.connectors.http import HttpFunnel, Timeouts, segment
from tenure.connectors.rest.auth import SignIn, Ticket
from tenure.connectors.rest.judging import Judge, Reply, SignInAgain, reset_after, used_up
from tenure.connectors.rest.program import Call, InterfaceProgram
from tenure.connectors.rest.templates import MISSING, Missing, as_text

_ACCEPT = {"xml": "text/xml, application/xml"}
_FORM = "application/x-www-form-urlencoded"


class Tape(Protocol):
    """Stands between a request and the network: records, or plays what was recorded."""

    async def send(
        self,
        ask: Ask,
        url: str,
        data: bytes | None,
        headers: Mapping[str, str],
        real: Callable[[], Awaitable[Answer]],
    ) -> Answer: ...


class Transport:
    """Open it with `async with`. `given` are the settings and secrets by name."""

    def __init__(
        self,
        program: InterfaceProgram,
        given: Mapping[str, Mapping[str, Any]],
        *,
        limits: Limits,
        timeouts: Timeouts,
        allow_http: bool,
        tokens: TokenSource | None = None,
        tape: Tape | None = None,
    ) -> None:
        self._program = program
        self._given = given
        self._limits = limits
        self._timeouts = timeouts
        self._allow_http = allow_http
        self._tape = tape
        self.secret_texts = {str(v) for v in given["secrets"].values() if v}
        self._judge = Judge(program, lambda: Redactor(self.secret_texts))
        self._stack = AsyncExitStack()
        self._funnels: dict[str, HttpFunnel] = {}
        self._opening = asyncio.Lock()
        #: Where paths begin; known once it is open.
        self.base = ""
        self._certificate: ssl.SSLContext | None = None
        self.signing = SignIn(
            program,
            {**given, "fresh": fresh()},
            login=self._login,
            keep_secret=self.secret_texts.add,
            tokens=tokens,
            allow_http=allow_http,
        )

    async def __aenter__(self) -> Self:
        """Raises `StopApplication` when the address is not one that may be used."""
        given = {**self._given, "fresh": {}}
        self.base = self._program.base_url.fill(given).rstrip("/")
        if self._program.certificate is not None:
            certificate, key = (text.fill(given) for text in self._program.certificate)
            self._certificate = self.signing.certificate = client_context(certificate, key)
        await self._funnel(self.base)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._log_out()
        await self._stack.aclose()
        self._funnels.clear()

    async def send(self, call: Call, variables: Mapping[str, Any], url: str = "") -> Reply:
        """One request; `url` stands for the one that the call would make (a next page's).

        Signs in anew once where the application says that the session has ended. Raises any
        `ConnectorError`.
        """
        ticket = await self.signing.ticket()
        try:
            return await self._once(call, variables, url, ticket)
        except SignInAgain:
            ticket = await self.signing.renew(ticket)
        try:
            return await self._once(call, variables, url, ticket, renewable=False)
        except SignInAgain as error:
            raise StopApplication(str(error)) from None

    async def _once(
        self,
        call: Call,
        variables: Mapping[str, Any],
        url: str,
        ticket: Ticket,
        *,
        renewable: bool = True,
    ) -> Reply:
        given = {**self._given, "session": ticket.session, **variables}
        try:
            ask, target, data, headers = self._filled(call, given, url, ticket)
        except UnicodeEncodeError:
            raise _no_text(call) from None
        answer = await self._exchange(ask, target, data, headers)
        limits = self._program.spec.limits
        if used_up(limits, answer.headers) or answer.status == 429:
            after = reset_after(limits, answer.headers)
            if after:
                (await self._funnel(target)).pause(after)
        renewable = renewable and self.signing.renewable and call is not self._program.auth.login
        return self._judge.verdict(call, ask, answer, renewable=renewable)

    def _filled(
        self, call: Call, given: Mapping[str, Any], url: str, ticket: Ticket
    ) -> tuple[Ask, str, bytes | None, dict[str, str]]:
        """What is sent: the whole address, body and headers. `url` stands for the call's own."""
        path, query = self._address(call, given)
        data, content_type = self._payload(call, given)
        headers = {"Accept": _ACCEPT.get(call.spec.answer, "application/json")}
        for name, text in {**self._program.headers, **call.headers}.items():
            headers[name] = text.fill(given)
        headers |= ticket.headers
        if content_type:
            headers.setdefault("Content-Type", content_type)
        shown = _shown(path, self.base)
        if call.payload == "rpc":
            shown += f" {call.address.fill(given)}"
        pairs = [*(() if url else query), *ticket.query.items()]
        target = url or path
        if pairs:
            target += ("&" if "?" in target else "?") + urlencode(pairs, quote_via=quote)
        ask = Ask(call.method, shown, call.writes, call.single)
        return ask, target, data, headers

    def _address(self, call: Call, given: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]]]:
        """The whole address, and what comes after the question mark."""
        if call.payload == "rpc":
            assert self._program.rpc_path is not None
            path = self._program.rpc_path.fill(given)
        else:
            path = call.address.address(given, segment)
        filled = call.query.fill(given)
        return (
            path if path.startswith("http") else f"{self.base}{path}",
            _pairs(filled if isinstance(filled, Mapping) else {}),
        )

    def _payload(self, call: Call, given: Mapping[str, Any]) -> tuple[bytes | None, str]:
        body = call.body.fill(given) if call.body is not None else MISSING
        if call.payload == "rpc":
            return self._rpc(call, given, body), "application/json"
        if isinstance(body, Missing) or not call.payload:
            return None, ""
        if call.payload == "xml":
            return str(body).encode(), "text/xml; charset=utf-8"
        if call.payload in {"form", "multipart"} and not isinstance(body, Mapping):
            return None, ""
        if call.payload == "form":
            return urlencode(_pairs(body)).encode(), _FORM
        if call.payload == "multipart":
            boundary = uuid.uuid4().hex
            return _multipart(body, boundary), f"multipart/form-data; boundary={boundary}"
        return _json(call, body), "application/json"

    def _rpc(self, call: Call, given: Mapping[str, Any], parameters: Any) -> bytes:
        document: dict[str, Any] = {
            "jsonrpc": "2.0",
            "method": call.address.fill(given),
            "params": {} if parameters is MISSING else parameters,
            "id": 1,
        }
        # Whoever signs in has no session yet, and some refuse an empty one.
        if self._program.rpc_extra is not None and call is not self._program.auth.login:
            document |= self._program.rpc_extra.fill(given)
        return _json(call, document)

    async def _exchange(
        self, ask: Ask, url: str, data: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        funnel = await self._funnel(url)

        async def real() -> Answer:
            return await funnel.send(ask, url, data=data, headers=headers)

        if self._tape is not None:
            return await self._tape.send(ask, url, data, headers, real)
        return await real()

    async def _funnel(self, url: str) -> HttpFunnel:
        """The funnel of this address's server. Pages that lead elsewhere are stopped before."""
        try:
            origin = str(URL(url).origin())
        except ValueError:
            # The funnel says what is wrong with it.
            origin = url
        if (found := self._funnels.get(origin)) is not None:
            return found
        async with self._opening:
            if origin not in self._funnels:
                funnel = HttpFunnel(
                    origin,
                    headers={},
                    secrets=tuple(self.secret_texts),
                    limits=self._limits,
                    timeouts=self._timeouts,
                    allow_http=self._allow_http,
                    largest=self._program.spec.limits.largest_answer * 1024 * 1024,
                    certificate=self._certificate,
                )
                self._funnels[origin] = await self._stack.enter_async_context(funnel)
        return self._funnels[origin]

    def same_server(self, url: str) -> str:
        """A next page's address, whole. Raises `StopApplication` where it is another server's."""
        try:
            whole = URL(f"{self.base}/").join(URL(url, encoded=True))
            same = whole.origin() == URL(self.base).origin()
        except ValueError:
            same = False
        if not same:
            raise StopApplication(
                f"The next page would be at {url.partition('?')[0][:200]!r}, which is not the same "
                "server: credentials are not taken there. Check base_url, and where `next` is."
            )
        return str(whole)

    # Signing in and out.

    async def _login(self, call: Call) -> Reply:
        return await self._once(call, {"fresh": fresh()}, "", Ticket(), renewable=False)

    async def _log_out(self) -> None:
        held, call = self.signing.signed_in, self._program.auth.logout
        if held is None or call is None:
            return
        try:
            await self._once(call, {"fresh": fresh()}, "", held, renewable=False)
        except (ConnectorError, asyncio.CancelledError):
            return  # It ends by itself.


def fresh() -> dict[str, str]:
    """New for each account: a password that nobody is told, and so on."""
    return {
        # One of each kind, which most rules for passwords ask for.
        "password": f"{secrets.token_urlsafe(24)}aA7!",
        "uuid": str(uuid.uuid4()),
        "now": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def _shown(url: str, base: str) -> str:
    return url.removeprefix(base).partition("?")[0] or "/"


def _pairs(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and texts; a list is its name several times."""
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, list | tuple):
            found += [(name, as_text(one)) for one in value]
        elif value is not None:
            found.append((name, as_text(value)))
    return found


def _json(call: Call, body: Any) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:
        raise _no_text(call) from None


def _no_text(call: Call) -> Rejected:
    return Rejected(
        f"{call.where} was not sent: a value is not text that can be written (half of a character "
        "pair, or a number of more than 64 bits). Correct the value at its source."
    )


def _multipart(values: Mapping[str, Any], boundary: str) -> bytes:
    """RFC 7578; every part is text."""
    parts = []
    for name, text in _pairs(values):
        safe = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{safe}"\r\n\r\n{text}\r\n'
        )
    return "".join([*parts, f"--{boundary}--\r\n"]).encode()
