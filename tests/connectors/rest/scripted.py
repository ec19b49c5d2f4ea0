"""A specification and an application that says what a test tells it to."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tenure.connectors.base import ConnectorConfig, TokenSource
from tenure.connectors.registry import open_connector
from tenure.connectors.rest import RestConnector
from tests.connectors.servers import http_server

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SPEC: dict[str, Any] = {
    "name": "Odd",
    "settings": {"url": {"title": "Address"}},
    "base_url": "{settings.url}",
    "account": {"attributes": {"userName": "login"}, "active": {"path": "on"}},
    "requests": {
        "list": {"request": "GET /users", "items": "users"},
        "get": {"request": "GET /users/{id}"},
        "create": {"request": "POST /users", "body": "=attributes"},
        "update": {"request": "PATCH /users/{id}", "body": "=attributes"},
        "disable": {"request": "POST /users/{id}/off"},
    },
}


def spec(**changes: Any) -> dict[str, Any]:
    """`SPEC` with other parts; `requests` and `account` are merged."""
    made = copy.deepcopy(SPEC)
    for name, value in changes.items():
        merges = name in {"requests", "account"}
        made[name] = {**made[name], **value} if merges else value
    return made


@asynccontextmanager
async def opened(
    written: dict[str, Any],
    handler: Handler,
    *,
    secrets: dict[str, str] | None = None,
    tokens: TokenSource | None = None,
    **settings: Any,
) -> AsyncIterator[RestConnector]:
    async with http_server(handler) as address:
        config = ConnectorConfig(
            "odd",
            {"spec": written, "url": address, **settings},
            secrets or {},
            frozenset({"userName"}),
            tokens=tokens,
        )
        connector = open_connector("rest", config)
        assert isinstance(connector, RestConnector)
        async with connector:
            yield connector


async def listed(connector: RestConnector) -> list[str]:
    return [one.remote_id async for page in connector.accounts() for one in page]


def user(number: int | str) -> dict[str, Any]:
    return {"id": str(number), "login": f"u{number}", "on": True}
