"""SendGrid, by spec/yaml/{tsg_teammates_v3,tsg_sso_v3}.yaml of github.com/twilio/sendgrid-oai.
How it refuses a name that is taken is not in them."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused

_SCOPES = {"observer": ["stats.read"], "developer": ["mail.send"]}


class Sendgrid(Application):
    def __init__(self) -> None:
        super().__init__()
        owner = {"username": "acme", "email": "it@acme.example", "user_type": "owner"}
        self.users: dict[str, dict[str, Any]] = {"acme": owner}

    async def answer(self, request: web.Request) -> Answer:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            told = {"errors": [{"message": "authorization required", "field": None}]}
            return web.json_response(told, status=401)
        parts = request.path.removeprefix("/v3/").split("/")
        body = await request.json() if request.can_read_body else {}
        match request.method, parts:
            case "GET", ["teammates"]:
                limit, offset = int(request.query["limit"]), int(request.query["offset"])
                assert limit <= 500
                found = list(self.users.values())[offset : offset + limit]
                shown = [{k: v for k, v in one.items() if k != "scopes"} for one in found]
                return web.json_response({"result": shown})
            case "GET", ["teammates", name]:
                return web.json_response(self.user(name))
            case "DELETE", ["teammates", name]:
                del self.users[self.user(name)["username"]]
                return web.Response(status=204)
            case "POST", ["sso", "teammates"]:
                assert {"email", "first_name", "last_name"} <= body.keys()
                if body["email"] in self.users:
                    raise Refused("bad", "username exists")
                self.users[body["email"]] = {
                    "username": body["email"], "email": body["email"], "user_type": "teammate",
                    "first_name": body["first_name"], "last_name": body["last_name"],
                    "is_admin": False, "scopes": _SCOPES[body["persona"]],
                }  # fmt: skip
                return web.json_response(self.users[body["email"]], status=201)
            case "PATCH", ["sso", "teammates", name]:
                return self.change(self.user(name), body)
        raise Refused("gone", "not found")

    def change(self, user: dict[str, Any], body: dict[str, Any]) -> Answer:
        assert {"first_name", "last_name"} <= body.keys()
        assert not (body.get("is_admin") and body.keys() & {"scopes", "persona"})
        user["first_name"], user["last_name"] = body["first_name"], body["last_name"]
        # What is not sent is taken away: nobody says that it is kept.
        user["is_admin"] = body.get("is_admin", False)
        user["scopes"] = body.get("scopes") or _SCOPES.get(body.get("persona", ""), [])
        return web.json_response(user)

    def user(self, name: str) -> dict[str, Any]:
        if name not in self.users:
            raise Refused("gone", "username not found")
        return self.users[name]

    def refuse(self, error: Refused) -> Answer:
        told = {"errors": [{"message": error.text, "field": "username"}]}
        return web.json_response(told, status={"gone": 404, "bad": 400}[error.why])
