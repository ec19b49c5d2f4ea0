"""PagerDuty, by reference/REST/openapiv3.json of github.com/PagerDuty/api-schema (August 2026). How
an address that is taken is refused is not in it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused

_WRITABLE = {"name", "email", "role", "job_title", "time_zone", "color", "description"}


class Pagerduty(Application):
    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, dict[str, Any]] = {}
        self.teams: dict[str, dict[str, Any]] = {}
        self.made = 0
        #: Who has incidents.
        self.busy: set[str] = set()

    async def answer(self, request: web.Request) -> Answer:
        if request.headers.get("Authorization") != f"Token token={TOKEN}":
            return web.json_response({"error": {"message": "Unauthorized"}}, status=401)
        parts = request.path.strip("/").split("/")
        body = await request.json() if request.can_read_body else {}
        match request.method, parts:
            case "GET", ["users"]:
                return self.paged("users", list(self.users.values()), request.query)
            case "POST", ["users"]:
                if "@" not in request.headers.get("From", ""):
                    raise Refused("bad", "Requester User Not Found")
                self.whole(body["user"])
                user = {**self.new(), **body["user"], "invitation_sent": True}
                self.users[user["id"]] = user
                return web.json_response({"user": user}, status=201)
            case "GET", ["users", key]:
                return web.json_response({"user": self.user(key)})
            case "PUT", ["users", key]:
                self.whole(body["user"], self.user(key))
                self.user(key).update(body["user"])
                return web.json_response({"user": self.user(key)})
            case "DELETE", ["users", key]:
                if self.user(key)["id"] in self.busy:
                    raise Refused("bad", "User cannot be deleted as they have 1 incident.")
                del self.users[key]
                return web.Response(status=204)
            case method, ["teams", *rest]:
                return self.team(method, rest, body, request.query)
        raise Refused("gone", "Not Found")

    def new(self) -> dict[str, Any]:
        self.made += 1
        return {"id": f"P{self.made:06}"}

    def paged(self, key: str, found: list[Any], query: Any) -> Answer:
        limit, offset = int(query["limit"]), int(query["offset"])
        assert limit <= 100
        more = offset + limit < len(found)
        told = {"limit": limit, "offset": offset, "more": more, "total": None}
        return web.json_response({**told, key: found[offset : offset + limit]})

    def user(self, key: str) -> dict[str, Any]:
        if key not in self.users:
            raise Refused("gone", "Not Found")
        return self.users[key]

    def whole(self, body: dict[str, Any], own: Any = None) -> None:
        assert body["type"] == "user"
        assert body["name"]
        assert body.keys() <= _WRITABLE | {"type"}
        for user in self.users.values():
            if user is not own and user["email"].lower() == body["email"].lower():
                raise Refused("bad", "Email has already been taken")

    def team(self, method: str, rest: list[str], body: dict[str, Any], query: Any) -> Answer:
        match method, rest:
            case "GET", []:
                return self.paged("teams", list(self.teams.values()), query)
            case "POST", []:
                assert body["team"]["type"] == "team"
                team = {**self.new(), "name": body["team"]["name"], "members": {}}
                self.teams[team["id"]] = team
                return web.json_response({"team": team}, status=201)
            case "DELETE", [key]:
                del self.teams[key]
                return web.Response(status=204)
        if rest[0] not in self.teams:
            raise Refused("gone", "Not Found")
        members = self.teams[rest[0]]["members"]
        match method, rest[1:]:
            case "GET", ["members"]:
                found = [{"user": {"id": one}, "role": role} for one, role in members.items()]
                return self.paged("members", found, query)
            case "PUT", ["users", key]:
                assert body["role"] in {"observer", "responder", "manager"}
                members[self.user(key)["id"]] = body["role"]
                return web.Response(status=204)
            case "DELETE", ["users", key] if key in members:
                del members[key]
                return web.Response(status=204)
        raise Refused("gone", "Not Found")

    def refuse(self, error: Refused) -> Answer:
        status = {"gone": 404, "bad": 400}[error.why]
        told = {"message": "Invalid Input Provided", "code": 2001, "errors": [error.text]}
        return web.json_response({"error": told}, status=status)
