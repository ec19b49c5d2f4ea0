"""A file at a web address, copied here to be read: only where it changed (ETag, Last-Modified), and
as a whole. It must not know what is in it.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import Any

import aiohttp
import orjson
from yarl import URL

from tenure.connectors.addresses import AddressRefused, SafeResolver, checked_url, is_loopback
from tenure.connectors.answers import Redactor
from tenure.connectors.base import StopApplication, TokenSource
from tenure.connectors.throttle import retry_after
from tenure.connectors.unanswered import why_unanswered
from tenure.readers.base import ReaderBusy, ReaderError
from tenure.readers.files.places import Fetched, temporary
from tenure.readers.files.settings import FileSecrets, FileSettings
from tenure.readers.looping import run

_REDIRECTS = 5
_MOVED = frozenset({301, 302, 303, 307, 308})
#: Seconds that a copy may take.
_COPYING = 600
_PIECE = 1 << 16


class WebPlace:
    """One address. Credentials go to its own server only, wherever it sends us on."""

    def __init__(
        self, settings: FileSettings, secrets: FileSecrets, tokens: TokenSource | None
    ) -> None:
        self._settings = settings
        self._url = URL(settings.url)
        self._tokens = tokens
        self._token, self._password = secrets.text("token"), secrets.text("password")
        self._redact = Redactor([one for one in (self._token, self._password) if one])

    def fetch(self, known: str = "") -> Fetched | None:
        return run(self._fetch(known))

    async def _fetch(self, known: str) -> Fetched | None:
        timeouts = self._settings.timeouts
        try:
            async with aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=SafeResolver()),
                timeout=aiohttp.ClientTimeout(
                    total=_COPYING, connect=timeouts.connect, sock_read=timeouts.total
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                # What came is checked against its length, so it comes as it is.
                headers={"Accept-Encoding": "identity"},
            ) as session:
                return await self._asked(session, known)
        except AddressRefused as error:
            raise ReaderError(f"{self._shown}: {error}: correct the address.") from None
        except aiohttp.ClientConnectorCertificateError as error:
            said = why_unanswered(error, self._url, patience=timeouts.total)
            raise ReaderError(f"{self._shown}: its certificate is not trusted. {said}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            said = self._redact(why_unanswered(error, self._url, patience=timeouts.total))
            raise ReaderBusy(f"{self._shown}: {said} It is fetched again later.") from None

    async def _asked(self, session: aiohttp.ClientSession, known: str) -> Fetched | None:
        url = self._url
        for _ in range(_REDIRECTS + 1):
            headers = _conditions(known)
            if url.origin() == self._url.origin():
                headers |= await self._credentials()
            async with session.get(url, headers=headers, allow_redirects=False) as answer:
                if answer.status in _MOVED and "Location" in answer.headers:
                    url = self._next(url, answer.headers["Location"])
                    continue
                if answer.status == 304:
                    return None
                self._must_be_a_file(answer)
                return await self._copied(answer, known)
        raise ReaderError(f"{self._shown} sends on and on: correct the address.")

    async def _copied(self, answer: aiohttp.ClientResponse, known: str) -> Fetched | None:
        name = PurePosixPath(self._url.path).name
        target = temporary(name)
        try:
            digest, size = await _written(answer, target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        etag, modified = answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")
        stamp = orjson.dumps({"etag": etag, "modified": modified, "digest": digest}).decode()
        if digest == _parts(known).get("digest"):
            target.unlink(missing_ok=True)
            return None
        return Fetched(target, self._shown, stamp, size, _time(modified), temporary=True)

    def _must_be_a_file(self, answer: aiohttp.ClientResponse) -> None:
        status = answer.status
        if status == 429 or status >= 500:
            raise ReaderBusy(
                f"{self._shown} answered {status}. It is fetched again later.",
                retry_after(answer.headers),
            )
        if status in {401, 403}:
            raise ReaderError(
                f"{self._shown} answered {status}: check the user and password, or the token."
            )
        if status != 200:
            raise ReaderError(f"{self._shown} answered {status}: correct the address.")
        if answer.content_type in {"text/html", "application/xhtml+xml"}:
            raise ReaderError(
                f"{self._shown} gives a web page and no file, such as a page to sign in: use an "
                "address that gives the file itself."
            )

    def _next(self, url: URL, location: str) -> URL:
        try:
            target = url.join(URL(location))
            checked_url(str(target.origin()), allow_http=False)
        except (ValueError, StopApplication) as error:
            raise ReaderError(f"{self._shown} sends on to where nobody follows: {error}") from None
        if is_loopback(target.host or "") and not is_loopback(self._url.host or ""):
            raise ReaderError(f"{self._shown} sends on to this machine: nobody follows.")
        return target

    async def _credentials(self) -> dict[str, str]:
        if self._tokens is not None:
            token = await self._tokens.token()
            self._redact.hide(token)
            return {"Authorization": f"Bearer {token}"}
        if self._token:
            return {"Authorization": f"Bearer {self._token}"}
        if self._settings.user:
            pair = f"{self._settings.user}:{self._password or ''}"
            return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        return {}

    @property
    def _shown(self) -> str:
        """The address without its query, which may hold a key."""
        return str(self._url.with_query(None))


async def _written(answer: aiohttp.ClientResponse, target: Path) -> tuple[str, int]:
    """The body into a file; its digest and size. A body that breaks off is an error of aiohttp's:
    it knows the length that was announced."""
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as file:
        async for piece in answer.content.iter_chunked(_PIECE):
            digest.update(piece)
            size += len(piece)
            file.write(piece)
    return digest.hexdigest(), size


def _conditions(known: str) -> dict[str, str]:
    """RFC 9110, 13.1: If-Modified-Since is for who gives no ETag."""
    parts = _parts(known)
    if parts.get("etag"):
        return {"If-None-Match": parts["etag"]}
    return {"If-Modified-Since": parts["modified"]} if parts.get("modified") else {}


def _parts(known: str) -> Mapping[str, str]:
    found: Any = orjson.loads(known) if known else {}
    return found if isinstance(found, dict) else {}


def _time(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except ValueError:
        return None
