"""Nexus Repository, by UserApiResource.java, ApiUser.java, AbstractUserManager.java and
ExceptionMapperSupport.java of its repository (February 2025)."""

from __future__ import annotations

from typing import Any

from aiohttp import encode_basic_auth, web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused

ROLES = ("nx-admin", "nx-anonymous", "developers")
_WANTED = ("userId", "firstName", "lastName", "emailAddress", "status", "roles")


class Nexus(Application):
    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, dict[str, Any]] = {}

    async def answer(self, request: web.Request) -> Answer:
        if request.headers.get("Authorization") != encode_basic_auth("tenure", TOKEN):
            return web.Response(status=401)
        parts = request.path.removeprefix("/service/rest/v1/security/").split("/")
        body = await request.json() if request.can_read_body else {}
        match request.method, parts:
            case "GET", ["users"]:
                assert request.query["source"] == "default"
                begins = request.query.get("userId", "").lower()
                found = [u for n, u in self.users.items() if n.lower().startswith(begins)]
                return web.json_response(found)
            case "POST", ["users"]:
                return self.create(body)
            case "PUT", ["users", name]:
                if body["userId"] != name:
                    raise Refused("bad", "The path's userId does not match the body")
                self.whole(body)
                assert body["source"] == "default"
                self.user(name).update(body)
                return web.Response(status=204)
            case "DELETE", ["users", name]:
                del self.users[self.user(name)["userId"]]
                return web.Response(status=204)
            case "GET", ["roles"]:
                return web.json_response([{"id": role, "name": role} for role in ROLES])
        raise Refused("gone", "Not found")

    def whole(self, body: dict[str, Any]) -> None:
        assert all(body.get(name) for name in _WANTED), body
        unknown = set(body["roles"]) - set(ROLES)
        if unknown:
            raise Refused("bad", f"Unable to locate roleId: {unknown}")

    def user(self, name: str) -> dict[str, Any]:
        if name not in self.users:
            raise Refused("gone", f"User '{name}' not found.")
        return self.users[name]

    def create(self, body: dict[str, Any]) -> Answer:
        self.whole(body)
        assert body["password"]
        name = body["userId"]
        if name in self.users:
            problem = f"DuplicateUserException: User {name} already exists."
            return web.Response(status=500, text=f"ERROR: (ID 1) org.sonatype.nexus.{problem}")
        kept = {key: body[key] for key in _WANTED}
        more = {"source": "default", "readOnly": False, "externalRoles": []}
        self.users[name] = {**kept, **more}
        return web.json_response(self.users[name])

    def refuse(self, error: Refused) -> Answer:
        status = {"gone": 404, "bad": 400}[error.why]
        return web.json_response(error.text, status=status)
