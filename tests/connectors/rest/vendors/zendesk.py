"""Zendesk, by the pages Users, Groups, Group Memberships and Pagination of developer.zendesk.com,
and their older text in lib/zendesk_api/server/docs of github.com/zendesk/zendesk_api_client_rb."""

from __future__ import annotations

import base64
from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused

_BASIC = base64.b64encode(f"tenure@acme.example/token:{TOKEN}".encode()).decode()


class Zendesk(Application):
    def __init__(self) -> None:
        super().__init__()
        self.users: dict[int, dict[str, Any]] = {}
        self.add({"email": "customer@elsewhere.example", "name": "Customer"})
        self.groups: dict[int, dict[str, Any]] = {}
        self.memberships: dict[int, dict[str, Any]] = {}
        self.sessions_ended: list[int] = []
        self.made = 0

    def add(self, wanted: dict[str, Any]) -> dict[str, Any]:
        assert wanted.keys() <= {"email", "name", "role"}
        if any(one["email"] == wanted["email"] for one in self.users.values()):
            raise Refused("bad", f"Email: {wanted['email']} is already being used by another user")
        key = 35436 + len(self.users)
        user = {"id": key, "role": "end-user", "active": True, "suspended": False, **wanted}
        self.users[key] = user
        return user

    async def answer(self, request: web.Request) -> Answer:
        if request.headers.get("Authorization") != f"Basic {_BASIC}":
            return web.json_response({"error": "Couldn't authenticate you"}, status=401)
        method, query = request.method, request.query
        parts = request.path.removeprefix("/api/v2/").split("/")
        body = await request.json() if request.can_read_body else {}
        match method, parts:
            case "GET", ["users"]:
                roles = query.getall("role[]")
                shown = [one for one in self.users.values() if one["active"]]
                return self.page("users", [one for one in shown if one["role"] in roles], query)
            case "POST", ["users"]:
                return web.json_response({"user": self.add(body["user"])}, status=201)
            case "GET", ["users", "me"]:
                me = {"id": 1, "email": "tenure@acme.example", "name": "Tenure", "role": "admin"}
                return web.json_response({"user": me})
            case "DELETE", ["users", key, "sessions"]:
                self.sessions_ended.append(self.user(key)["id"])
                return web.Response(status=204)
            case "GET", ["users", key, "group_memberships"]:
                own = [o for o in self.memberships.values() if o["user_id"] == self.user(key)["id"]]
                return self.page("group_memberships", own, query)
            case "GET", ["users", key]:
                return web.json_response({"user": self.user(key)})
            case "PUT", ["users", key]:
                assert body["user"].keys() <= {"name", "suspended", "role"}
                self.user(key).update(body["user"])
                return web.json_response({"user": self.user(key)})
            case "DELETE", ["users", key]:
                self.user(key)["active"] = False
                return web.json_response({"user": self.user(key)})
            case _, ["groups", *rest]:
                return self.group(method, rest, body, query)
            case "POST", ["group_memberships"]:
                return self.join(body["group_membership"])
            case "DELETE", ["group_memberships", key]:
                del self.memberships[int(key)]
                return web.Response(status=204)
        raise Refused("gone", "Not found")

    def page(self, name: str, found: list[dict[str, Any]], query: Any) -> Answer:
        """A cursor comes with the last page too."""
        size, start = int(query["page[size]"]), int(query.get("page[after]") or 0)
        assert size <= 100
        end = start + size
        meta = {"has_more": end < len(found), "after_cursor": str(end), "before_cursor": str(start)}
        return web.json_response({name: found[start:end], "meta": meta})

    def user(self, key: str) -> dict[str, Any]:
        if int(key) not in self.users:
            raise Refused("gone", "Not found")
        return self.users[int(key)]

    def group(self, method: str, rest: list[str], body: dict[str, Any], query: Any) -> Answer:
        match method, rest:
            case "GET", []:
                assert query["exclude_deleted"] == "true"
                shown = [one for one in self.groups.values() if not one["deleted"]]
                return self.page("groups", shown, query)
            case "POST", []:
                made = {"id": 211 + len(self.groups), "deleted": False, **body["group"]}
                self.groups[made["id"]] = made
                return web.json_response({"group": made}, status=201)
            case "GET", [key, "memberships"]:
                held = [one for one in self.memberships.values() if one["group_id"] == int(key)]
                return self.page("group_memberships", held, query)
            case "DELETE", [key]:
                self.groups[int(key)]["deleted"] = True
                return web.Response(status=204)
        raise Refused("gone", "Not found")

    def join(self, wanted: dict[str, Any]) -> Answer:
        assert wanted["user_id"] in self.users
        assert wanted["group_id"] in self.groups
        if any(wanted.items() <= one.items() for one in self.memberships.values()):
            raise Refused("bad", "Duplicate membership")
        self.made += 1
        self.memberships[self.made] = {"id": self.made, **wanted}
        return web.json_response({"group_membership": self.memberships[self.made]}, status=201)

    def refuse(self, error: Refused) -> Answer:
        if error.why == "gone":
            return web.json_response(
                {"error": "RecordNotFound", "description": error.text}, status=404
            )
        told = {
            "error": "RecordInvalid",
            "description": "Record validation errors",
            "details": {"email": [{"description": error.text}]},
        }
        return web.json_response(told, status=422)
