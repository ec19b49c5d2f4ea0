"""Redash, by redash/handlers/{users,groups,base,authentication}.py and redash/models/users.py of
its repository (August 2026). Open and closed users are two lists, and a group may count somebody
twice."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused

DEFAULT = 2


class Redash(Application):
    def __init__(self) -> None:
        super().__init__()
        self.users: dict[int, dict[str, Any]] = {}
        self.groups: dict[int, str] = {1: "admin", DEFAULT: "default"}
        self.invited: list[str] = []

    async def answer(self, request: web.Request) -> Answer:
        if request.headers.get("Authorization") != f"Key {TOKEN}":
            raise Refused("gone", "Couldn't find resource. Please login and try again.")
        parts = request.path.removeprefix("/api/").split("/")
        body = await request.json() if request.can_read_body else {}
        match request.method, parts:
            case "GET", ["session"]:
                return web.json_response({"user": {"id": 1, "name": "Tenure"}})
            case "GET", ["users"]:
                return self.paged(request.query)
            case "POST", ["users"]:
                return self.create(body, "no_invite" not in request.query)
            case "POST" | "DELETE" as method, ["users", number, "disable"]:
                self.user(number)["is_disabled"] = method == "POST"
                return web.json_response(self.user(number))
            case "GET", ["users", number]:
                return web.json_response(self.user(number))
            case "POST", ["users", number]:
                self.free(body.get("email", ""), self.user(number))
                self.user(number).update(body)
                return web.json_response(self.user(number))
            case "DELETE", ["users", number]:
                if not self.user(number)["is_invitation_pending"]:
                    text = "You cannot delete activated users. Please disable the user instead."
                    raise Refused("no", text)
                return web.json_response(self.users.pop(int(number)))
            case method, ["groups", *rest]:
                return self.group(method, rest, body)
        raise Refused("gone", "Not found")

    def paged(self, query: Any) -> Answer:
        number, size = int(query.get("page", 1)), int(query.get("page_size", 25))
        disabled = query.get("disabled", "false") == "true"
        found = [one for one in self.users.values() if one["is_disabled"] is disabled]
        if term := query.get("q"):
            found = [one for one in found if term in one["email"] or term in one["name"]]
        if (number - 1) * size + 1 > len(found) > 0:
            raise Refused("bad", "Page is out of range.")
        assert size <= 250
        shown = [
            {**one, "groups": [{"id": g, "name": self.groups[g]} for g in set(one["groups"])]}
            for one in found[(number - 1) * size : number * size]
        ]
        told = {"count": len(found), "page": number, "page_size": size, "results": shown}
        return web.json_response(told)

    def user(self, number: str) -> dict[str, Any]:
        if int(number) not in self.users:
            raise Refused("gone", "Not found")
        return self.users[int(number)]

    def free(self, address: str, own: Any = None) -> None:
        for user in self.users.values():
            if user is not own and user["email"].lower() == address.lower():
                raise Refused("bad", "Email already taken.")

    def create(self, body: dict[str, Any], invited: bool) -> Answer:
        self.free(body["email"])
        number = len(self.users) + 2
        self.users[number] = {
            "id": number,
            "email": body["email"],
            "name": body["name"],
            "groups": [DEFAULT],
            "is_disabled": False,
            "is_invitation_pending": True,
        }
        self.invited += [body["email"]] if invited else []
        return web.json_response(self.users[number])

    def group(self, method: str, rest: list[str], body: dict[str, Any]) -> Answer:
        match method, rest:
            case "GET", []:
                return web.json_response([{"id": n, "name": g} for n, g in self.groups.items()])
            case "POST", []:
                number = len(self.groups) + 1
                self.groups[number] = body["name"]
                return web.json_response({"id": number, "name": body["name"]})
            case "DELETE", [number]:
                del self.groups[int(number)]
                return web.json_response(None)
            case "GET", [number, "members"]:
                found = [one for one in self.users.values() if int(number) in one["groups"]]
                return web.json_response(found)
            case "POST", [number, "members"]:
                user = self.user(str(body["user_id"]))
                user["groups"].append(int(number))
                return web.json_response(user)
            case "DELETE", [number, "members", user_id]:
                self.user(user_id)["groups"].remove(int(number))
                return web.json_response(None)
        raise Refused("gone", "Not found")

    def refuse(self, error: Refused) -> Answer:
        status = {"gone": 404, "no": 403, "bad": 400}[error.why]
        return web.json_response({"message": error.text}, status=status)
