"""JumpCloud, by jcapiv1/docs/{SystemusersApi,SearchApi,Systemuserput}.md and
jcapiv2/docs/{UserGroupsApi,UserGroupMembersMembershipApi}.md of the client that it makes from its
specification. How it refuses is not in them."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused


class Jumpcloud(Application):
    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, str] = {}
        self.members: dict[str, list[str]] = {}
        self.made = 0

    async def answer(self, request: web.Request) -> Answer:
        if request.headers.get("x-api-key") != TOKEN:
            return web.json_response({"message": "Unauthorized"}, status=401)
        parts = request.path.removeprefix("/api/").split("/")
        body = await request.json() if request.can_read_body else {}
        match request.method, parts:
            case "GET", ["systemusers"]:
                return self.page(list(self.users.values()), request.query)
            case "POST", ["search", "systemusers"]:
                (wanted,) = body["filter"]
                found = [one for one in self.users.values() if wanted.items() <= one.items()]
                return self.page(found, request.query)
            case "POST", ["systemusers"]:
                self.free(body)
                self.made += 1
                made = {"_id": f"u{self.made:024}", "suspended": False, "activated": False, **body}
                self.users[made["_id"]] = made
                return web.json_response(made)
            case "GET", ["systemusers", key]:
                return web.json_response(self.user(key))
            case "PUT", ["systemusers", key]:
                self.free(body, self.user(key))
                self.user(key).update(body)
                return web.json_response(self.user(key))
            case "DELETE", ["systemusers", key]:
                return web.json_response(self.users.pop(self.user(key)["_id"]))
            case method, ["v2", "usergroups", *rest]:
                return self.group(method, rest, body, request.query)
        raise Refused("gone", "Not Found")

    def page(self, found: list[dict[str, Any]], query: Any) -> Answer:
        limit, skip = int(query.get("limit", 10)), int(query.get("skip", 0))
        assert limit <= 100
        shown = found[skip : skip + limit]
        return web.json_response({"totalCount": len(found), "results": shown})

    def user(self, key: str) -> dict[str, Any]:
        if key not in self.users:
            raise Refused("gone", "Not Found")
        return self.users[key]

    def free(self, body: dict[str, Any], own: Any = None) -> None:
        for name in ("username", "email"):
            if any(one[name] == body.get(name) for one in self.users.values() if one is not own):
                raise Refused("taken", f"{name} already exists")

    def group(self, method: str, rest: list[str], body: dict[str, Any], query: Any) -> Answer:
        limit, skip = int(query.get("limit", 10)), int(query.get("skip", 0))
        match method, rest:
            case "GET", []:
                found = [{"id": k, "name": n, "type": "user_group"} for k, n in self.groups.items()]
                return web.json_response(found[skip : skip + limit])
            case "POST", []:
                key = f"g{len(self.groups) + 1:024}"
                self.groups[key], self.members[key] = body["name"], []
                return web.json_response({"id": key, "name": body["name"]}, status=201)
            case "DELETE", [key]:
                del self.groups[key]
                return web.Response(status=204)
            case "GET", [key, "members"]:
                members = [{"to": {"id": one, "type": "user"}} for one in self.members[key]]
                return web.json_response(members[skip : skip + limit])
            case "POST", [key, "members"]:
                assert body.keys() == {"op", "type", "id"}
                assert body["type"] == "user"
                there = body["id"] in self.members[key]
                if there == (body["op"] == "add"):
                    raise Refused("taken" if there else "gone", "no change")
                change = self.members[key].remove if there else self.members[key].append
                change(body["id"])
                return web.Response(status=204)
        raise Refused("gone", "Not Found")

    def refuse(self, error: Refused) -> Answer:
        status = {"gone": 404, "taken": 409}[error.why]
        return web.json_response({"message": error.text}, status=status)
