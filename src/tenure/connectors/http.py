"""The one funnel through which every HTTP connector speaks to its application.

It keeps to the application's limits, sends each request once, and turns whatever happens into an
error named by what the engine does next. It must not know any one application: paths, bodies and
what they mean are the connector's.

What an answer means is in `answers`, what it means that there is none in `unanswered`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import orjson
from pydantic import BaseModel, ConfigDict, Field
from yarl import URL

from tenure import __version__
from tenure.connectors.addresses import SafeResolver, checked_url
from tenure.connectors.answers import (
    Answer,
    Ask,
    Explain,
    Redactor,
    explain,
    failure,
    parsed,
)
from tenure.connectors.base import (
    ConnectorError,
    Limits,
    NotFound,
    Rejected,
    RetryLater,
    StopApplication,
    TokenSource,
)
from tenure.connectors.lease import must_hold
from tenure.connectors.throttle import Throttle, retry_after
from tenure.connectors.unanswered import too_large, unanswered

#: Below what servers commonly keep idle connections for (5 s), so that a write does not meet one
#: that the server is just closing.
_KEEP_ALIVE = 4.0
_REDIRECTS = 3
_FEW = 16


class Timeouts(BaseModel):
    """How long an application may take, in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    connect: float = Field(default=5.0, gt=0, le=120, title="To connect, in seconds")
    total: float = Field(default=30.0, gt=0, le=600, title="For a whole answer, in seconds")


