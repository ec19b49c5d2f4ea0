"""Box, by openapi.json of github.com/box/box-openapi (June 2026). A membership has an id of its
own; how a second one and the deletion of an owner are refused is not in it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused

_FIELDS = ("id", "login", "name", "job_title", "phone", "status", "role")


class Box(Application):
    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, str] = {}
        #: Membership id -> group and user.
        self.memberships: dict[str, tuple[str, str]] = {}
        self.made = 10
        self.owners: set[str] = set()
        self.sessions_ended: list[str] = []

    async def answer(self, request: web.Request) -> Answer:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"type": "error", "code": "unauthorized"}, status=401)
        parts = request.path.removeprefix("/2.0/").split("/")
        body = await request.json() if request.can_read_body else {}
        query = request.query
        match request.method, parts:
            case "GET", ["users", "me"]:
                return web.json_response({"type": "user", "id": "1", "login": "service@box.com"})
            case "GET", ["users"]:
                return self.marked(query)
            case "POST", ["users"]:
                return self.create(body)
            case "POST", ["users", "terminate_sessions"]:
                assert body["user_logins"] == [self.user(body["user_ids"][0])["login"]]
                self.sessions_ended += body["user_ids"]
                return web.json_response({"message": "Request is successful"}, status=202)
            case "GET", ["users", key, "memberships"]:
                self.user(key)
                return self.paged(self.held(user=key), query)
            case "GET", ["users", key]:
                return web.json_response(self.shown(self.user(key), query))
            case "PUT", ["users", key]:
                assert body.keys() <= {"login", "name", "job_title", "phone", "status", "role"}
                self.free(body.get("login", ""), self.user(key))
                self.user(key).update(body)
                return web.json_response(self.shown(self.user(key), query))
            case "DELETE", ["users", key]:
                assert query["force"] == "false"
                if self.user(key)["id"] in self.owners:
                    raise Refused("owns", "The user still owns content")
                del self.users[key]
                return web.Response(status=204)
        return self.group(request.method, parts, body, query)

    def marked(self, query: Any) -> Answer:
        assert (query["user_type"], query["usemarker"]) == ("managed", "true")
        term = query.get("filter_term", "").lower()
        found = [
            one
            for one in self.users.values()
            if one["login"].lower().startswith(term) or one["name"].lower().startswith(term)
        ]
        at, limit = int(query.get("marker", "m0")[1:]), int(query["limit"])
        assert limit <= 1000
        shown = [self.shown(one, query) for one in found[at : at + limit]]
        after = f"m{at + limit}" if at + limit < len(found) else ""
        return web.json_response({"limit": limit, "entries": shown, "next_marker": after})

    def shown(self, user: dict[str, Any], query: Any) -> dict[str, Any]:
        """Without `fields` no role."""
        names = query["fields"].split(",") if "fields" in query else _FIELDS[:-1]
        return {"type": "user", **{name: user[name] for name in {"id", *names}}}

    def user(self, key: str) -> dict[str, Any]:
        if key not in self.users:
            raise Refused("gone", "Not Found")
        return self.users[key]

    def free(self, login: str, own: Any = None) -> None:
        for user in self.users.values():
            if user is not own and user["login"].lower() == login.lower():
                raise Refused("taken", "User with the specified login already exists")

    def new(self) -> str:
        self.made += 1
        return str(self.made)

    def create(self, body: dict[str, Any]) -> Answer:
        self.free(body["login"])
        assert body["name"]
        user = {"id": self.new(), "job_title": "", "phone": "", "role": "user", **body}
        self.users[user["id"]] = user
        return web.json_response(self.shown(user, {}), status=201)

    def held(self, *, group: str = "", user: str = "") -> list[dict[str, Any]]:
        return [
            {"type": "group_membership", "id": key, "user": {"id": one}, "group": {"id": of}}
            for key, (of, one) in self.memberships.items()
            if group in ("", of) and user in ("", one)
        ]

    def paged(self, found: list[Any], query: Any) -> Answer:
        at, limit = int(query.get("offset", 0)), int(query["limit"])
        assert limit <= 1000
        told = {"total_count": len(found), "limit": limit, "offset": at}
        return web.json_response({**told, "entries": found[at : at + limit]})

    def group(self, method: str, parts: list[str], body: dict[str, Any], query: Any) -> Answer:
        match method, parts:
            case "GET", ["groups"]:
                found = [{"id": key, "name": name} for key, name in self.groups.items()]
                return self.paged(found, query)
            case "POST", ["groups"]:
                key = self.new()
                self.groups[key] = body["name"]
                return web.json_response({"id": key, "name": body["name"]}, status=201)
            case "DELETE", ["groups", key]:
                del self.groups[key]
                return web.Response(status=204)
            case "GET", ["groups", key, "memberships"] if key in self.groups:
                return self.paged(self.held(group=key), query)
            case "POST", ["group_memberships"]:
                pair = body["group"]["id"], self.user(body["user"]["id"])["id"]
                if pair in self.memberships.values():
                    raise Refused("taken", "Conflict")
                self.memberships[self.new()] = pair
                return web.json_response({"id": str(self.made)}, status=201)
            case "DELETE", ["group_memberships", key]:
                del self.memberships[key]
                return web.Response(status=204)
        raise Refused("gone", "Not Found")

    def refuse(self, error: Refused) -> Answer:
        status = {"gone": 404, "taken": 409, "owns": 412}[error.why]
        told = {"type": "error", "status": status, "code": error.why, "message": error.text}
        return web.json_response(told, status=status)
