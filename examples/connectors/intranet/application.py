"""A small application with an interface of its own, to learn to write a connector on.

    python examples/connectors/intranet/application.py            http://127.0.0.1:8765
    python examples/connectors/intranet/application.py --port 9000

It keeps everything in memory. How it is spoken to is in interface.md beside this file.
"""

from __future__ import annotations

import argparse
from typing import Any

from aiohttp import web

KEY = "intranet-trial-key"
_NAMES = "Ada Byron,Grace Hopper,Alan Turing,Edsger Dijkstra,Barbara Liskov,Donald Knuth"


class Intranet:
    """Staff by number, and teams."""

    def __init__(self) -> None:
        self.staff: dict[int, dict[str, Any]] = {}
        self.teams: dict[int, dict[str, Any]] = {
            1: {"title": "Everybody", "numbers": []},
            2: {"title": "Sales", "numbers": []},
        }
        for name in _NAMES.split(","):
            first, last = name.lower().split()
            login = f"{first}.{last}"
            self._new({"login": login, "name": name, "contact": {"mail": f"{login}@acme.example"}})

    def _new(self, given: dict[str, Any]) -> int:
        number = 1000 + len(self.staff) + 1
        self.staff[number] = {"no": number, "status": "A", **given}
        return number

    async def list(self, request: web.Request) -> web.Response:
        start, count = int(request.query.get("from", 0)), int(request.query.get("count", 50))
        everyone = list(self.staff.values())
        return web.json_response(
            {"staff": everyone[start : start + min(count, 50)], "of": len(everyone)}
        )

    async def one(self, request: web.Request) -> web.Response:
        return web.json_response(self._found(request))

    async def create(self, request: web.Request) -> web.Response:
        given = await request.json()
        if (trouble := self._trouble(given)) is not None:
            return web.json_response({"result": "error", "why": trouble})
        return web.json_response({"result": "ok", "no": self._new(given)})

    async def change(self, request: web.Request) -> web.Response:
        person, given = self._found(request), await request.json()
        if (trouble := self._trouble(given, person)) is not None:
            return web.json_response({"result": "error", "why": trouble})
        person.update({"login": given["login"], "name": given["name"], "contact": given["contact"]})
        return web.json_response({"result": "ok"})

    async def status(self, request: web.Request) -> web.Response:
        person = self._found(request)
        person["status"] = "C" if request.match_info["verb"] == "close" else "A"
        return web.json_response({"result": "ok"})

    async def list_teams(self, request: web.Request) -> web.Response:
        return web.json_response([{"id": key, **team} for key, team in self.teams.items()])

    async def members(self, request: web.Request) -> web.Response:
        team = self.teams.get(int(request.match_info["id"]))
        if team is None:
            raise web.HTTPNotFound
        numbers = [int(number) for number in (await request.json())["numbers"]]
        kept = [number for number in team["numbers"] if number not in numbers]
        team["numbers"] = kept + (numbers if request.match_info["verb"] == "add" else [])
        return web.json_response({"result": "ok"})

    def _found(self, request: web.Request) -> dict[str, Any]:
        person = self.staff.get(int(request.match_info["no"]))
        if person is None:
            raise web.HTTPNotFound
        return person

    def _trouble(self, given: dict[str, Any], person: dict[str, Any] | None = None) -> str | None:
        if not given.get("login") or not given.get("name"):
            return "login and name are needed"
        for other in self.staff.values():
            if other is not person and other["login"].lower() == given["login"].lower():
                return "login taken"
        return None


@web.middleware
async def keyed(request: web.Request, handler: Any) -> web.StreamResponse:
    if request.headers.get("X-Intranet-Key") != KEY:
        return web.json_response({"why": "wrong key"}, status=401)
    response: web.StreamResponse = await handler(request)
    return response


def application() -> web.Application:
    intranet = Intranet()
    app = web.Application(middlewares=[keyed])
    app.router.add_get("/api/staff", intranet.list)
    app.router.add_post("/api/staff", intranet.create)
    app.router.add_get(r"/api/staff/{no:\d+}", intranet.one)
    app.router.add_post(r"/api/staff/{no:\d+}/change", intranet.change)
    app.router.add_post(r"/api/staff/{no:\d+}/{verb:close|reopen}", intranet.status)
    app.router.add_get("/api/teams", intranet.list_teams)
    app.router.add_post(r"/api/teams/{id:\d+}/{verb:add|remove}", intranet.members)
    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="An application to write a connector for.")
    parser.add_argument("--port", type=int, default=8765)
    port = parser.parse_args().port
    print(f"http://127.0.0.1:{port}, key {KEY}. Stop it with Ctrl+C.", flush=True)
    web.run_app(application(), host="127.0.0.1", port=port, print=None)
