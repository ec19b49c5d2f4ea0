"""Snipe-IT, by app/Http/Controllers/Api/UsersController.php and GroupsController.php,
app/Http/Requests/{Save,Delete}UserRequest.php and app/Http/Transformers/UsersTransformer.php of its
repository (May 2025). It refuses with 200, and shows texts escaped for HTML."""

from __future__ import annotations

from html import escape
from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused

_TEXTS = ("username", "first_name", "last_name", "email", "jobtitle", "phone", "employee_num")


def _e(text: str) -> str:
    """As Laravel's e() escapes."""
    return escape(text).replace("&#x27;", "&#039;")


class SnipeIt(Application):
    def __init__(self) -> None:
        super().__init__()
        self.users: dict[int, dict[str, Any]] = {}
        self.groups: dict[int, str] = {}
        #: Who has a laptop.
        self.holding: set[int] = set()

    async def answer(self, request: web.Request) -> Answer:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"error": "Unauthorized or unauthenticated."}, status=401)
        assert request.headers["Accept"] == "application/json"
        parts = request.path.removeprefix("/api/v1/").split("/")
        body = await request.json() if request.can_read_body else {}
        query = request.query
        match request.method, parts:
            case "GET", ["users", "me"]:
                return web.json_response(self.shown({"id": 1, "username": "tenure"}))
            case "GET", ["users"]:
                return self.search(query)
            case "GET", ["users", number]:
                return web.json_response(self.shown(self.user(number)))
            case "POST", ["users"]:
                return self.create(body)
            case "PATCH", ["users", number]:
                return self.edit(self.user(number, "User not found"), body)
            case "DELETE", ["users", number]:
                return self.delete(int(number))
            case "GET", ["groups"]:
                rows = [{"id": n, "name": _e(name)} for n, name in self.groups.items()]
                return self.paged(rows, query)
            case "POST", ["groups"]:
                key = len(self.groups) + 1
                self.groups[key] = body["name"]
                return self.done({"id": key, "name": body["name"]})
            case "DELETE", ["groups", number]:
                del self.groups[int(number)]
                return self.done(None)
        return web.json_response({"status": "error", "messages": "404 endpoint"}, status=404)

    def done(self, payload: Any) -> Answer:
        told = {"status": "success", "messages": "Done.", "payload": payload}
        return web.json_response(told)

    def paged(self, found: list[Any], query: Any) -> Answer:
        offset, limit = int(query.get("offset", 0)), min(int(query.get("limit", 50)), 500)
        return web.json_response({"total": len(found), "rows": found[offset : offset + limit]})

    def search(self, query: Any) -> Answer:
        found = [one for one in self.users.values() if not one["deleted"]]
        for name in ("username", "email"):
            if name in query:
                found = [one for one in found if one[name].lower() == query[name].lower()]
        return self.paged([self.shown(one) for one in found], query)

    def shown(self, user: dict[str, Any]) -> dict[str, Any]:
        texts = {name: _e(str(user.get(name) or "")) or None for name in _TEXTS}
        held = [
            {"id": one, "name": self.groups[one]}
            for one in user.get("groups", ())
            if one in self.groups
        ]
        rows = {"total": len(held), "rows": held} if held else None
        return {"id": user["id"], **texts, "activated": user.get("activated"), "groups": rows}

    def user(self, number: str, said: str = "User does not exist or you do not ...") -> Any:
        user = self.users.get(int(number))
        if user is None or user["deleted"]:
            raise Refused("gone", said)
        return user

    def free(self, name: str, own: Any = None) -> None:
        for user in self.users.values():
            same = user["username"].lower() == name.lower()
            if user is not own and not user["deleted"] and same:
                raise Refused("taken", "The username must be unique.")

    def create(self, body: dict[str, Any]) -> Answer:
        assert body["password"] == body["password_confirmation"]
        self.free(body["username"])
        number = len(self.users) + 2
        made = {name: body.get(name) for name in (*_TEXTS, "activated")}
        self.users[number] = {"id": number, "groups": [], "deleted": False, **made}
        return self.done(self.shown(self.users[number]))

    def edit(self, user: dict[str, Any], body: dict[str, Any]) -> Answer:
        if "username" in body:
            self.free(body["username"], user)
        user |= body
        return self.done(self.shown(user))

    def delete(self, number: int) -> Answer:
        if number not in self.users:
            raise Refused("gone", "User does not exist or you do not have permission view them.")
        if number in self.holding:
            text = "This user still has an asset assigned. Please check it in first."
            raise Refused("bad", text)
        if self.users[number]["deleted"]:
            raise Refused("bad", "This user has been deleted. You will have to restore this user.")
        self.users[number]["deleted"] = True
        return self.done(None)

    def refuse(self, error: Refused) -> Answer:
        field = {"taken": "username", "bad": "assigned_assets"}.get(error.why)
        said: Any = {field: [error.text]} if field else error.text
        return web.json_response({"status": "error", "messages": said, "payload": None})
