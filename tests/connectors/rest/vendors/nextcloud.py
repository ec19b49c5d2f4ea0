"""Nextcloud's provisioning interface, by
https://docs.nextcloud.com/server/latest/admin_manual/configuration_user/instruction_set_for_users.html
and .../instruction_set_for_groups.html: statuses inside, lists of names, one field a change."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from aiohttp import encode_basic_auth, web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused

_FIELDS = {"email", "quota", "displayname", "phone", "address", "website", "twitter", "password"}


class Nextcloud(Application):
    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, list[str]] = {"admin": []}

    async def answer(self, request: web.Request) -> Answer:
        given = request.headers.get("Authorization", "")
        if given != encode_basic_auth("tenure", TOKEN):
            return self.ocs(997, message="Current user is not logged in", http=401)
        if request.headers.get("OCS-APIRequest") != "true":
            return self.ocs(997, message="CSRF check failed", http=412)
        assert request.query["format"] == "json"
        parts = request.path.removeprefix("/ocs/v1.php/cloud/").split("/")
        form = await request.post() if request.method != "DELETE" else await self.form(request)
        match request.method, parts:
            case "GET", ["users"]:
                return self.ocs(data={"users": self.some(list(self.users), request.query)})
            case "GET", ["users", name]:
                return self.ocs(data=self.shown(name))
            case "POST", ["users"]:
                return self.create(dict(form))
            case "PUT", ["users", name]:
                if name not in self.users:
                    return self.ocs(101, message="User not found")
                if form["key"] not in _FIELDS:
                    return self.ocs(102)
                self.users[name][str(form["key"])] = form["value"]
                return self.ocs()
            case "PUT", ["users", name, ("disable" | "enable") as verb]:
                if name not in self.users:
                    return self.ocs(101)
                self.users[name]["enabled"] = verb == "enable"
                return self.ocs()
            case "DELETE", ["users", name]:
                if self.users.pop(name, None) is None:
                    return self.ocs(101)
                for members in self.groups.values():
                    members[:] = [one for one in members if one != name]
                return self.ocs()
            case ("POST" | "DELETE") as method, ["users", name, "groups"]:
                return self.membership(method, name, str(form["groupid"]))
            case "GET", ["groups"]:
                return self.ocs(data={"groups": self.some(list(self.groups), request.query)})
            case "GET", ["groups", group]:
                return self.ocs(data={"users": list(self.groups[group])})
            case "POST", ["groups"]:
                if form["groupid"] in self.groups:
                    return self.ocs(102)
                self.groups[str(form["groupid"])] = []
                return self.ocs()
            case "DELETE", ["groups", group]:
                return self.ocs(101 if self.groups.pop(group, None) is None else 100)
        return self.ocs(998, message="Invalid query")

    async def form(self, request: web.Request) -> dict[str, str]:
        """aiohttp reads no form of a DELETE by itself."""
        return dict(parse_qsl((await request.read()).decode()))

    def some(self, names: list[str], query: Any) -> list[str]:
        found = [name for name in names if query.get("search", "").lower() in name.lower()]
        start = int(query.get("offset", 0))
        return found[start : start + int(query.get("limit", len(found) or 1))]

    def shown(self, name: str) -> dict[str, Any]:
        if name not in self.users:
            raise Refused("gone", "User does not exist")
        user = self.users[name]
        held = [group for group, members in self.groups.items() if name in members]
        return {"id": name, "groups": held, "quota": {"quota": -3, "used": 0}, **user}

    def create(self, form: dict[str, Any]) -> Answer:
        if form["userid"].lower() in {name.lower() for name in self.users}:
            return self.ocs(102, message="User already exists")
        if not form.get("password") and not form.get("email"):
            return self.ocs(108)
        self.users[form["userid"]] = {
            "enabled": True,
            "email": form.get("email"),
            "displayname": form.get("displayName") or form["userid"],
            "phone": "",
            "website": "",
        }
        return self.ocs(data={"id": form["userid"]})

    def membership(self, method: str, name: str, group: str) -> Answer:
        if group not in self.groups:
            return self.ocs(102)
        if name not in self.users:
            return self.ocs(103)
        members = [one for one in self.groups[group] if one != name]
        self.groups[group] = [*members, name] if method == "POST" else members
        return self.ocs()

    def refuse(self, error: Refused) -> Answer:
        return self.ocs(404, message=error.text)

    def ocs(
        self, code: int = 100, *, data: Any = None, message: str = "", http: int = 200
    ) -> Answer:
        status = "ok" if code == 100 else "failure"
        meta = {"status": status, "statuscode": code, "message": message}
        return web.json_response({"ocs": {"meta": meta, "data": data or []}}, status=http)
