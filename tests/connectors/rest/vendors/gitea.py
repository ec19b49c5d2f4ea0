"""Gitea, by https://github.com/go-gitea/gitea/blob/main/routers/api/v1/admin/user.go (create, edit,
delete, rename, list), .../user/user.go (search by uid, get) and .../org/team.go."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused


class Gitea(Application):
    def __init__(self) -> None:
        super().__init__()
        self.users: dict[int, dict[str, Any]] = {}
        self.teams: dict[int, dict[str, Any]] = {}

    async def answer(self, request: web.Request) -> Answer:
        if request.headers.get("Authorization") != f"token {TOKEN}":
            return web.json_response({"message": "token is required"}, status=401)
        parts = request.path.removeprefix("/api/v1/").split("/")
        body = await request.json() if request.can_read_body else {}
        query = request.query
        match request.method, parts:
            case "GET", ["version"]:
                return web.json_response({"version": "1.25.0"})
            case "GET", ["user"]:
                return web.json_response({"id": 1, "login": "root"})
            case "GET", ["admin", "users"]:
                return self.paged(list(self.users.values()), query)
            case "GET", ["users", "search"]:
                found = [u for u in self.users.values() if str(u["id"]) == query.get("uid")]
                if "q" in query:
                    found = [u for u in self.users.values() if query["q"].lower() in u["email"]]
                return web.json_response({"ok": True, "data": found})
            case "GET", ["users", name]:
                return web.json_response(self.user(name))
            case "POST", ["admin", "users"]:
                return self.create(body)
            case "PATCH", ["admin", "users", name]:
                return self.edit(self.user(name), body)
            case "POST", ["admin", "users", name, "rename"]:
                user = self.user(name)
                self.free("login", body["new_username"], user)
                user["login"] = body["new_username"]
                return web.Response(status=204)
            case "DELETE", ["admin", "users", name]:
                user = self.user(name)
                if user["full_name"] == "Owner":
                    raise Refused("bad", f"user still has ownership of repositories [uid: {user}]")
                del self.users[user["id"]]
                return web.Response(status=204)
            case "GET", ["orgs", "acme", "teams"]:
                return self.paged(list(self.teams.values()), query)
            case "POST", ["orgs", "acme", "teams"]:
                team = {"id": len(self.teams) + 1, "name": body["name"], "members": []}
                self.teams[team["id"]] = team
                return web.json_response(team, status=201)
            case method, ["teams", number, *rest]:
                return self.team(method, int(number), rest, query)
        return web.json_response({"message": "404 page not found"}, status=404)

    def paged(self, found: list[Any], query: Any) -> Answer:
        number, size = int(query["page"]), min(int(query["limit"]), 50)
        return web.json_response(found[(number - 1) * size : number * size])

    def user(self, name: str) -> dict[str, Any]:
        for user in self.users.values():
            if user["login"].lower() == name.lower():
                return user
        raise Refused("gone", "user does not exist")

    def free(self, field: str, value: str, own: Any = None) -> None:
        for user in self.users.values():
            if user is not own and user[field].lower() == value.lower():
                what = "user already exists" if field == "login" else "e-mail already in use"
                raise Refused("taken", f"{what} [{field}: {value}]")

    def create(self, body: dict[str, Any]) -> Answer:
        self.free("login", body["username"])
        self.free("email", body["email"])
        if not body["source_id"] and len(body["password"]) < 8:
            return web.json_response({"message": "PasswordIsRequired"}, status=400)
        number = len(self.users) + 2
        self.users[number] = {
            "id": number,
            "login": body["username"],
            "email": body["email"],
            "full_name": body.get("full_name", ""),
            "login_name": body["login_name"] if body["source_id"] else "",
            "source_id": body["source_id"],
            "prohibit_login": False,
        }
        return web.json_response(self.users[number], status=201)

    def edit(self, user: dict[str, Any], body: dict[str, Any]) -> Answer:
        if not body.keys() >= {"source_id", "login_name"}:
            raise Refused("bad", "[LoginName]: Required")
        if "email" in body:
            if any(u is not user and u["email"] == body["email"] for u in self.users.values()):
                text = f"e-mail already in use [email: {body['email']}]"
                return web.json_response({"message": text}, status=400)
            user["email"] = body["email"]
        user["login_name"] = body["login_name"]
        user |= {k: body[k] for k in ("full_name", "prohibit_login") if k in body}
        return web.json_response(user)

    def team(self, method: str, number: int, rest: list[str], query: Any) -> Answer:
        if number not in self.teams:
            raise Refused("gone", "team does not exist")
        members = self.teams[number]["members"]
        if not rest:
            del self.teams[number]
        elif len(rest) == 1:
            return self.paged([self.users[m] for m in members if m in self.users], query)
        else:
            user = self.user(rest[1])
            self.teams[number]["members"] = [m for m in members if m != user["id"]]
            if method == "PUT":
                self.teams[number]["members"].append(user["id"])
        return web.Response(status=204)

    def refuse(self, error: Refused) -> Answer:
        status = {"gone": 404, "taken": 422, "bad": 422}[error.why]
        return web.json_response({"message": error.text, "url": "/api/swagger"}, status=status)