class HttpFunnel:
    """One application's session. Open it with `async with`; it is used by many tasks at once.

    `headers` are sent with every request; every string in `secrets` is taken out of error texts.
    `largest` is the size of an answer, in bytes, above which it is not read; `content_type` what
    bodies are sent as; `how` reads the application's error bodies; `tokens` give the bearer token
    of each request, and another one when it is refused; `disguised` gives the status that a body
    with a good one really stands for, 0 where it is good. `certificate` is
    ours, for servers that want to see one.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str],
        secrets: tuple[str, ...] = (),
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        allow_http: bool = False,
        largest: int = 16 * 1024 * 1024,
        content_type: str = "application/json",
        how: Explain = explain,
        tokens: TokenSource | None = None,
        disguised: Callable[[Any], int] | None = None,
        certificate: ssl.SSLContext | None = None,
    ) -> None:
        limits = limits or Limits()
        self._timeouts = timeouts or Timeouts()
        self._given = base_url
        self._allow_http = allow_http
        self._headers = {"User-Agent": f"Tenure/{__version__}", **headers}
        self._redact = Redactor(secrets)
        self._largest = largest
        self._content_type = content_type
        self._how = how
        self._tokens = tokens
        self._disguised = disguised
        self._certificate = certificate
        self._concurrency = max(1, limits.concurrency)
        self._slots = asyncio.Semaphore(self._concurrency)
        self._throttle = Throttle(limits, patience=self._timeouts.total)
        self._session: aiohttp.ClientSession | None = None
        self._base = URL()
        self._urls: dict[str, URL] = {}

    async def __aenter__(self) -> Self:
        """Raises `StopApplication` when the address is not one that may be used."""
        self._base = checked_url(self._given, allow_http=self._allow_http)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._concurrency,
                resolver=SafeResolver(),
                keepalive_timeout=_KEEP_ALIVE,
                ssl=self._certificate or True,
            ),
            timeout=aiohttp.ClientTimeout(
                total=self._timeouts.total, connect=self._timeouts.connect
            ),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        # aiohttp sends PUT and DELETE a second time when a connection drops, and has no public way
        # to say no. A write goes out once; what became of it is the engine's question.
        self._session._retry_connection = False
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def read(
        self, path: str, *, params: Mapping[str, str] | None = None, single: bool = False
    ) -> Any:
        """GET, and the JSON of the answer."""
        return await self.request("GET", path, params=params, write=False, single=single)

    async def one(self, path: str, *, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """GET of one resource, an object. Anything else is `RetryLater`."""
        found = await self.read(path, params=params, single=True)
        if not isinstance(found, dict):
            raise RetryLater(f"GET {path} was answered with no object. It is read again later.")
        return found

    async def write(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        single: bool = False,
        headers: Mapping[str, str] | None = None,
        weight: int = 1,
    ) -> Any:
        """A request that changes something, and the JSON of the answer or None. `weight`: as how
        many requests it counts."""
        return await self.request(
            method, path, body=body, write=True, single=single, headers=headers, weight=weight
        )

    async def request(
        self,
        method: str,
        path: str,
        *,
        write: bool,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        single: bool = False,
        headers: Mapping[str, str] | None = None,
        weight: int = 1,
    ) -> Any:
        """Sends one request and gives the JSON of its answer, None where it has no body.

        `write` says whether it may change anything (some interfaces read by POST); `single` that
        `path` names one resource. Raises any `ConnectorError` except `AlreadyExists` on a read.
        """
        ask = Ask(method, path, write, single, weight)
        return (await self._good(ask, self._url(path, params), body, headers or {}))[0]

    async def answered(self, ask: Ask, body: Any) -> tuple[Any, Mapping[str, str]]:
        """As `request`, with the headers of the answer."""
        return await self._good(ask, self._url(ask.path, None), body, {})

    async def _good(
        self, ask: Ask, url: URL, body: Any, headers: Mapping[str, str]
    ) -> tuple[Any, Mapping[str, str]]:
        sent = dict(headers)
        data: bytes | None = None
        if body is not None:
            data = _encoded(ask, body)
            sent["Content-Type"] = self._content_type
        answer = await self._authorised(ask, url, data, sent)
        if answer.status >= 300:
            self._heed(ask, answer)
            raise failure(ask, answer, redact=self._redact, how=self._how)
        found = parsed(ask, answer)
        if self._disguised is not None and (status := self._disguised(found)):
            told = replace(answer, status=status)
            raise failure(ask, told, redact=self._redact, how=self._how)
        return found, answer.headers

    async def _authorised(
        self, ask: Ask, url: URL, data: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        """The answer, with a token that is good. One that is refused all the same was revoked or
        ended early: nothing was done, and the request goes out once more with another."""
        if self._tokens is None:
            return await self._sent(ask, url, data, headers)
        token = await self._tokens.token()
        answer = await self._sent(ask, url, data, self._bearing(token, headers))
        if answer.status != 401:
            return answer
        token = await self._tokens.renew(token)
        return await self._sent(ask, url, data, self._bearing(token, headers))

    def _bearing(self, token: str, headers: Mapping[str, str]) -> dict[str, str]:
        self._redact.hide(token)
        return {**headers, "Authorization": f"Bearer {token}"}

    async def send(
        self,
        ask: Ask,
        url: str,
        *,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to one request whatever its status, for those who judge it themselves.

        `url` is whole, encoded, and of this server. Raises `StopApplication` where it is not.
        """
        target = URL(url, encoded=True)
        if target.origin() != self._base.origin():
            raise StopApplication(
                f"{ask} would go to {target.host}, which is not {self._base.host}: credentials are "
                "not taken there."
            )
        answer = await self._sent(ask, target, data, headers or {})
        self._heed(ask, answer)
        return answer

    def judged(
        self, ask: Ask, status: int, body: Any, headers: Mapping[str, str]
    ) -> ConnectorError:
        """What a status of 300 or more inside an answer to several requests stands for."""
        answer = Answer(status, headers, orjson.dumps(body))
        self._heed(ask, answer)
        return failure(ask, answer, redact=self._redact, how=self._how)

    def pause(self, seconds: float) -> None:
        """Sends nothing for so long: the application said that its limit is used up."""
        self._throttle.pause(seconds)

    async def _sent(
        self, ask: Ask, url: URL, data: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        """The answer, after redirects that stay with the same server."""
        for _ in range(_REDIRECTS):
            answer = await self._attempt(ask, url, data, headers)
            target = self._target(ask, url, answer)
            if target is None:
                return answer
            url = target
        raise StopApplication(
            f"{ask} is sent on from address to address without end: check the address."
        )

    async def _attempt(
        self, ask: Ask, url: URL, data: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        """One request, within limits. A read is sent once more when an old connection drops."""
        bucket = self._throttle.of(write=ask.write)
        may_repeat = not ask.write
        try:
            while True:
                await bucket.acquire(ask.weight)
                # Waiting for a connection must not count as the application's time, so we wait
                # here and not in aiohttp's pool.
                async with self._slots:
                    if ask.write:
                        must_hold(ask)
                    try:
                        return await self._exchange(ask, url, data, headers)
                    except aiohttp.ServerDisconnectedError:
                        if not may_repeat:
                            raise
                        may_repeat = False
        except ConnectorError:
            raise
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            # Not chained: their texts are not redacted.
            raise unanswered(
                ask,
                error,
                where=f"{self._base.host}:{self._base.port}",
                patience=self._timeouts.total,
                redact=self._redact,
            ) from None

    async def _exchange(
        self, ask: Ask, url: URL, data: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        if self._session is None:
            raise RuntimeError("The funnel is used outside `async with`.")
        async with self._session.request(
            ask.method, url, data=data, headers=headers, allow_redirects=False
        ) as response:
            packed = "Content-Encoding" in response.headers
            if not packed and 0 <= (response.content_length or -1) <= self._largest:
                return Answer(response.status, response.headers, await response.read())
            parts: list[bytes] = []
            size = 0
            async for part in response.content.iter_any():
                size += len(part)
                if size > self._largest:
                    response.close()
                    raise too_large(ask, response.status, self._largest)
                parts.append(part)
            return Answer(response.status, response.headers, b"".join(parts))

    def _heed(self, ask: Ask, answer: Answer) -> None:
        """Pauses as the application asks: 429 speaks of this kind of request, 503 of all. A 429
        also says that we were too fast."""
        after = retry_after(answer.headers)
        bucket = self._throttle.of(write=ask.write)
        if answer.status == 429:
            bucket.slow_down()
        if after is None:
            return
        if answer.status == 503:
            self._throttle.pause(after)
        elif answer.status == 429:
            bucket.pause(after)

    def _target(self, ask: Ask, url: URL, answer: Answer) -> URL | None:
        """Where a redirect leads, if it may be followed: the same scheme, host and port, and for
        a write only the statuses that repeat it unchanged (RFC 9110, 15.4)."""
        follow = {307, 308} if ask.write else {301, 302, 307, 308}
        location = answer.headers.get("Location")
        if answer.status not in follow or not location:
            return None
        try:
            target = url.join(URL(location))
            return target if target.origin() == url.origin() else None
        except ValueError:
            return None

    def _url(self, path: str, params: Mapping[str, str] | None) -> URL:
        if not params and (known := self._urls.get(path)) is not None:
            return known
        text = f"{self._base}{path}"
        if params:
            text += "?" + "&".join(
                f"{key}={quote(value, safe='')}" for key, value in params.items()
            )
        url = URL(text, encoded=True)
        if not params and len(self._urls) < _FEW:
            # Those of collections, which nearly all writes go to; not those of accounts.
            self._urls[path] = url
        return url


def segment(identifier: str) -> str:
    """A remote id as one segment of a path. Raises `NotFound` for what cannot be an id."""
    if identifier in {"", ".", ".."}:
        raise NotFound(f"{identifier!r} is not the id of anything.")
    return quote(identifier, safe="")


def _encoded(ask: Ask, body: Any) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:
        raise Rejected(
            f"{ask} was not sent: a value is not text that can be written as JSON (half of a "
            "character pair, or a number of more than 64 bits). Correct the value at its source."
        ) from None
