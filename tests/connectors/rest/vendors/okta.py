"""Okta, by dist/current/management-minimal.yaml of github.com/okta/okta-management-openapi-spec.
How a name that is taken is refused is not in it."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused


class Okta(Application):
    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self.made = 0
        self.sessions_ended: list[str] = []
        #: Whether people activate their accounts as soon as they may.
        self.at_once = True

    async def answer(self, request: web.Request) -> Answer:
        if request.headers.get("Authorization") != f"SSWS {TOKEN}":
            told = {"errorCode": "E0000011", "errorSummary": "Invalid token provided"}
            return web.json_response(told, status=401)
        parts = request.path.removeprefix("/api/v1/").split("/")
        body = await request.json() if request.can_read_body else {}
        query = request.query
        match request.method, parts:
            case "GET", ["users", "me"]:
                return web.json_response({"id": "00u1", "profile": {"login": "tenure"}})
            case "GET", ["users"]:
                return self.linked(request, self.found(query.get("filter", "")))
            case "POST", ["users"]:
                self.free(body["profile"])
                user = {"id": self.new("00u"), "status": "STAGED", "profile": body["profile"]}
                if query["activate"] == "true":
                    self.turned(user, "activate")
                self.users[user["id"]] = user
                return web.json_response(user)
            case "GET", ["users", key]:
                return web.json_response(self.user(key))
            case "POST", ["users", key]:
                user = self.user(key)
                self.free(body["profile"], user)
                user["profile"] |= body["profile"]
                return web.json_response(user)
            case "POST", ["users", key, "lifecycle", verb]:
                return self.turned(self.user(key), verb)
            case "DELETE", ["users", key, "sessions"]:
                assert query["oauthTokens"] == "true"
                self.sessions_ended.append(self.user(key)["id"])
                return web.Response(status=204)
            case "DELETE", ["users", key]:
                user = self.user(key)
                if user["status"] == "DEPROVISIONED":
                    del self.users[key]
                user["status"] = "DEPROVISIONED"
                return web.Response(status=204)
            case method, ["groups", *rest]:
                return self.group(request, method, rest, body)
        raise Refused("gone", "Not found: Resource not found")

    def new(self, prefix: str) -> str:
        self.made += 1
        return f"{prefix}{self.made:017}"

    def found(self, wanted: str) -> list[dict[str, Any]]:
        """Without a filter nobody who is deactivated."""
        if not wanted:
            return [one for one in self.users.values() if one["status"] != "DEPROVISIONED"]
        match = re.fullmatch(r'profile\.email eq "((?:[^"\\]|\\.)*)"', wanted)
        assert match is not None, wanted
        value = match[1].replace('\\"', '"').replace("\\\\", "\\")
        return [one for one in self.users.values() if one["profile"].get("email") == value]

    def linked(self, request: web.Request, found: list[Any]) -> Answer:
        limit, at = int(request.query["limit"]), int(request.query.get("after", 0))
        assert limit <= 200
        headers = {}
        if at + limit < len(found):
            after = request.url.update_query(after=str(at + limit))
            headers["Link"] = f'<{request.url}>; rel="self", <{after}>; rel="next"'
        return web.json_response(found[at : at + limit], headers=headers)

    def user(self, key: str) -> dict[str, Any]:
        for user in self.users.values():
            if key == user["id"] or key.lower() == user["profile"]["login"].lower():
                return user
        raise Refused("gone", f"Not found: Resource not found: {key} (User)")

    def free(self, profile: dict[str, Any], own: Any = None) -> None:
        for user in self.users.values():
            same = user["profile"]["login"].lower() == str(profile.get("login")).lower()
            if user is not own and same:
                text = "login: An object with this field already exists in the current organization"
                raise Refused("bad", text)

    def turned(self, user: dict[str, Any], verb: str) -> Answer:
        """Suspended are only those who are active, and so on."""
        goes = {
            "suspend": ("ACTIVE", "SUSPENDED"),
            "unsuspend": ("SUSPENDED", "ACTIVE"),
            "activate": ("STAGED", "ACTIVE" if self.at_once else "PROVISIONED"),
        }
        before, after = goes[verb]
        if user["status"] != before:
            raise Refused("bad", f"Cannot {verb} a user that is not {before.lower()}")
        user["status"] = after
        return web.json_response({})

    def group(
        self, request: web.Request, method: str, rest: list[str], body: dict[str, Any]
    ) -> Answer:
        if (method, rest) == ("GET", []):
            assert request.query["filter"] == 'type eq "OKTA_GROUP"'
            return self.linked(request, list(self.groups.values()))
        if (method, rest) == ("POST", []):
            group = {"id": self.new("00g"), "type": "OKTA_GROUP", **body, "members": []}
            self.groups[group["id"]] = group
            return web.json_response(group)
        if rest[0] not in self.groups:
            raise Refused("gone", "Not found: Resource not found (UserGroup)")
        members = self.groups[rest[0]]["members"]
        match method, rest[1:]:
            case "DELETE", []:
                del self.groups[rest[0]]
            case "GET", ["users"]:
                found = [self.users[one] for one in members if one in self.users]
                return self.linked(request, found)
            case "PUT", ["users", key]:
                if self.user(key)["id"] not in members:
                    members.append(key)
            case "DELETE", ["users", key]:
                if self.user(key)["id"] in members:
                    members.remove(key)
        return web.Response(status=204)

    def refuse(self, error: Refused) -> Answer:
        status, code = {"gone": (404, "E0000007"), "bad": (400, "E0000001")}[error.why]
        told: dict[str, Any] = {"errorCode": code, "errorSummary": error.text, "errorCauses": []}
        if error.why == "bad":
            told |= {"errorSummary": "Api validation failed: login"}
            told["errorCauses"] = [{"errorSummary": error.text}]
        return web.json_response(told, status=status)
