"""Documents at addresses that somebody wrote down: keys, metadata, lists of what was taken back.

One way for all: over TLS except to this machine, to no forbidden address whatever a name leads to
or a redirect says, within some seconds, and no more of an answer than such a document can have. It
must not know what is in them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
from yarl import URL

from tenure import __version__
from tenure.connectors.addresses import SafeResolver, is_forbidden, is_loopback
from tenure.connectors.unanswered import why_unanswered

_MOVED = frozenset({301, 302, 303, 307, 308})
_PIECE = 64 * 1024


class CannotFetch(Exception):
    """There is no document to be had; why, as a sentence for whoever wrote the address down."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a kind of document is like: of at most `largest` bytes, there within `seconds`, and
    perhaps a few `redirects` further on."""

    largest: int
    accept: str = "*/*"
    seconds: float = 5
    redirects: int = 0


def session(
    timeout: aiohttp.ClientTimeout, certificate: ssl.SSLContext | None = None
) -> aiohttp.ClientSession:
    """A session that goes to no forbidden address by its name, and keeps no cookies. Addresses
    without a name are the caller's to check (`addresses.is_forbidden`), redirects to follow."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=SafeResolver(), ssl=certificate or True),
        timeout=timeout,
        headers={"User-Agent": f"Tenure/{__version__}"},
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def beginning(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The first `most` bytes of a body, or all of a shorter one."""
    found = bytearray()
    while len(found) < most and (more := await response.content.read(_PIECE)):
        found += more
    return bytes(found[:most])


def fetch(address: str, document: Document) -> bytes:
    """What is there. Raises `CannotFetch`."""
    (found,) = fetch_all([address], document)
    if isinstance(found, CannotFetch):
        raise found
    return found


def fetch_all(addresses: Sequence[str], document: Document) -> list[bytes | CannotFetch]:
    """What is at each, or why nothing is, all asked for at the same time."""

    async def asked() -> list[bytes | CannotFetch]:
        async with session(aiohttp.ClientTimeout(total=document.seconds)) as http:
            return await asyncio.gather(*(_tried(http, one, document) for one in addresses))

    return asyncio.run(asked())


async def _tried(
    http: aiohttp.ClientSession, address: str, document: Document
) -> bytes | CannotFetch:
    try:
        return await _fetched(http, URL(address), document)
    except CannotFetch as error:
        return error
    except TimeoutError:
        within = f"within {document.seconds:g} seconds"
        return CannotFetch(f"{address} cannot be read: no complete answer came {within}.")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        why = why_unanswered(error, address, patience=document.seconds)
        return CannotFetch(f"{address} cannot be read: {why}"[:500])


async def _fetched(http: aiohttp.ClientSession, url: URL, document: Document) -> bytes:
    headers = {"Accept": document.accept}
    for _ in range(document.redirects + 1):
        host = url.host or ""
        if is_forbidden(host):
            raise CannotFetch(
                f"{host} is no address of a document: it is link-local or a cloud's metadata "
                "service."
            )
        if not (url.scheme == "https" or (url.scheme == "http" and is_loopback(host))):
            raise CannotFetch(f"{url} is not read, as anybody could change it: use https.")
        async with http.get(url, allow_redirects=False, headers=headers) as response:
            if document.redirects and response.status in _MOVED:
                url = url.join(URL(response.headers.get("Location", "")))
                continue
            if response.status != 200:
                raise CannotFetch(f"{url.origin()} answered {response.status}. Is {url} right?")
            found = await beginning(response, document.largest + 1)
            if len(found) > document.largest:
                raise CannotFetch(f"{url} is longer than {document.largest // 1024} KiB.")
            return found
    raise CannotFetch(f"{url} leads on and on.")
