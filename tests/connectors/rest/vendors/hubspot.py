"""HubSpot, by PublicApiSpecs/Settings/User Provisioning/.../2026-03/userProvisioning.json of
github.com/HubSpot/HubSpot-public-api-spec-collection. A change replaces here: whether it does is
not said, and nothing may be lost where it does."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused

_CHANGED = ("firstName", "lastName", "roleId", "primaryTeamId", "secondaryTeamIds", "seatNames")


class Hubspot(Application):
    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, dict[str, Any]] = {}
        self.teams = {"7": "Sales", "8": "Support"}
        self.welcomed: list[str] = []

    async def answer(self, request: web.Request) -> Answer:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            told = {"category": "INVALID_AUTHENTICATION", "message": "Authentication credentials"}
            return web.json_response(told, status=401)
        assert request.path.startswith("/settings/users/2026-03")
        parts = request.path.removeprefix("/settings/users/2026-03").removeprefix("/")
        assert not request.path.endswith("/")
        body = await request.json() if request.can_read_body else {}
        match request.method, parts:
            case "GET", "":
                return self.paged(request.query)
            case "POST", "":
                return self.create(body)
            case "GET", "teams":
                found = [
                    {"id": key, "name": name, "userIds": [], "secondaryUserIds": []}
                    for key, name in self.teams.items()
                ]
                return web.json_response({"results": found})
            case "GET", key:
                by_address = request.query.get("idProperty") == "EMAIL"
                return web.json_response(self.user(key, by_address=by_address))
            case "PUT", key:
                user = self.user(key)
                assert body.keys() <= set(_CHANGED)
                kept = {name: user[name] for name in ("id", "email", "superAdmin", "roleIds")}
                self.users[key] = {**kept, **body}
                return web.json_response(self.users[key])
            case "DELETE", key:
                del self.users[self.user(key)["id"]]
                return web.Response(status=204)
        raise Refused("gone", "Not found")

    def paged(self, query: Any) -> Answer:
        at, size = int(query.get("after", 0)), int(query["limit"])
        found = list(self.users.values())
        told: dict[str, Any] = {"results": found[at : at + size]}
        if at + size < len(found):
            told["paging"] = {"next": {"after": str(at + size)}}
        return web.json_response(told)

    def user(self, key: str, *, by_address: bool = False) -> dict[str, Any]:
        for user in self.users.values():
            if (user["email"].lower() == key.lower()) if by_address else (user["id"] == key):
                return user
        raise Refused("gone", "User does not exist")

    def create(self, body: dict[str, Any]) -> Answer:
        if any(user["email"].lower() == body["email"].lower() for user in self.users.values()):
            raise Refused("taken", "User already exists")
        key = str(1000 + len(self.users))
        self.welcomed += [key] if body.pop("sendWelcomeEmail") else []
        self.users[key] = {"id": key, "superAdmin": False, "roleIds": [], **body}
        return web.json_response(self.users[key], status=201)

    def refuse(self, error: Refused) -> Answer:
        status = {"gone": 404, "taken": 409}[error.why]
        return web.json_response({"category": "X", "message": error.text}, status=status)
