"""Documents at addresses that somebody wrote down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from tenure.connectors.fetching import CannotFetch, Document, fetch

KIND = Document(largest=1000, accept="text/plain", seconds=2, redirects=2)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[TestServer]:
    async def answer(request: web.Request) -> web.StreamResponse:
        match request.match_info["what"]:
            case "good":
                assert request.headers["Accept"] == "text/plain"
                return web.Response(body=b"x" * 1000)
            case "long":
                return web.Response(body=b"x" * 1001)
            case "packed":
                response = web.Response(body=b"x" * 100_000)
                response.enable_compression()
                return response
            case "once":
                raise web.HTTPFound("/good")
            case "round":
                raise web.HTTPFound("/round")
            case "away":
                raise web.HTTPFound("http://example.com/good")
            case "cloud":
                raise web.HTTPFound("http://169.254.169.254/latest/meta-data/")
            case "file":
                raise web.HTTPFound("file:///etc/passwd")
        raise web.HTTPNotFound

    app = web.Application()
    app.router.add_get("/{what}", answer)
    running = TestServer(app)
    async with running:
        yield running


async def at(server: TestServer, what: str, kind: Document = KIND) -> bytes:
    return await asyncio.to_thread(fetch, str(server.make_url(f"/{what}")), kind)


async def test_a_document_is_read_also_where_it_moved(server: TestServer) -> None:
    assert await at(server, "good") == b"x" * 1000
    assert await at(server, "once") == b"x" * 1000


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("long", "is longer than"),
        ("packed", "is longer than"),
        ("round", "leads on and on"),
        ("away", "use https"),
        ("cloud", "is no address of a document"),
        ("file", "use https"),
        ("nowhere", "answered 404"),
    ],
)
async def test_what_is_none_is_named(server: TestServer, what: str, why: str) -> None:
    with pytest.raises(CannotFetch, match=why):
        await at(server, what)


async def test_nobody_is_followed_who_is_not_expected_to_lead_on(server: TestServer) -> None:
    with pytest.raises(CannotFetch, match="answered 302"):
        await at(server, "once", Document(largest=1000, accept="text/plain"))


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://example.com/keys", "use https"),
        ("https://169.254.169.254/", "is no address of a document"),
        ("https://[::ffff:169.254.169.254]/", "is no address of a document"),
        ("ftp://localhost/", "use https"),
        ("https://127.0.0.1:1/", "cannot be read"),
        ("nonsense", "use https|cannot be read"),
    ],
)
def test_where_nothing_is_asked(address: str, why: str) -> None:
    with pytest.raises(CannotFetch, match=why):
        fetch(address, KIND)
