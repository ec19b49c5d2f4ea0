"""Twenty applications behind latencies, in a process of their own: each keeps accounts by SCIM and
sessions, which a logout, a request of its own interface or a global revocation ends. What is asked
for is done when the latency is over, and then answered. `/seen` says when what was done.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

import jwt
import uvloop
from aiohttp import web

SCIM = "application/scim+json"
Handler = Callable[[web.Request], Awaitable[web.Response]]


class Applications:
    """All of them: accounts and sessions by application and the id of the person there."""

    def __init__(self, latencies: list[float]) -> None:
        self._latencies = latencies
        self._closed: set[tuple[int, str]] = set()
        #: [application, id, "account" or "sessions", seconds since 1970].
        self.seen: list[tuple[int, str, str, float]] = []

    def after_a_while(self, handler: Handler) -> Handler:
        """Done, and answered, when the application's latency is over."""

        async def slow(request: web.Request) -> web.Response:
            await asyncio.sleep(self._latencies[int(request.match_info["n"])])
            return await handler(request)

        return slow

    async def read(self, request: web.Request) -> web.Response:
        return self._shown(int(request.match_info["n"]), request.match_info["id"])

    async def patch(self, request: web.Request) -> web.Response:
        """There is one change that anybody asks for here: active is false."""
        number, who = int(request.match_info["n"]), request.match_info["id"]
        assert "false" in (await request.text()).lower()
        self._closed.add((number, who))
        self._note(number, who, "account")
        return self._shown(number, who)

    async def logged_out(self, request: web.Request) -> web.Response:
        """OpenID Connect Back-Channel Logout."""
        (token,) = parse_qs(await request.text())["logout_token"]
        claims = jwt.decode(token, options={"verify_signature": False})
        self._note(int(request.match_info["n"]), claims["sub"], "sessions")
        return web.Response()

    async def signed_out(self, request: web.Request) -> web.Response:
        """Of an interface of its own."""
        number, who = int(request.match_info["n"]), request.match_info["id"]
        self._note(number, who, "sessions")
        return web.Response(status=204)

    async def revoked(self, request: web.Request) -> web.Response:
        """Global Token Revocation."""
        subject = (await request.json())["sub_id"]
        self._note(int(request.match_info["n"]), subject["id"], "sessions")
        return web.Response(status=204)

    async def told(self, _: web.Request) -> web.Response:
        return web.json_response(self.seen)

    def _note(self, number: int, who: str, what: str) -> None:
        self.seen.append((number, who, what, time.time()))

    def _shown(self, number: int, who: str) -> web.Response:
        shown = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": who,
            "userName": f"{who}@acme.example",
            "active": (number, who) not in self._closed,
        }
        return web.json_response(shown, content_type=SCIM)


async def _provider(_: web.Request) -> web.Response:
    on, off = {"supported": True}, {"supported": False}
    said = {"patch": on, "filter": on, "bulk": off, "etag": off, "sort": off}
    return web.json_response(said, content_type=SCIM)


def main() -> None:
    """Listen on a free port, print it, serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("latencies", help="JSON: seconds of each application")
    arguments = parser.parse_args()
    uvloop.install()
    there = Applications(json.loads(arguments.latencies))
    app = web.Application()
    slow = there.after_a_while
    app.router.add_get("/{n}/scim/ServiceProviderConfig", slow(_provider))
    app.router.add_get("/{n}/scim/Users/{id}", slow(there.read))
    app.router.add_patch("/{n}/scim/Users/{id}", slow(there.patch))
    app.router.add_post("/{n}/scim/Users/{id}/sign-out", slow(there.signed_out))
    app.router.add_post("/{n}/logout", slow(there.logged_out))
    app.router.add_post("/{n}/revocation", slow(there.revoked))
    app.router.add_get("/seen", there.told)

    async def serve() -> None:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
