"""Somebody is signed out in an application that speaks SCIM, by a request of its own interface: on
the same server, and on another one of the same vendor that answers 200 whatever happened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from tenure.connectors.base import (
    ConnectorConfig,
    EndsSessions,
    NotFound,
    Rejected,
    RetryLater,
    Unsupported,
)
from tenure.connectors.registry import ends_sessions, open_connector
from tenure.connectors.scim.dialect import Dialect

SLACK = {"body": {"user_id": "{id}", "mobile_only": False}, "success": "ok",
         "gone": ["user_not_found"]}  # fmt: skip


class Vendor:
    """Who was asked to be signed out, with which token, and what is answered next."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any, str]] = []
        self.answer: dict[str, Any] = {"ok": True}
        self.status = 200

    async def handle(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            if request.path.endswith("/gone"):
                return web.json_response({"detail": "nobody"}, status=404)
            return web.json_response({"id": "7", "userName": "ada@x y"})
        told = request.headers.get("Authorization", "")
        self.asked.append((request.method, request.raw_path, await request.json(), told))
        return web.json_response(self.answer, status=self.status)


@pytest.fixture
async def vendor() -> AsyncIterator[tuple[Vendor, str]]:
    made = Vendor()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", made.handle)
    async with TestServer(app) as server:
        yield made, str(server.make_url("")).rstrip("/")


def config(address: str, sessions: dict[str, Any] | None) -> ConnectorConfig:
    settings = {
        "base_url": f"{address}/scim/v2",
        "allow_http": True,
        "dialect": {"sessions": sessions} if sessions else {},
    }
    return ConnectorConfig(application="chat", settings=settings, secrets={"token": "secret"})


async def sign_out(address: str, sessions: dict[str, Any] | None, who: str = "7") -> None:
    async with open_connector("scim", config(address, sessions)) as connector:
        assert isinstance(connector, EndsSessions)
        assert connector.capabilities.ends_sessions is (sessions is not None)
        await connector.end_sessions(who)


async def test_another_server_of_the_vendor(vendor: tuple[Vendor, str]) -> None:
    slack, address = vendor
    how = {"request": f"POST {address}/api/admin.users.session.reset", **SLACK}
    await sign_out(address, how)
    body = {"user_id": "7", "mobile_only": False}
    assert slack.asked == [("POST", "/api/admin.users.session.reset", body, "Bearer secret")]
    slack.answer = {"ok": False, "error": "user_not_found"}
    with pytest.raises(NotFound):
        await sign_out(address, how)
    slack.answer = {"ok": False, "error": "missing_scope"}
    with pytest.raises(Rejected, match="without ok: missing_scope"):
        await sign_out(address, how)
    slack.status = 503
    with pytest.raises(RetryLater):
        await sign_out(address, how)


async def test_the_same_server_by_the_user_name(vendor: tuple[Vendor, str]) -> None:
    own, address = vendor
    how = {"request": "DELETE /Users/{id}/sessions?of={userName}", "body": {}}
    await sign_out(address, how)
    assert own.asked[0][:2] == ("DELETE", "/scim/v2/Users/7/sessions?of=ada%40x%20y")
    with pytest.raises(NotFound):
        await sign_out(address, how, "gone")
    with pytest.raises(Unsupported):
        await sign_out(address, None)


def test_what_can_is_known_without_opening_anything() -> None:
    chosen = config("http://127.0.0.1", {"request": "POST /x", "body": None}).settings
    assert ends_sessions("scim", chosen)
    assert not ends_sessions("scim", {"base_url": "http://127.0.0.1"})
    assert not ends_sessions("scim", {"nonsense": 1})
    assert ends_sessions("google", {}) is True
    assert ends_sessions("microsoft", {"revoke_sessions": False}) is False
    assert not ends_sessions("manual", {})
    with pytest.raises(ValidationError, match="pattern"):
        Dialect.model_validate({"sessions": {"request": "GET /x"}})
