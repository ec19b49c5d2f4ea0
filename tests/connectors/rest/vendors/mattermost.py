"""Mattermost, by https://github.com/mattermost/mattermost/blob/master/api/v4/source/users.yaml and
.../teams.yaml, .../introduction.yaml (errors)."""

from __future__ import annotations

import uuid
from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused

_PATCHED = ("email", "username", "first_name", "last_name", "nickname", "position")


class Mattermost(Application):
    #: ServiceSettings.EnableAPIUserDeletion
    deletes = True

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, dict[str, Any]] = {}
        self.teams: dict[str, dict[str, Any]] = {}
        self.sessions_ended: list[str] = []
        self._new({"username": "robot", "email": "robot@localhost"})["is_bot"] = True

    async def answer(self, request: web.Request) -> Answer:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise Refused("session", "Invalid or expired session, please login again.")
        parts = request.path.removeprefix("/api/v4/").split("/")
        body = await request.json() if request.can_read_body else {}
        match request.method, parts:
            case "GET", ["system", "ping"]:
                return web.json_response({"status": "OK"})
            case "GET", ["users"]:
                return self.paged(list(self.users.values()), request.query)
            case "GET", ["users", "me"]:
                return web.json_response({"id": "me-myself", "username": "root"})
            case "GET", ["users", ("username" | "email") as field, value]:
                return web.json_response(self.by(field, value))
            case "GET", ["users", one]:
                return web.json_response(self.user(one))
            case "POST", ["users"]:
                self.free(body)
                if not body["auth_service"] and len(body["password"]) < 8:
                    raise Refused("bad", "Your password must contain at least 8 characters.")
                return web.json_response(self._new(body), status=201)
            case "PUT", ["users", one, "patch"]:
                self.free(body, self.user(one))
                self.user(one).update({k: body[k] for k in _PATCHED if k in body})
                return web.json_response(self.user(one))
            case "PUT", ["users", one, "active"]:
                self.user(one)["delete_at"] = 0 if body["active"] else 1764000000000
                return web.json_response({"status": "OK"})
            case "PUT", ["users", one, "roles"]:
                self.user(one)["roles"] = body["roles"]
                return web.json_response({"status": "OK"})
            case "POST", ["users", one, "sessions", "revoke", "all"]:
                self.sessions_ended.append(self.user(one)["id"])
                return web.json_response({"status": "OK"})
            case "DELETE", ["users", one]:
                user = self.user(one)
                if not self.deletes:
                    raise Refused("disabled", "Permanent user deletion feature is not enabled.")
                del self.users[user["id"]]
                return web.json_response({"status": "OK"})
            case method, ["teams", *rest]:
                return self.team(method, rest, body, request.query)
        raise Refused("gone", "Sorry, we could not find the page.")

    def _new(self, body: dict[str, Any]) -> dict[str, Any]:
        user = {name: body.get(name, "") for name in _PATCHED}
        user |= {"id": uuid.uuid4().hex[:26], "delete_at": 0, "roles": "system_user"}
        self.users[user["id"]] = user
        return user

    def paged(self, found: list[Any], query: Any) -> Answer:
        number, size = int(query["page"]), min(int(query["per_page"]), 200)
        return web.json_response(found[number * size : (number + 1) * size])

    def user(self, one: str) -> dict[str, Any]:
        if one not in self.users:
            raise Refused("gone", "Unable to find the user.")
        return self.users[one]

    def by(self, field: str, value: str) -> dict[str, Any]:
        for user in self.users.values():
            if user[field].lower() == value:
                return user
        raise Refused("gone", "Unable to find an existing account.")

    def free(self, body: dict[str, Any], own: Any = None) -> None:
        for field in ("username", "email"):
            for user in self.users.values():
                if user is not own and user[field].lower() == str(body.get(field, "")).lower():
                    raise Refused(field, f"An account with that {field} already exists.")

    def team(self, method: str, rest: list[str], body: Any, query: Any) -> Answer:
        if not rest and method == "GET":
            return self.paged(list(self.teams.values()), query)
        if not rest:
            team = {"id": uuid.uuid4().hex[:26], "display_name": body["display_name"]}
            self.teams[team["id"]] = {**team, "name": body["name"], "members": []}
            return web.json_response(self.teams[team["id"]], status=201)
        if rest[0] not in self.teams:
            raise Refused("gone", "Unable to find the existing team.")
        members = self.teams[rest[0]]["members"]
        match method, rest[1:]:
            case "GET", ["members"]:
                return self.paged([{"user_id": one} for one in members], query)
            case "POST", ["members"]:
                self.user(body["user_id"])
                if body["user_id"] not in members:
                    members.append(body["user_id"])
                return web.json_response(body, status=201)
            case "DELETE", ["members", one]:
                self.user(one)
                if one not in members:
                    raise Refused("member", "No team member found for that user ID.")
                members.remove(one)
                return web.json_response({"status": "OK"})
            case "DELETE", []:
                del self.teams[rest[0]]
                return web.json_response({"status": "OK"})
        raise Refused("gone", "Sorry, we could not find the page.")

    def refuse(self, error: Refused) -> Answer:
        known = {
            "gone": (404, "app.user.missing_account.const"),
            "session": (401, "api.context.session_expired.app_error"),
            "disabled": (501, "api.user.delete_user.not_enabled.app_error"),
            "member": (404, "app.team.get_member.missing.app_error"),
            "bad": (400, "model.user.is_valid.pwd_min_length.app_error"),
            "username": (400, "app.user.save.username_exists.app_error"),
            "email": (400, "app.user.save.email_exists.app_error"),
        }
        status, code = known[error.why]
        body = {"id": code, "message": error.text, "status_code": status}
        return web.json_response(body, status=status)
