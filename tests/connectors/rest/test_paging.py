"""Listings are read to their end, whatever way they are paged and however wrong they count."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from tenure.connectors.base import NotFound, Rejected, StopApplication
from tests.connectors.rest.scripted import Handler, listed, opened, spec, user

EVERYONE = [user(n) for n in range(25)]
ALL = [one["id"] for one in EVERYONE]


def paged(**paging: Any) -> dict[str, Any]:
    query = {"n": "=page.number", "o": "=page.offset", "s": "=page.size", "c": "=page.cursor"}
    used = {"number": "ns", "offset": "os", "cursor": "cs", "link": "", "url": ""}[paging["by"]]
    request = {
        "request": "GET /users",
        "query": {key: query[key] for key in used},
        "items": "users",
        "paging": {"size": 10, **paging},
    }
    return spec(requests={"list": request})


def answered(body: Any, **headers: str) -> web.Response:
    return web.json_response(body, headers=headers)


def numbered(*, total: int | None = None, first: int = 1, past: str = "empty") -> Handler:
    async def handler(request: web.Request) -> web.Response:
        start = (int(request.query["n"]) - first) * 10
        found = EVERYONE[start : start + 10]
        if not found and past == "error":
            return web.json_response({"message": "no such page"}, status=404)
        if not found and past == "repeat":
            found = EVERYONE[20:]
        return answered({"users": found, "total": total})

    return handler


@pytest.mark.parametrize(
    ("paging", "handler"),
    [
        ({"by": "number"}, numbered()),
        ({"by": "number", "first": 0}, numbered(first=0)),
        ({"by": "number", "total": "total"}, numbered(total=25)),
        ({"by": "number", "total": "total"}, numbered(total=3)),
        ({"by": "number", "total": "total"}, numbered(total=900)),
        ({"by": "number", "past_end": "error"}, numbered(past="error")),
        ({"by": "number", "past_end": "repeat"}, numbered(past="repeat")),
        ({"by": "number", "total": "total"}, numbered(total=25, past="repeat")),
    ],
)
async def test_pages_by_number(paging: dict[str, Any], handler: Handler) -> None:
    async with opened(paged(**paging), handler) as connector:
        assert await listed(connector) == ALL


async def test_an_error_beyond_the_end_is_one_unless_it_is_declared() -> None:
    async with opened(paged(by="number"), numbered(past="error")) as connector:
        with pytest.raises(NotFound):
            await listed(connector)


@pytest.mark.parametrize("first", [0, 1])
async def test_pages_by_offset_that_are_smaller_than_asked_for(first: int) -> None:
    async def handler(request: web.Request) -> web.Response:
        start = int(request.query["o"]) - first
        return answered({"users": EVERYONE[start : start + 4]})

    async with opened(paged(by="offset", first=first), handler) as connector:
        assert await listed(connector) == ALL


async def test_a_page_that_lost_some_of_its_people_is_no_end() -> None:
    """Some filter after they have cut the page."""

    async def handler(request: web.Request) -> web.Response:
        start = (int(request.query["n"]) - 1) * 10
        return answered({"users": EVERYONE[start : start + 10][::2]})

    async with opened(paged(by="number"), handler) as connector:
        assert await listed(connector) == ALL[::2]


async def test_cursors_until_there_is_none() -> None:
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        cursor = request.query.get("c")
        seen.append(cursor)
        start = int(cursor or 0)
        # An empty page with a cursor is no end.
        found = [] if start == 10 and len(seen) == 2 else EVERYONE[start : start + 10]
        follows = start + len(found) if found else start
        body = {"users": found, "next": str(follows) if follows < 25 else None}
        if not found:
            body["next"] = "10.0"
        return answered(body)

    async def rounded(request: web.Request) -> web.Response:
        if request.query.get("c") == "10.0":
            return answered({"users": EVERYONE[10:20], "next": "20"})
        return await handler(request)

    async with opened(paged(by="cursor", next="next"), rounded) as connector:
        assert await listed(connector) == ALL
    assert seen[0] is None


async def test_link_headers_and_addresses_in_the_body() -> None:
    async def handler(request: web.Request) -> web.Response:
        start = int(request.query.get("from", 0))
        follows = f"/users?from={start + 10}"
        if start + 10 >= 25:
            return answered({"users": EVERYONE[start:], "next": ""})
        link = f'<{request.url.origin()}/users?from=0>; rel="first", '
        link += f'<{request.url.origin()}{follows}>; rel="next"; title="x"'
        return answered({"users": EVERYONE[start : start + 10], "next": follows}, Link=link)

    for paging in ({"by": "link"}, {"by": "url", "next": "next"}):
        async with opened(paged(**paging), handler) as connector:
            assert await listed(connector) == ALL


async def test_what_says_whether_there_is_more_is_believed() -> None:
    async def handler(request: web.Request) -> web.Response:
        start = int(request.query["o"])
        return answered({"users": EVERYONE[start : start + 10], "more": start + 10 < 25})

    async with opened(paged(by="offset", more="more"), handler) as connector:
        assert await listed(connector) == ALL


async def test_somebody_is_deleted_while_it_is_read() -> None:
    left = list(EVERYONE)

    async def handler(request: web.Request) -> web.Response:
        start = int(request.query["o"])
        found, total = left[start : start + 10], len(left)
        if start == 0 and len(left) == 25:
            del left[0]
        return answered({"users": found, "total": total})

    async with opened(paged(by="offset", total="total"), handler) as connector:
        assert set(await listed(connector)) == set(ALL)


@pytest.mark.parametrize(
    ("paging", "told"),
    [
        ({"by": "number"}, "the same page came twice, after 10 items"),
        ({"by": "number", "past_end": "repeat"}, "the same page came twice"),
        ({"by": "cursor", "next": "next"}, "the same page came twice"),
    ],
)
async def test_a_listing_without_end_stops_the_application(
    paging: dict[str, Any], told: str
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return answered({"users": EVERYONE[:10], "next": "again"})

    async with opened(paged(**paging), handler) as connector:
        with pytest.raises(StopApplication, match=rf"requests\.list: .*{told}"):
            await listed(connector)


async def test_a_cursor_that_leads_back_stops_the_application() -> None:
    async def handler(request: web.Request) -> web.Response:
        follows = {"": "a", "a": "b", "b": "a"}[request.query.get("c", "")]
        return answered({"users": [user(request.query.get("c", "x"))], "next": follows})

    async with opened(paged(by="cursor", next="next"), handler) as connector:
        with pytest.raises(StopApplication, match="one that was read already"):
            await listed(connector)


async def test_a_total_without_anybody_is_no_end() -> None:
    async def handler(request: web.Request) -> web.Response:
        return answered({"users": [], "total": 25})

    async with opened(paged(by="number", total="total"), handler) as connector:
        with pytest.raises(StopApplication, match="there are 25 and shows none"):
            await listed(connector)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"data": []}, "without a list at users .*the answer has data"),
        ([], "the answer is a list itself"),
        ({"users": "none"}, "without a list at users"),
        ({"users": [{"login": "x"}]}, "an account without an id at id"),
        ({"users": [{"id": "1", "login": {"x": 1}}]}, "userName is not a value but an object"),
    ],
)
async def test_what_is_no_list_of_accounts_is_named(body: Any, told: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return answered(body)

    async with opened(spec(), handler) as connector:
        with pytest.raises(StopApplication, match=told):
            await listed(connector)


async def test_the_next_page_is_never_somewhere_else() -> None:
    """And what stands behind the question mark, which may be a token, is not told."""

    async def handler(request: web.Request) -> web.Response:
        there = "https://elsewhere.example/users?key=abc"
        return answered({"users": EVERYONE[:1], "next": there})

    async with opened(paged(by="url", next="next"), handler) as connector:
        with pytest.raises(StopApplication, match="not the same server") as told:
            await listed(connector)
    assert "key=abc" not in str(told.value)


async def test_an_error_on_the_first_page_is_one() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"message": "bad page"}, status=400)

    async with opened(paged(by="number", past_end="error"), handler) as connector:
        with pytest.raises(Rejected, match="bad page"):
            await listed(connector)
