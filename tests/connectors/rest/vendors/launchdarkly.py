"""LaunchDarkly, by docs/AccountMembersApi.md, Member.md and NewMemberForm.md of
github.com/launchdarkly/api-client-python (March 2026)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused


class LaunchDarkly(Application):
    def __init__(self) -> None:
        super().__init__()
        self.members: dict[str, dict[str, Any]] = {}
        self.scim = False

    async def answer(self, request: web.Request) -> Answer:
        if request.headers.get("Authorization") != TOKEN:
            return web.json_response({"message": "Invalid account ID header"}, status=401)
        parts = request.path.removeprefix("/api/v2/").split("/")
        body = await request.json() if request.can_read_body else []
        match request.method, parts:
            case "GET", ["members"]:
                return self.listed(request.query)
            case "POST", ["members"]:
                return web.json_response({"items": [self.invited(*body)]}, status=201)
            case "GET", ["members", key]:
                return web.json_response(self.member(key))
            case "PATCH", ["members", key]:
                (change,) = body
                assert (change["op"], change["path"]) == ("replace", "/role")
                self.member(key)["role"] = change["value"]
                return web.json_response(self.member(key))
            case "DELETE", ["members", key]:
                if self.scim:
                    raise Refused("no", "SCIM is enabled")
                del self.members[self.member(key)["_id"]]
                return web.Response(status=204)
        raise Refused("gone", "Invalid resource identifier")

    def listed(self, query: Any) -> Answer:
        found = list(self.members.values())
        if wanted := query.get("filter"):
            found = [one for one in found if one["email"] in wanted.removeprefix("email:")]
        limit, offset = int(query.get("limit", 20)), int(query.get("offset", 0))
        shown = found[offset : offset + limit]
        return web.json_response({"items": shown, "totalCount": len(found), "_links": {}})

    def invited(self, form: dict[str, Any]) -> dict[str, Any]:
        assert form.keys() <= {"email", "firstName", "lastName", "role"}
        if any(form["email"] == one["email"] for one in self.members.values()):
            raise Refused("taken", "A member with this email already exists in this account")
        key = f"{len(self.members) + 1:024x}"
        made = {"_id": key, **form, "_pendingInvite": True, "customRoles": []}
        self.members[key] = made
        return made

    def member(self, key: str) -> dict[str, Any]:
        if key not in self.members:
            raise Refused("gone", "Invalid resource identifier")
        return self.members[key]

    def refuse(self, error: Refused) -> Answer:
        status, code = {
            "gone": (404, "not_found"),
            "no": (409, "conflict"),
            "taken": (400, "email_already_exists_in_account"),
        }[error.why]
        return web.json_response({"code": code, "message": error.text}, status=status)
