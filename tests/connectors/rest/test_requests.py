"""What is sent: bodies of every kind, lists in a query, other servers, steps and conditions."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from tenure.connectors.base import Unsupported
from tests.connectors.rest.scripted import opened, spec, user
from tests.connectors.servers import http_server


class Seen:
    """Keeps what was asked; answers with one account."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.bodies: list[Any] = []
        self.types: list[str] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.lines.append(f"{request.method} {request.path_qs}")
        self.types.append(request.content_type)
        if request.content_type == "application/json":
            self.bodies.append(await request.json())
        elif request.content_type == "multipart/form-data":
            self.bodies.append([(k, v) for k, v in (await request.post()).items()])
        else:
            self.bodies.append(await request.text())
        return web.json_response(user(1))


async def updated(update: Any, **more: Any) -> Seen:
    seen = Seen()
    written = spec(requests={"update": update}, **more)
    async with opened(written, seen.handle) as connector:
        await connector.update("1", {"userName": "ä b"})
    return seen


@pytest.mark.parametrize(
    ("kind", "content_type", "body"),
    [
        ("body", "application/json", {"name": "ä b", "tags": ["x", "y"], "n": 1}),
        ("form", "application/x-www-form-urlencoded", "name=%C3%A4+b&tags=x&tags=y&n=1"),
        (
            "multipart",
            "multipart/form-data",
            [("name", "ä b"), ("tags", "x"), ("tags", "y"), ("n", "1")],
        ),
    ],
)
async def test_bodies(kind: str, content_type: str, body: Any) -> None:
    sent = {"name": "=account.userName", "tags": ["x", "y"], "n": 1, "none": "=account.title"}
    if kind == "body":
        del sent["none"]
    account = {"attributes": {"userName": "login", "title": "job"}}
    seen = await updated({"request": "PUT /users/{id}", kind: sent}, account=account)
    assert (seen.types, seen.bodies) == ([content_type], [body])


async def test_queries_and_headers() -> None:
    seen = await updated(
        {
            "request": "DELETE /users/{id}?fixed=1",
            "query": {"who": "{account.userName}!", "ids": ["=id", "2"], "none": "=account.gone"},
        },
        account={"attributes": {"userName": "login", "gone": "gone"}},
    )
    assert seen.lines == ["DELETE /users/1?fixed=1&who=%C3%A4%20b%21&ids=1&ids=2"]


async def test_steps_see_earlier_answers_and_are_left_out() -> None:
    seen = await updated(
        [
            {"request": "GET /users/{id}", "save": "before"},
            {
                "request": "POST /names/{steps.before.body.login}",
                "when": '"userName" in changed',
                "body": {"status": "=steps.before.status"},
            },
            {"request": "POST /titles", "when": '"title" in changed', "body": {}},
            {"request": "POST /each/{one}", "each": '=["a", "b"]', "body": {"n": "=one"}},
        ]
    )
    assert seen.lines == ["GET /users/1", "POST /names/u1", "POST /each/a", "POST /each/b"]
    assert seen.bodies[1:] == [{"status": 200}, {"n": "a"}, {"n": "b"}]


async def test_the_account_is_read_when_it_is_used_and_once() -> None:
    seen = await updated(
        {
            "request": "PUT /people/{current.login}",
            "body": {"...": "=whole", "before": "=current.login"},
        },
        account={"attributes": {"userName": "login"}, "read_only": ["id"]},
    )
    assert seen.lines == ["GET /users/1", "PUT /people/u1"]
    assert seen.bodies[1] == {"login": "ä b", "on": True, "before": "u1"}


async def test_another_server_that_the_specification_names() -> None:
    seen, other = Seen(), Seen()
    async with http_server(other.handle) as address:
        written = spec(
            settings={"url": {"title": "Address"}, "licences": {"title": "Licences"}},
            requests={"disable": {"request": "DELETE {settings.licences}/seats/{id}"}},
        )
        written["requests"]["disable"]["request"] = "DELETE http://{settings.licences}/seats/{id}"
        host = address.removeprefix("http://")
        async with opened(written, seen.handle, licences=host) as connector:
            await connector.disable("1")
    assert (seen.lines, other.lines) == ([], ["DELETE /seats/1"])


async def test_licences_are_counted_and_changed_like_groups() -> None:
    held: set[str] = set()

    async def handler(request: web.Request) -> web.Response:
        if request.path == "/seats":
            return web.json_response([{"sku": "pro", "title": "Pro", "who": sorted(held)}])
        if request.path.startswith("/seats/"):
            who = request.path.rpartition("/")[2]
            held.add(who) if request.method == "PUT" else held.discard(who)
            return web.Response(status=204)
        return web.json_response(user(1))

    licence = {
        "list": {"request": "GET /seats"},
        "id": "sku",
        "name": "title",
        "members_at": "who",
        "add": {"request": "PUT /seats/{entitlement.id}/{member}"},
        "remove": {"request": "DELETE /seats/{entitlement.id}/{member}"},
    }
    written = spec(entitlements={"licence": licence}, cannot={"licence": "Ask for more seats."})
    async with opened(written, handler) as connector:
        await connector.change_members("licence", "pro", add=["1", "2"])
        await connector.change_members("licence", "pro", add=["3"], remove=["1"])
        (found,) = [one async for one in connector.entitlements()]
        assert (found.kind, found.name, found.members) == ("licence", "Pro", frozenset({"2", "3"}))
        with pytest.raises(Unsupported) as told:
            await connector.create_entitlement("licence", "max")
        assert told.value.instructions == "Ask for more seats."
        assert not hasattr(connector, "delete_entitlement")
