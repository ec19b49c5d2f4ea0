"""Applications that page, filter and patch in their own ways lose no account and no change.

The servers here are real ones over HTTP, small and each wrong in one way that was seen in the wild.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from tenure.connectors.base import (
    Connector,
    ConnectorConfig,
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    StopApplication,
    Unsupported,
)
from tenure.connectors.registry import open_connector
from tests.connectors.servers import http_server

Asked = list[tuple[int, int]]
Give = Callable[[list[dict[str, Any]], int, int], web.Response]


def users(number: int) -> list[dict[str, Any]]:
    return [
        {"id": f"u{n}", "userName": f"user{n}", "active": True, "meta": {"version": str(n)}}
        for n in range(1, number + 1)
    ]


def listed(resources: list[dict[str, Any]], **other: Any) -> web.Response:
    return web.json_response({"Resources": resources, **other})


def as_asked(everyone: list[dict[str, Any]], start: int, count: int) -> web.Response:
    return listed(everyone[start - 1 : start - 1 + count], totalResults=len(everyone))


@asynccontextmanager
async def connected(handler: Any, **settings: Any) -> AsyncIterator[Connector]:
    async with http_server(handler) as address:
        config = ConnectorConfig(
            "odd",
            {"base_url": address, "page_size": 10, **settings},
            {"token": "abcdef"},
            frozenset({"userName", "emails.work", "title"}),
        )
        async with open_connector("scim", config) as connector:
            yield connector


async def listing(
    give: Give, number: int, between: Callable[[list[dict[str, Any]], int], None] | None = None
) -> tuple[set[str], Asked]:
    """Everybody who was listed, and the pages that were asked for. `between` changes the
    application after the page with that number."""
    everyone = users(number)
    asked: Asked = []

    async def handler(request: web.Request) -> web.Response:
        start, count = int(request.query["startIndex"]), int(request.query["count"])
        asked.append((start, count))
        response = give(everyone, start, count)
        if between:
            between(everyone, len(asked))
        return response

    async with connected(handler) as connector:
        found = {one.remote_id async for page in connector.accounts() for one in page}
    return found, asked


def everybody(number: int) -> set[str]:
    return {f"u{n}" for n in range(1, number + 1)}


async def test_a_listing_asks_for_no_more_pages_than_it_needs() -> None:
    found, asked = await listing(as_asked, 25)
    assert found == everybody(25)
    assert asked == [(1, 10), (11, 10), (21, 10)]


@pytest.mark.parametrize("number", [0, 1, 9, 10, 11, 20])
async def test_a_listing_of_any_length(number: int) -> None:
    found, _ = await listing(as_asked, number)
    assert found == everybody(number)


@pytest.mark.parametrize("total", [0, 1, 7, 10, 1000, None, "25"])
async def test_a_wrong_total(total: object) -> None:
    def give(everyone: list[dict[str, Any]], start: int, count: int) -> web.Response:
        return listed(everyone[start - 1 : start - 1 + count], totalResults=total, itemsPerPage=3)

    found, _ = await listing(give, 25)
    assert found == everybody(25)


async def test_a_total_that_is_the_length_of_the_page() -> None:
    def give(everyone: list[dict[str, Any]], start: int, count: int) -> web.Response:
        page = everyone[start - 1 : start - 1 + 4]
        return listed(page, totalResults=len(page))

    found, _ = await listing(give, 25)
    assert found == everybody(25)


async def test_fewer_than_asked_for() -> None:
    found, asked = await listing(lambda everyone, start, _: as_asked(everyone, start, 4), 25)
    assert found == everybody(25)
    assert [start for start, _ in asked] == [1, 5, 9, 13, 17, 21, 25]


async def test_everybody_at_every_request() -> None:
    found, asked = await listing(lambda everyone, *_: as_asked(everyone, 1, 1000), 25)
    assert found == everybody(25)
    assert len(asked) == 2


async def test_the_same_page_for_ever_is_an_error() -> None:
    with pytest.raises(StopApplication, match=r"startIndex=11 .* same page .* 10 of 25"):
        await listing(lambda everyone, *_: as_asked(everyone, 1, 10), 25)


@pytest.mark.parametrize("status", [400, 404])
async def test_a_start_beyond_the_end_that_is_refused(status: int) -> None:
    def give(everyone: list[dict[str, Any]], start: int, count: int) -> web.Response:
        return (
            web.Response(status=status)
            if start > len(everyone)
            else as_asked(everyone, start, count)
        )

    found, _ = await listing(give, 20)
    assert found == everybody(20)


@pytest.mark.parametrize(("status", "error"), [(400, Rejected), (404, StopApplication)])
@pytest.mark.parametrize("page", [1, 2])
async def test_a_page_that_is_refused_before_the_end_is_no_end(
    status: int, error: type[ConnectorError], page: int
) -> None:
    def give(everyone: list[dict[str, Any]], start: int, count: int) -> web.Response:
        return (
            web.Response(status=status)
            if start > (page - 1) * 10
            else as_asked(everyone, start, count)
        )

    with pytest.raises(error):
        await listing(give, 25)


@pytest.mark.parametrize("number", [25, 21, 20, 35])
@pytest.mark.parametrize("gone", [1, 3, 10])
@pytest.mark.parametrize("after", [1, 2])
async def test_whoever_is_deleted_meanwhile_hides_nobody(
    number: int, gone: int, after: int
) -> None:
    def between(everyone: list[dict[str, Any]], pages: int) -> None:
        if pages == after:
            del everyone[:gone]

    found, _ = await listing(as_asked, number, between)
    assert found == everybody(number)


async def test_a_deletion_at_every_page_hides_nobody() -> None:
    def between(everyone: list[dict[str, Any]], pages: int) -> None:
        if pages <= 12:
            del everyone[:2]

    found, _ = await listing(as_asked, 100, between)
    # Those who were deleted before they were reached need not be seen.
    assert everybody(100) - found <= everybody(24)
    assert {f"u{n}" for n in range(25, 101)} <= found


async def test_a_count_without_anybody_concludes_nothing() -> None:
    with pytest.raises(StopApplication, match="there are 25 and shows none"):
        await listing(lambda everyone, *_: listed([], totalResults=len(everyone)), 25)


@pytest.mark.parametrize(
    "body", ["[]", "{}", '"hello"', "", '{"Resources": {}}', '{"Resources": [{"userName": "a"}]}']
)
async def test_what_is_no_list_is_an_error(body: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=body, content_type="application/json")

    async with connected(handler) as connector:
        with pytest.raises(StopApplication):
            [page async for page in connector.accounts()]
        first, *_ = await connector.check()
        assert not first.ok


async def test_numbers_as_ids_become_text() -> None:
    async def handler(request: web.Request) -> web.Response:
        one = {"id": 7, "userName": "ann", "active": "True"}
        if request.path == "/Users":
            return listed([one] if request.query["startIndex"] == "1" else [], totalResults=1)
        return web.json_response(one)

    async with connected(handler) as connector:
        (found,) = [one.load() async for page in connector.accounts() for one in page]
        assert (found.remote_id, found.active) == ("7", True)
        assert await connector.read("7") == found


async def test_the_fingerprint_is_about_the_account_only() -> None:
    state: dict[str, Any] = {"id": "1", "userName": "ann", "meta": {"lastModified": "1"}}

    async def handler(request: web.Request) -> web.Response:
        return web.json_response(state)

    async with connected(handler) as connector:
        first = (await connector.read("1")).fingerprint
        state = {"meta": {"lastModified": "2"}, "userName": "ann", "id": "1"}
        assert (await connector.read("1")).fingerprint == first
        state["nickName"] = "A"  # Not mapped, and a change all the same.
        assert (await connector.read("1")).fingerprint != first


@pytest.mark.parametrize("refused", [True, False])
async def test_a_filter_that_is_refused_or_ignored(refused: bool) -> None:
    everyone = users(35)
    everyone[30]["emails"] = [{"type": "work", "value": "Ann@Example.com"}]
    everyone[31]["emails"] = [{"type": "home", "value": "ann@example.com"}]

    async def handler(request: web.Request) -> web.Response:
        if refused and "filter" in request.query:
            return web.json_response({"scimType": "invalidFilter"}, status=400)
        return as_asked(everyone, int(request.query["startIndex"]), int(request.query["count"]))

    async with connected(handler) as connector:
        found = await connector.find("emails.work", "ann@example.com")
    assert [account.remote_id for account in found] == ["u31"]


async def test_a_search_for_one_is_one_request() -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.query["filter"])
        return listed(users(1), totalResults=1)

    async with connected(handler) as connector:
        assert len(await connector.find("userName", "USER1")) == 1
    assert asked == ['userName eq "USER1"']


class Patched:
    """One account that takes only some forms of PATCH, and remembers what it was sent."""

    def __init__(self, takes: Callable[[dict[str, Any]], bool], code: str) -> None:
        self.takes, self.code = takes, code
        self.sent: list[list[dict[str, Any]]] = []
        self.resource: dict[str, Any] = {"id": "1", "userName": "ann", "emails": []}

    async def handle(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response(self.resource)
        operations = json.loads(await request.text())["Operations"]
        self.sent.append(operations)
        if all(map(self.takes, operations)):
            return web.Response(status=204)
        return web.json_response({"scimType": self.code, "detail": "not so"}, status=400)


@pytest.mark.parametrize("code", ["noTarget", "invalidPath", ""])
async def test_what_is_not_there_is_added(code: str) -> None:
    server = Patched(lambda operation: "[" not in operation["path"], code)
    async with connected(server.handle) as connector:
        await connector.update("1", {"emails.work": "a@example.com", "title": "T"})
    assert server.sent[-1] == [
        {
            "op": "add",
            "path": "emails",
            "value": [{"type": "work", "value": "a@example.com", "primary": True}],
        },
        {"op": "replace", "path": "title", "value": "T"},
    ]


async def test_where_nothing_else_is_taken_the_whole_list_is_written() -> None:
    server = Patched(lambda operation: "[" not in operation["path"], "invalidPath")
    server.resource["emails"] = [
        {"type": "work", "value": "old@example.com", "primary": True},
        {"type": "home", "value": "h@example.com"},
    ]
    async with connected(server.handle) as connector:
        await connector.update("1", {"emails.work": "a@example.com"})
    assert len(server.sent) == 3
    assert server.sent[-1] == [
        {
            "op": "replace",
            "path": "emails",
            "value": [
                {"type": "work", "value": "a@example.com", "primary": True},
                {"type": "home", "value": "h@example.com"},
            ],
        }
    ]


async def test_a_value_that_is_refused_is_not_tried_in_other_ways() -> None:
    server = Patched(lambda _: False, "invalidValue")
    async with connected(server.handle) as connector:
        with pytest.raises(Rejected):
            await connector.update("1", {"emails.work": "nonsense"})
        with pytest.raises(Rejected):
            await connector.disable("1")
    assert len(server.sent) == 2


async def test_clearing_what_is_not_there_sends_nothing_more() -> None:
    server = Patched(lambda operation: "[" not in operation["path"], "noTarget")
    async with connected(server.handle) as connector:
        await connector.update("1", {"emails.work": None})
    assert len(server.sent) == 1


async def test_a_put_always_says_whether_the_account_is_active() -> None:
    resources = [
        {"id": "1", "userName": "ann", "meta": {}, "groups": [{"value": "g"}], "nickName": "A"},
        {"id": "1", "userName": "ann", "active": "False"},
    ]
    put: list[dict[str, Any]] = []

    async def handler(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response(resources[len(put)])
        put.append(json.loads(await request.text()))
        return web.json_response(put[-1])

    async with connected(handler, dialect={"changes": {"by": "put"}}) as connector:
        await connector.update("1", {"title": "T"})
        await connector.update("1", {"title": "T"})
    assert put == [
        {"id": "1", "userName": "ann", "nickName": "A", "title": "T", "active": True},
        {"id": "1", "userName": "ann", "title": "T", "active": False},
    ]


async def test_members_who_are_not_there_need_not_be_removed() -> None:
    members = {"a", "b", "c"}

    async def handler(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response({"id": "g", "members": [{"value": one} for one in members]})
        operations = json.loads(await request.text())["Operations"]
        gone = {
            re.findall(r'"(.*)"', one["path"])[0] for one in operations if one["op"] == "remove"
        }
        if gone - members:
            return web.json_response({"scimType": "noTarget"}, status=400)
        members.difference_update(gone)
        members.update(
            entry["value"] for one in operations if one["op"] == "add" for entry in one["value"]
        )
        return web.Response(status=204)

    async with connected(handler) as connector:
        await connector.change_members("group", "g", add=["d"], remove=["a", "x", "b"])
    assert members == {"c", "d"}


@pytest.mark.parametrize("body", ["{}", "", "[]", "null", '{"id": ""}'])
async def test_created_without_an_id_is_not_known(body: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=201, text=body, content_type="application/json")

    async with connected(handler, create_groups=True) as connector:
        with pytest.raises(OutcomeUnknown):
            await connector.create({"userName": "ann"}, external_id="1", active=True)
        with pytest.raises(OutcomeUnknown):
            await connector.create_entitlement("group", "Staff")


async def test_read_without_an_account_is_read_again() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response([])

    async with connected(handler) as connector:
        with pytest.raises(RetryLater):
            await connector.read("1")


async def test_groups_inside_a_group_are_not_accounts() -> None:
    members = [{"value": "a"}, {"value": "b", "type": "User"}, {"value": "g2", "type": "Group"}]

    async def handler(request: web.Request) -> web.Response:
        first = request.query["startIndex"] == "1"
        group = {"id": "g", "displayName": "Staff", "members": members}
        return listed([group] if first else [], totalResults=1)

    async with connected(handler) as connector:
        assert [one.members async for one in connector.entitlements()] == [frozenset("ab")]


@pytest.mark.parametrize("by", ["put", "patch"])
async def test_an_account_that_was_not_asked_for_is_not_written_to(by: str) -> None:
    """A proxy that forgets the path, or a cache: what it shows would be PUT to somebody else, or
    prove that an open account is closed."""
    written: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        if request.method in {"PUT", "PATCH"}:
            written.append(await request.text())
            return web.Response(status=204)
        return web.json_response({"id": "u2", "userName": "user2", "active": False})

    async with connected(handler, dialect={"changes": {"by": by}}) as connector:
        with pytest.raises(StopApplication, match="answered with the account u2"):
            await connector.read("u1")
        if by == "put":
            with pytest.raises(StopApplication, match="nothing is written by it"):
                await connector.update("u1", {"title": "Clerk"})
    assert not written


@pytest.mark.parametrize(
    ("shown", "answer", "error"),
    [
        (None, "[]", RetryLater),
        (None, "{}", RetryLater),
        (None, '{"id": "other", "members": []}', RetryLater),
        ("never", '{"id": "g1", "displayName": "Sales"}', Unsupported),
    ],
)
async def test_a_group_of_which_nobody_is_shown_is_not_written_back(
    shown: str | None, answer: str, error: type[ConnectorError]
) -> None:
    """Whoever is in it would be out of it."""
    written: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        if request.method == "PUT":
            written.append(await request.text())
            return web.Response(status=204)
        return web.Response(text=answer, content_type="application/json")

    dialect = {"members": {"by": "put", "shown": shown}}
    async with connected(handler, dialect=dialect) as connector:
        with pytest.raises(error):
            await connector.change_members("group", "g1", add=["u1"])
    assert not written


@pytest.mark.parametrize("shown", ["users", "filter"])
async def test_who_is_in_a_group_is_written_back_though_it_is_shown_elsewhere(shown: str) -> None:
    """The group itself says nothing, whether somebody is in it or nobody."""
    written: list[list[str]] = []
    people: list[dict[str, Any]] = [
        {"id": "u1", "userName": "user1", "groups": [{"value": "g1"}]},
        {"id": "u2", "userName": "user2"},
    ]

    async def handler(request: web.Request) -> web.Response:
        if request.method == "PUT":
            written.append([one["value"] for one in (await request.json())["members"]])
            return web.Response(status=204)
        if request.path == "/Users":
            asked = request.query.get("filter", "")
            found = [u for u in people if not asked or ('"g1"' in asked and "groups" in u)]
            return listed(found, totalResults=len(found))
        return web.json_response({"id": request.path.rpartition("/")[2], "displayName": "Sales"})

    dialect = {"members": {"by": "put", "shown": shown}}
    async with connected(handler, dialect=dialect) as connector:
        await connector.change_members("group", "g1", add=["u2"])
        await connector.change_members("group", "g2", add=["u2"])
    assert written == [["u1", "u2"], ["u2"]]


async def test_who_is_not_shown_in_the_group_of_those_on_is_not_proven_to_be_out_of_it() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/Groups":
            return listed([{"id": "g1", "displayName": "On"}], totalResults=1)
        if request.path == "/Groups/g1":
            return web.json_response({"id": "g1", "displayName": "On"})
        return web.json_response({"id": "u1", "userName": "user1"})

    off = {"by": "group", "group": "On"}
    dialect = {"off": off, "members": {"shown": "never"}}
    async with connected(handler, dialect=dialect) as connector:
        assert (await connector.read("u1")).active is None


@pytest.mark.parametrize("shown", [None, "group"])
async def test_a_group_that_goes_while_all_are_read_stops_no_reading(shown: str | None) -> None:
    """What is known of it stays; the next reading does not list it."""

    async def handler(request: web.Request) -> web.Response:
        if request.path == "/Groups":
            there = [{"id": one, "displayName": one} for one in ("gone", "there")]
            return listed(there, totalResults=2)
        if request.path == "/Groups/there":
            return web.json_response({"id": "there", "members": [{"value": "u1"}]})
        if request.path == "/Users/u1":
            return web.json_response({"id": "u1", "userName": "user1"})
        return web.json_response({"detail": "no such thing"}, status=404)

    async with connected(handler, dialect={"members": {"shown": shown}}) as connector:
        found = {one.name: one.members async for one in connector.entitlements()}
    assert found == {"gone": None, "there": {"u1"}}
