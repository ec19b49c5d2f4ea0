"""Harbor, by src/server/v2.0/handler/user.go, src/pkg/user/{manager,dao/dao}.go and
api/v2.0/swagger.yaml of its repository (August 2026)."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import encode_basic_auth, web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused

_CODES = {"gone": (404, "NOT_FOUND"), "taken": (409, "CONFLICT"), "no": (403, "FORBIDDEN")}


class Harbor(Application):
    def __init__(self) -> None:
        super().__init__()
        self.mode = "db_auth"
        self.users: dict[int, dict[str, Any]] = {}
        self.made = 2

    async def answer(self, request: web.Request) -> Answer:
        if request.headers.get("Authorization") != encode_basic_auth("tenure", TOKEN):
            told = {"errors": [{"code": "UNAUTHORIZED", "message": "unauthorized"}]}
            return web.json_response(told, status=401)
        parts = request.path.removeprefix("/api/v2.0/").split("/")
        body = await request.json() if request.can_read_body else {}
        match request.method, parts:
            case "GET", ["systeminfo"]:
                return web.json_response({"harbor_version": "v2.14.0"})
            case "GET", ["users", "current"]:
                return web.json_response({"user_id": 2, "username": "tenure"})
            case "GET", ["users"]:
                return self.listed(request.query)
            case "POST", ["users"]:
                return self.create(body)
            case "GET", ["users", number]:
                return web.json_response(self.user(number))
            case "PUT", ["users", number]:
                user = self.user(number)
                assert body.keys() == {"email", "realname", "comment"}
                assert body["realname"]
                user |= body
                return web.Response()
            case "PUT", ["users", number, "sysadmin"]:
                self.user(number)["sysadmin_flag"] = body["sysadmin_flag"]
                return web.Response()
            case "DELETE", ["users", number]:
                del self.users[self.user(number)["user_id"]]
                return web.Response()
        raise Refused("gone", "path was not found")

    def listed(self, query: Any) -> Answer:
        found = list(self.users.values())
        for name in ("username", "email"):
            if name in query:
                found = [one for one in found if query[name].lower() in one[name].lower()]
        number, size = int(query["page"]), int(query["page_size"])
        assert size <= 100
        shown = found[(number - 1) * size : number * size]
        return web.json_response(shown, headers={"X-Total-Count": str(len(found))})

    def user(self, number: str) -> dict[str, Any]:
        if int(number) not in self.users:
            raise Refused("gone", f"user {number} not found")
        return self.users[int(number)]

    def create(self, body: dict[str, Any]) -> Answer:
        if self.mode != "db_auth":
            text = f"creating local user is not allowed under auth mode: {self.mode}"
            raise Refused("no", text)
        assert re.fullmatch(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9]).{8,128}", body["password"])
        assert body["realname"]
        for user in self.users.values():
            if body["username"] == user["username"] or body["email"] == user["email"]:
                text = f"user {body['username']} or email {body['email']} already exists"
                raise Refused("taken", text)
        self.made += 1
        kept = {name: body[name] for name in ("username", "email", "realname")}
        self.users[self.made] = {"user_id": self.made, **kept, "sysadmin_flag": False}
        return web.Response(status=201, headers={"Location": f"/api/v2.0/users/{self.made}"})

    def refuse(self, error: Refused) -> Answer:
        status, code = _CODES[error.why]
        told = {"errors": [{"code": code, "message": error.text}]}
        return web.json_response(told, status=status)
