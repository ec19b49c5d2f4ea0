"""A SCIM server that costs as little as one can: the yardstick's far end, in a process of its own.

Users only, in memory, on aiohttp and uvloop. `--rate` makes it answer at most so many creates a
second, like an application that does that much and no more.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import time

import orjson
import uvloop
from aiohttp import web

SCIM = "application/scim+json"


class Users:
    """The users, as the bytes that are sent."""

    def __init__(self, rate: float, *, lax: bool = False) -> None:
        self.by_id: dict[str, bytes] = {}
        self.names: set[str] = set()
        self._ids = itertools.count(1)
        self._rate = rate
        #: A name may be taken twice: whoever creates twice has two.
        self._lax = lax
        self._next = 0.0
        #: When accounts were changed: (seconds of the system's clock, id).
        self.changes: list[tuple[float, str]] = []
        #: Bulk requests that were begun.
        self.bulks = 0

    async def pace(self) -> None:
        if not self._rate:
            return
        now = asyncio.get_running_loop().time()
        self._next = max(self._next, now) + 1 / self._rate
        await asyncio.sleep(self._next - now)

    async def create(self, request: web.Request) -> web.Response:
        await self.pace()
        user = orjson.loads(await request.read())
        name = str(user["userName"]).casefold()
        if name in self.names and not self._lax:
            return web.Response(status=409, body=b'{"status":"409"}', content_type=SCIM)
        self.names.add(name)
        key = str(next(self._ids))
        body = orjson.dumps({**user, "id": key, "meta": {"resourceType": "User"}})
        self.by_id[key] = body
        return web.Response(status=201, body=body, content_type=SCIM)

    async def bulk(self, request: web.Request) -> web.Response:
        """Creates only (RFC 7644, 3.7), answered with where they are."""
        told = []
        self.bulks += 1
        for one in orjson.loads(await request.read())["Operations"]:
            await self.pace()
            user = one["data"]
            name = str(user["userName"]).casefold()
            answer = {"method": "POST", "bulkId": one["bulkId"], "status": "201"}
            if name in self.names and not self._lax:
                told.append(answer | {"status": "409", "response": {"status": "409"}})
                continue
            self.names.add(name)
            key = str(next(self._ids))
            self.by_id[key] = orjson.dumps({**user, "id": key, "meta": {"resourceType": "User"}})
            told.append(answer | {"location": f"/scim/Users/{key}"})
        return web.Response(body=orjson.dumps({"Operations": told}), content_type=SCIM)

    async def list(self, request: web.Request) -> web.Response:
        start = int(request.query.get("startIndex", "1"))
        count = min(int(request.query.get("count", "100")), 1000)
        rows = list(itertools.islice(self.by_id.values(), start - 1, start - 1 + count))
        body = b'{"totalResults":%d,"startIndex":%d,"itemsPerPage":%d,"Resources":[%s]}' % (
            len(self.by_id),
            start,
            len(rows),
            b",".join(rows),
        )
        return web.Response(body=body, content_type=SCIM)

    async def read(self, request: web.Request) -> web.Response:
        body = self.by_id.get(request.match_info["key"])
        if body is None:
            return web.Response(status=404, body=b'{"status":"404"}', content_type=SCIM)
        return web.Response(body=body, content_type=SCIM)

    async def patch(self, request: web.Request) -> web.Response:
        """`replace` with a value that is an object, or with the path of a top-level attribute."""
        key = request.match_info["key"]
        self.changes.append((time.time(), key))
        if key not in self.by_id:
            return web.Response(status=404, body=b'{"status":"404"}', content_type=SCIM)
        user = orjson.loads(self.by_id[key])
        for operation in orjson.loads(await request.read())["Operations"]:
            value = operation["value"]
            user |= {operation["path"]: value} if operation.get("path") else value
        self.by_id[key] = orjson.dumps(user)
        return web.Response(body=self.by_id[key], content_type=SCIM)

    async def changed(self, _: web.Request) -> web.Response:
        return web.Response(body=orjson.dumps(self.changes))

    async def counted(self, _: web.Request) -> web.Response:
        return web.Response(body=orjson.dumps(self.bulks))

    async def fill(self, request: web.Request) -> web.Response:
        """Put so many users in at once, to have something to list."""
        for number in range(int(request.query["count"])):
            key = str(next(self._ids))
            self.by_id[key] = orjson.dumps(user(number) | {"id": key})
            self.names.add(f"person{number}@acme.example")
        return web.Response()

    async def clear(self, _: web.Request) -> web.Response:
        self.by_id.clear()
        self.names.clear()
        self.changes.clear()
        return web.Response()


def user(number: int) -> dict[str, object]:
    """One user as a company has them."""
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "externalId": f"00000000-0000-4000-8000-{number:012d}",
        "userName": f"person{number}@acme.example",
        "name": {"givenName": f"Given{number}", "familyName": f"Family{number}"},
        "displayName": f"Given{number} Family{number}",
        "title": "Engineer",
        "emails": [{"value": f"person{number}@acme.example", "type": "work", "primary": True}],
        "active": True,
    }


def config(*, bulk: bool) -> bytes:
    """What it says of itself."""
    return orjson.dumps(
        {
            "patch": {"supported": True},
            "bulk": {"supported": bulk, "maxOperations": 1000, "maxPayloadSize": 1_000_000},
        }
    )


def main() -> None:
    """Listen on a free port, print it, serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--bulk", action="store_true", help="bulk requests, too")
    parser.add_argument("--lax", action="store_true", help="names need not be unique")
    arguments = parser.parse_args()
    # Whoever kills a client in the middle of a request means to.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    uvloop.install()
    users = Users(arguments.rate, lax=arguments.lax)
    app = web.Application()
    app.router.add_post("/scim/Users", users.create)
    app.router.add_get("/scim/Users", users.list)
    app.router.add_get("/scim/Users/{key}", users.read)
    app.router.add_patch("/scim/Users/{key}", users.patch)
    app.router.add_get("/changed", users.changed)
    said = config(bulk=arguments.bulk)

    async def provider(_: web.Request) -> web.Response:
        return web.Response(body=said, content_type=SCIM)

    app.router.add_post("/scim/Bulk", users.bulk)
    app.router.add_get("/scim/bulks", users.counted)
    app.router.add_get("/scim/ServiceProviderConfig", provider)
    app.router.add_post("/fill", users.fill)
    app.router.add_post("/clear", users.clear)

    async def announce(running: web.AppRunner) -> None:
        print(running.addresses[0][1], flush=True)

    async def serve() -> None:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        await announce(runner)
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
