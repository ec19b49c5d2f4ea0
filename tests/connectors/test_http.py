"""Whatever happens to a request becomes an error that says what the engine does next."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from tenure import __version__
from tenure.connectors.answers import HttpRejected, Redactor
from tenure.connectors.base import (
    AlreadyExists,
    ConnectorError,
    Limits,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    StopApplication,
    Unsupported,
)
from tenure.connectors.http import HttpFunnel, Timeouts, segment
from tenure.connectors.lease import may_write
from tests.connectors.servers import TOKEN, free_port, http_server, raw_server

READ, WRITE = "GET", "POST"


def funnel(address: str, **other: Any) -> HttpFunnel:
    settings: dict[str, Any] = {
        "headers": {"Authorization": f"Bearer {TOKEN}"},
        "secrets": (TOKEN,),
        "timeouts": Timeouts(connect=2, total=5),
        **other,
    }
    return HttpFunnel(address, **settings)


async def ask(address: str, method: str, *, single: bool = True, **other: Any) -> Any:
    body = None if method in {READ, "DELETE"} else {"a": 1}
    async with funnel(address, **other) as http:
        return await http.request(method, "/x", write=method != READ, body=body, single=single)


async def outcome(address: str, method: str, **other: Any) -> ConnectorError:
    with pytest.raises(ConnectorError) as raised:
        await ask(address, method, **other)
    assert TOKEN not in str(raised.value)
    assert f"{method} /x" in str(raised.value)
    return raised.value


def answering(
    status: int,
    body: str | bytes = b"",
    *,
    content_type: str = "application/scim+json",
    headers: Mapping[str, str] | None = None,
) -> Any:
    async def handler(request: web.Request) -> web.Response:
        await request.read()
        data = body.encode() if isinstance(body, str) else body
        return web.Response(
            status=status, body=data, headers={"Content-Type": content_type, **(headers or {})}
        )

    return http_server(handler)


PAGE = "<!DOCTYPE html><html><body>Sign in</body></html>"


@pytest.mark.parametrize(
    ("status", "read", "write"),
    [
        (400, Rejected, Rejected),
        (401, StopApplication, StopApplication),
        (403, StopApplication, Rejected),
        (404, NotFound, NotFound),
        (405, Unsupported, Unsupported),
        (408, RetryLater, OutcomeUnknown),
        (409, AlreadyExists, AlreadyExists),
        (412, RetryLater, RetryLater),
        (413, Rejected, Rejected),
        (422, Rejected, Rejected),
        (429, RetryLater, RetryLater),
        (500, RetryLater, OutcomeUnknown),
        (501, Unsupported, Unsupported),
        (502, RetryLater, OutcomeUnknown),
        (503, RetryLater, RetryLater),
        (504, RetryLater, OutcomeUnknown),
        (520, RetryLater, OutcomeUnknown),
    ],
)
@pytest.mark.parametrize("body", ['{"detail": "so it is"}', PAGE, "", '{"detail'])
async def test_a_status_is_an_outcome(
    status: int, read: type[ConnectorError], write: type[ConnectorError], body: str
) -> None:
    async with answering(status, body) as address:
        for method, expected in ((READ, read), (WRITE, write)):
            error = await outcome(address, method)
            assert isinstance(error, expected)
            assert str(status) in str(error)
            assert ("so it is" in str(error)) is ("so it is" in body)
            assert "Sign in" not in str(error)


async def test_a_403_for_a_collection_is_about_the_credentials() -> None:
    async with answering(403) as address:
        assert isinstance(await outcome(address, WRITE, single=False), StopApplication)


async def test_a_refusal_keeps_its_scim_type_and_hides_the_token() -> None:
    body = f'{{"detail": "no {TOKEN} nor Bearer abcdef123", "scimType": "invalidValue"}}'
    async with answering(400, body) as address:
        error = await outcome(address, WRITE)
    assert isinstance(error, HttpRejected)
    assert (error.status, error.code) == (400, "invalidValue")
    assert "abcdef123" not in str(error)


async def test_a_400_for_uniqueness_is_a_conflict() -> None:
    async with answering(400, '{"detail": "taken", "scimType": "uniqueness"}') as address:
        assert isinstance(await outcome(address, WRITE), AlreadyExists)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("method", [READ, WRITE])
async def test_retry_after_in_seconds_pauses(status: int, method: str) -> None:
    asked = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.method)
        return web.Response(status=status, headers={"Retry-After": "120"})

    async with http_server(handler) as address, funnel(address) as http:
        for _ in range(2):
            with pytest.raises(RetryLater) as raised:
                await http.request(method, "/x", write=method == WRITE)
            assert raised.value.after == pytest.approx(120, abs=10)
        other = READ if method == WRITE else WRITE
        with pytest.raises(RetryLater):
            await http.request(other, "/x", write=other == WRITE)
    # 503 is about the whole application, 429 about this kind of request.
    assert asked == ([method] if status == 503 else [method, other])


async def test_a_short_pause_is_waited_for() -> None:
    asked = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(asyncio.get_running_loop().time())
        if len(asked) == 1:
            return web.Response(status=429, headers={"Retry-After": "1"})
        return web.json_response({})

    async with http_server(handler) as address, funnel(address) as http:
        with pytest.raises(RetryLater):
            await http.read("/x")
        assert await http.read("/x") == {}
    assert asked[1] - asked[0] >= 0.9  # A lower bound only: a slow machine cannot break it.


async def test_retry_after_as_a_date() -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    async with answering(429, headers={"Retry-After": when}) as address:
        error = await outcome(address, READ)
    assert isinstance(error, RetryLater)
    assert error.after == pytest.approx(300, abs=20)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("soon", 2.0),
        ("-5", 2.0),
        ("", 2.0),
        ("nan", 2.0),
        ("9999999", 3600),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0),
        ("Fri, 99 Foo 9999 99:99:99 GMT", 2.0),
    ],
)
async def test_a_retry_after_that_makes_no_sense(text: str, after: float) -> None:
    async with answering(429, headers={"Retry-After": text}) as address:
        error = await outcome(address, READ)
    assert isinstance(error, RetryLater)
    assert error.after == after


@pytest.mark.parametrize("content_type", ["text/html", "application/json"])
async def test_a_web_page_is_no_answer(content_type: str) -> None:
    async with answering(200, PAGE, content_type=content_type) as address:
        read, write = await outcome(address, READ), await outcome(address, WRITE)
    assert isinstance(read, StopApplication)
    assert "the address answers with a web page, not SCIM" in str(read)
    assert isinstance(write, OutcomeUnknown)


async def test_json_that_is_called_a_page_is_json() -> None:
    async with answering(200, '{"a": 1}', content_type="text/html") as address:
        assert await ask(address, READ) == {"a": 1}


async def test_broken_json() -> None:
    async with answering(200, '{"id": "1", "userN') as address:
        assert isinstance(await outcome(address, READ), RetryLater)
        assert isinstance(await outcome(address, WRITE), OutcomeUnknown)


async def test_no_body_is_no_json() -> None:
    async with answering(204) as address:
        assert await ask(address, WRITE) is None


async def test_an_answer_that_breaks_off() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"id": "1"')
        await writer.drain()

    async with raw_server(talk) as address:
        assert isinstance(await outcome(address, READ), RetryLater)
        assert isinstance(await outcome(address, WRITE), OutcomeUnknown)


async def test_no_answer_in_time() -> None:
    asked = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.method)
        await asyncio.sleep(60)
        return web.Response()

    # On a busy machine it may not even arrive in so short a time: then with a longer one.
    async with http_server(handler) as address:
        for method, error in ((READ, RetryLater), (WRITE, OutcomeUnknown)):
            for total in (0.3, 2, 10, 50):
                short = Timeouts(connect=60, total=total)
                assert isinstance(await outcome(address, method, timeouts=short), error)
                if asked:
                    break
            assert asked == [method]
            asked.clear()


async def test_waiting_for_our_own_turn_is_not_the_applications_time() -> None:
    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(0.05 * slower)
        return web.json_response({})

    # At one a time all of them take longer than each has. A busy machine gets more for each.
    answers: list[object] = []
    for slower in (1, 5, 25):
        async with (
            http_server(handler) as address,
            funnel(address, timeouts=Timeouts(total=slower), limits=Limits(concurrency=1)) as http,
        ):
            asked = (http.write("POST", "/x", {}) for _ in range(25))
            answers = await asyncio.gather(*asked, return_exceptions=True)
        if answers == [{}] * 25:
            break
    assert answers == [{}] * 25


async def test_it_keeps_to_its_concurrency() -> None:
    now, most = 0, 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return web.json_response({})

    async with (
        http_server(handler) as address,
        funnel(address, limits=Limits(concurrency=3)) as http,
    ):
        await asyncio.gather(*(http.read("/x") for _ in range(30)))
    assert most == 3


async def test_reads_and_writes_have_rates_of_their_own() -> None:
    async with answering(200, "{}") as address:
        limits = Limits(reads=None, writes=20, burst=5)
        async with funnel(address, limits=limits) as http:
            loop = asyncio.get_running_loop()
            await asyncio.gather(*(http.read("/x") for _ in range(50)))
            began = loop.time()
            await asyncio.gather(*(http.write("POST", "/x", {}) for _ in range(15)))
            took = loop.time() - began
    # Five at once, ten more at 20 a second. A lower bound only: a slow machine cannot break it.
    assert took >= 0.45


@pytest.mark.parametrize("method", [WRITE, "PUT", "PATCH", "DELETE"])
async def test_a_dropped_write_is_sent_once_and_unknown(method: str) -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")

    async with raw_server(talk) as address:
        assert isinstance(await outcome(address, method), OutcomeUnknown)
    assert connections == 1


async def test_a_dropped_read_is_sent_again_once() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")

    async with raw_server(talk) as address:
        assert isinstance(await outcome(address, READ), RetryLater)
    assert connections == 2


async def test_dropped_before_it_was_read() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        return None

    # From here it cannot be told from a request that was read: so it is unknown too.
    async with raw_server(talk) as address:
        assert isinstance(await outcome(address, READ), RetryLater)
        assert isinstance(await outcome(address, WRITE), OutcomeUnknown)


@pytest.mark.parametrize("method", [READ, WRITE])
async def test_down(method: str) -> None:
    error = await outcome(f"http://127.0.0.1:{free_port()}", method)
    assert isinstance(error, RetryLater)
    assert "refuses the connection" in str(error)
    assert "Nothing was sent" in str(error)


@pytest.mark.parametrize("method", [READ, WRITE])
async def test_no_such_name(method: str) -> None:
    error = await outcome("https://nowhere.invalid", method)
    assert isinstance(error, RetryLater)
    assert "nowhere.invalid" in str(error)


@pytest.mark.parametrize("method", [READ, WRITE])
async def test_no_encryption_where_it_is_expected(method: str) -> None:
    async with answering(200, "{}") as address:
        error = await outcome(address.replace("http://", "https://"), method)
    assert isinstance(error, StopApplication)
    assert "encrypted connection" in str(error)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_to_another_host_is_not_followed(status: int) -> None:
    reached = []

    async def elsewhere(request: web.Request) -> web.Response:
        reached.append(request.headers.get("Authorization"))
        return web.json_response({})

    async with http_server(elsewhere) as other:
        target = f"{other}/y"
        async with answering(status, headers={"Location": target}) as address:
            for method in (READ, WRITE):
                error = await outcome(address, method)
                assert isinstance(error, StopApplication)
                assert target in str(error)
    assert reached == []


async def test_a_redirect_within_the_server_is_followed() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/x":
            return web.Response(status=307, headers={"Location": "/x/"})
        return web.json_response({"method": request.method, "sent": await request.text()})

    async with http_server(handler) as address:
        assert await ask(address, READ) == {"method": "GET", "sent": ""}
        assert await ask(address, WRITE) == {"method": "POST", "sent": '{"a":1}'}


async def test_a_redirect_in_circles_ends() -> None:
    async with answering(307, headers={"Location": "/x"}) as address:
        assert isinstance(await outcome(address, READ), StopApplication)


async def test_a_write_that_is_sent_to_look_elsewhere_is_unknown() -> None:
    async with answering(303, headers={"Location": "/done"}) as address:
        assert isinstance(await outcome(address, WRITE), OutcomeUnknown)


async def test_a_huge_answer_is_not_read() -> None:
    async with answering(200, b" " * 300_000) as address:
        read = await outcome(address, READ, largest=100_000)
        write = await outcome(address, WRITE, largest=100_000)
    assert isinstance(read, StopApplication)
    assert isinstance(write, OutcomeUnknown)


async def test_a_small_answer_that_unpacks_to_a_huge_one_is_not_read() -> None:
    async def handler(request: web.Request) -> web.Response:
        response = web.Response(body=b" " * 3_000_000)
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with http_server(handler) as address:
        assert isinstance(await outcome(address, READ, largest=1_000_000), StopApplication)


async def test_it_says_who_it_is_and_what_it_sends() -> None:
    async def handler(request: web.Request) -> web.Response:
        names = ("User-Agent", "Authorization", "Content-Type", "Cookie")
        return web.json_response(
            {name: request.headers.get(name) for name in names},
            headers={"Set-Cookie": "session=1"},
        )

    async with (
        http_server(handler) as address,
        funnel(address, content_type="application/scim+json") as http,
    ):
        for _ in range(2):
            told = await http.write("POST", "/x", {})
            assert told == {
                "User-Agent": f"Tenure/{__version__}",
                "Authorization": f"Bearer {TOKEN}",
                "Content-Type": "application/scim+json",
                "Cookie": None,
            }


async def test_parameters_and_ids_arrive_as_they_are() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"path": request.raw_path.split("?")[0], **request.query})

    odd = 'a"b&c=d+e %20/ü#'
    async with http_server(handler) as address, funnel(f"{address}/scim/v2/") as http:
        told = await http.read(f"/Users/{segment('a/../b?c')}", params={"filter": odd})
    assert told == {"path": "/scim/v2/Users/a%2F..%2Fb%3Fc", "filter": odd}


@pytest.mark.parametrize("identifier", ["", ".", ".."])
def test_what_is_no_id(identifier: str) -> None:
    with pytest.raises(NotFound):
        segment(identifier)


async def test_text_that_is_no_text_is_not_sent() -> None:
    async with answering(200, "{}") as address, funnel(address) as http:
        with pytest.raises(Rejected, match="was not sent"):
            await http.write("POST", "/x", {"a": "\ud800"})


@pytest.mark.parametrize(
    "address",
    [
        "example.com",
        "ftp://example.com",
        "https://",
        "http://example.com",
        "https://user:password@example.com",
        "https://example.com/?a=b",
        "https://example.com/#a",
        "https://169.254.169.254/latest",
        "http://169.254.169.254/latest",
        "https://[fe80::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[fd00:ec2::254]/",
        "https://[fd20:ce::254]/",
        "https://100.100.100.200",
        "https://0.0.0.0",
        "https://224.0.0.1",
        "https://[bad",
    ],
)
async def test_an_address_that_is_refused(address: str) -> None:
    with pytest.raises(StopApplication):
        await funnel(address).__aenter__()


@pytest.mark.parametrize(
    ("address", "allow_http"),
    [
        ("https://example.com/scim", False),
        ("http://localhost:1", False),
        ("http://127.9.9.9:1", False),
        ("http://[::1]:1", False),
        ("http://10.0.0.1", True),
    ],
)
async def test_an_address_that_is_taken(address: str, allow_http: bool) -> None:
    async with funnel(address, allow_http=allow_http):
        pass


async def test_numbers_that_stand_for_an_address_are_refused() -> None:
    # 169.254.169.254 as one number: some resolvers understand it.
    assert isinstance(await outcome("https://2852039166", READ), StopApplication)


async def test_what_waited_while_the_process_stood_still_is_not_sent() -> None:
    """Reads are: they do no harm."""
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.method)
        return web.json_response({})

    may_write.set(lambda: False)
    async with http_server(handler) as address:
        with pytest.raises(RetryLater, match="stood still"):
            await ask(address, WRITE)
        await ask(address, READ)
    assert seen == [READ]


@pytest.mark.parametrize(
    "echoed",
    [
        "key=to%2Bken%2F%22secret%22",
        "key=to%2Bken/%22secret%22",
        r'{"key": "to+ken/\"secret\""}',
        'key=to+ken/"secret"',
    ],
)
def test_a_secret_is_hidden_however_it_is_quoted(echoed: str) -> None:
    told = Redactor(['to+ken/"secret"'])(f"GET /x?{echoed} was refused")
    assert "secret" not in told
    assert "(hidden)" in told


async def test_no_half_of_a_secret_is_shown_where_a_text_is_cut() -> None:
    async with answering(400, f"{'x' * 280}{TOKEN}") as address:
        text = str(await outcome(address, WRITE))
    assert TOKEN[:6] not in text
