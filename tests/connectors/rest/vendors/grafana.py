"""Grafana, by docs/sources/developers/http_api/{user,admin,team}.md of its repository, and by
pkg/api/admin_users.go for what it refuses."""

from __future__ import annotations

from typing import Any

from aiohttp import encode_basic_auth, web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused


class Grafana(Application):
    def __init__(self) -> None:
        super().__init__()
        self.users: dict[int, dict[str, Any]] = {}
        self.teams: dict[int, dict[str, Any]] = {}
        self.logged_out: list[str] = []
        #: Whoever came by single sign-on.
        self.external: set[int] = set()

    async def answer(self, request: web.Request) -> Answer:
        if request.headers.get("Authorization") != encode_basic_auth("tenure", TOKEN):
            return web.json_response({"message": "Invalid username or password"}, status=401)
        parts = request.path.removeprefix("/api/").split("/")
        body = await request.json() if request.can_read_body else {}
        query = request.query
        match request.method, parts:
            case "GET", ["health"]:
                return web.json_response({"database": "ok", "version": "12.0.0"})
            case "GET", ["user"]:
                return web.json_response({"id": 1, "login": "tenure"})
            case "GET", ["users", "search"]:
                return self.paged("users", list(self.users.values()), query)
            case "GET", ["users", "lookup"]:
                return web.json_response(self.lookup(query["loginOrEmail"]))
            case "GET", ["users", number]:
                return web.json_response(self.user(number))
            case "PUT", ["users", number]:
                user = self.user(number)
                self.free(body, user, 409)
                # An empty name is left as it is, an empty login is the address.
                user |= {"email": body["email"], "login": body["login"] or body["email"]}
                user["name"] = body["name"] or user["name"]
                return web.json_response({"message": "User updated"})
            case "POST", ["admin", "users"]:
                return self.create(body)
            case "POST", ["admin", "users", number, "logout"]:
                self.logged_out.append(str(self.user(number)["id"]))
                return web.json_response({"message": "User logged out"})
            case "POST", ["admin", "users", number, ("disable" | "enable") as verb]:
                if int(number) in self.external:
                    text = f"Could not {verb} external user"
                    return web.json_response({"message": text}, status=500)
                self.user(number)["isDisabled"] = verb == "disable"
                return web.json_response({"message": f"User {verb}d"})
            case "DELETE", ["admin", "users", number]:
                del self.users[self.user(number)["id"]]
                return web.json_response({"message": "User deleted"})
            case method, ["teams", *rest]:
                return self.team(method, rest, body, query)
        return web.json_response({"message": "Not found"}, status=404)

    def paged(self, what: str, found: list[Any], query: Any) -> Answer:
        number, size = int(query["page"]), int(query["perpage"])
        shown = found[(number - 1) * size : number * size]
        told = {"totalCount": len(found), what: shown, "page": number, "perPage": size}
        return web.json_response(told)

    def user(self, number: str) -> dict[str, Any]:
        if int(number) not in self.users:
            raise Refused("gone", "user not found")
        return self.users[int(number)]

    def lookup(self, value: str) -> dict[str, Any]:
        for user in self.users.values():
            if value.lower() in (user["login"].lower(), user["email"].lower()):
                return user
        raise Refused("gone", "user not found")

    def free(self, body: dict[str, Any], own: Any, status: int) -> None:
        for user in self.users.values():
            if user is not own and (
                user["login"].lower() == body["login"].lower() or user["email"] == body["email"]
            ):
                text = f"User with email '{body['email']}' or username already exists"
                raise Refused("taken" if status == 412 else "conflict", text)

    def create(self, body: dict[str, Any]) -> Answer:
        if len(body["password"]) < 4:
            return web.json_response({"message": "Password is missing or too short"}, status=400)
        self.free(body, None, 412)
        number = len(self.users) + 2
        kept = {name: body[name] for name in ("login", "email", "name")}
        self.users[number] = {"id": number, **kept, "isDisabled": False, "isGrafanaAdmin": False}
        return web.json_response({"id": number, "message": "User created"})

    def team(self, method: str, rest: list[str], body: dict[str, Any], query: Any) -> Answer:
        if rest == ["search"]:
            return self.paged("teams", list(self.teams.values()), query)
        if method == "POST" and not rest:
            number = len(self.teams) + 1
            self.teams[number] = {"id": number, "name": body["name"], "members": []}
            return web.json_response({"message": "Team created", "teamId": number})
        if int(rest[0]) not in self.teams:
            raise Refused("gone", "Team not found")
        members = self.teams[int(rest[0])]["members"]
        match method, rest[1:]:
            case "DELETE", []:
                del self.teams[int(rest[0])]
            case "GET", ["members"]:
                return web.json_response([{"userId": one} for one in members])
            case "POST", ["members"]:
                assert isinstance(body["userId"], int)
                if body["userId"] in members:
                    text = "User is already added to this team"
                    return web.json_response({"message": text}, status=400)
                members.append(body["userId"])
            case "DELETE", ["members", member]:
                if int(member) not in members:
                    raise Refused("gone", "Team member not found")
                members.remove(int(member))
        return web.json_response({"message": "Done"})

    def refuse(self, error: Refused) -> Answer:
        status = {"gone": 404, "taken": 412, "conflict": 409}[error.why]
        return web.json_response({"message": error.text}, status=status)
