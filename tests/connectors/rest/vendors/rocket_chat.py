"""Rocket.Chat, by developer.rocket.chat/apidocs and apps/meteor/app/api/server/v1/{users,roles}.ts
of its repository."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused

ROLES = ("admin", "user", "auditor")


class RocketChat(Application):
    def __init__(self) -> None:
        super().__init__()
        bot = {"_id": "rocket.cat", "username": "rocket.cat", "name": "Rocket.Cat", "type": "bot"}
        self.users: dict[str, dict[str, Any]] = {"rocket.cat": {**bot, "active": True, "roles": []}}
        #: Who is the only owner of a room.
        self.owners: set[str] = set()
        self.second_factor = False

    async def answer(self, request: web.Request) -> Answer:
        keys = request.headers.get("X-User-Id"), request.headers.get("X-Auth-Token")
        if keys != (TOKEN, TOKEN):
            told = {"status": "error", "message": "You must be logged in to do this."}
            return web.json_response(told, status=401)
        verb = request.path.removeprefix("/api/v1/")
        body = await request.json() if request.can_read_body else {}
        query = request.query
        match request.method, verb:
            case "GET", "me":
                return self.done({"_id": "admin1", "username": "tenure"})
            case "GET", "users.list":
                at, count = int(query["offset"]), int(query["count"])
                found = sorted(self.users.values(), key=lambda one: str(one["username"]))
                page = found[at : at + min(count, 100)]
                counts = {"count": len(page), "offset": at, "total": len(found)}
                return self.done({"users": page, **counts})
            case "GET", "users.info":
                return self.done({"user": self.user(query)})
            case "GET", "roles.list":
                return self.done({"roles": [{"_id": one, "name": one} for one in ROLES]})
            case "POST", "users.create":
                return self.create(body)
            case "POST", "users.update":
                return self.update(body)
            case "POST", "users.setActiveStatus":
                user = self.user(body, "error-invalid-user")
                self.kept(user, body["activeStatus"] or body.get("confirmRelinquish"))
                user["active"] = body["activeStatus"]
                return self.done({"user": {"_id": user["_id"], "active": user["active"]}})
            case "POST", "users.delete":
                user = self.user(body, "error-invalid-user")
                self.kept(user, body["confirmRelinquish"])
                del self.users[user["_id"]]
                return self.done({})
        raise Refused("none", f"{verb} not found")

    def done(self, told: dict[str, Any]) -> Answer:
        return web.json_response({"success": True, **told})

    def user(self, named: Any, said: str = "User not found.") -> dict[str, Any]:
        for user in self.users.values():
            if named.get("userId") == user["_id"]:
                return user
            if str(named.get("username")).lower() == user["username"].lower():
                return user
        raise Refused("gone", said)

    def free(self, body: dict[str, Any], own: Any = None) -> None:
        for user in self.users.values():
            address = (user.get("emails") or [{}])[0].get("address")
            for name, held in (("username", user["username"]), ("email", address)):
                if user is not own and body.get(name) and str(held).lower() == body[name].lower():
                    raise Refused("taken", f"{body[name]} is already in use :(")

    def kept(self, user: dict[str, Any], may: Any) -> None:
        if user["_id"] in self.owners and not may:
            raise Refused("owner", "user-last-owner")

    def create(self, body: dict[str, Any]) -> Answer:
        for name in ("username", "name", "email", "password"):
            assert body[name]
        self.free(body)
        user = {
            "_id": secrets.token_hex(8),
            "username": body["username"],
            "name": body["name"],
            "emails": [{"address": body["email"], "verified": body["verified"]}],
            "active": body["active"],
            "roles": ["user"],
            "type": "user",
        }
        self.users[user["_id"]] = user
        return self.done({"user": user})

    def update(self, body: dict[str, Any]) -> Answer:
        if self.second_factor:
            raise Refused("second", "TOTP Required [totp-required]")
        user = self.user(body, "error-invalid-user")
        data = body["data"]
        self.free(data, user)
        assert data.keys() <= {"username", "name", "email", "roles"}
        if "email" in data:
            user["emails"] = [{"address": data["email"], "verified": False}]
        user |= {name: data[name] for name in ("username", "name", "roles") if name in data}
        return self.done({"user": user})

    def refuse(self, error: Refused) -> Answer:
        kinds = {"taken": "error-field-unavailable", "gone": "error-invalid-user"}
        kinds |= {"owner": "user-last-owner", "second": "totp-required"}
        told = {"success": False, "error": error.text, "errorType": kinds.get(error.why)}
        return web.json_response(told, status=404 if error.why == "none" else 400)
