"""Odoo 19, by content/developer/reference/external_api.rst of github.com/odoo/documentation and
odoo/addons/base/models/res_users.py, res_groups.py, addons/auth_signup/models/res_users.py and
addons/rpc/controllers/json2.py of github.com/odoo/odoo. What is empty is false."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused

EMPLOYEES = 1
_FIELDS = ("login", "name", "email", "phone", "active", "group_ids", "share")


class Odoo(Application):
    def __init__(self) -> None:
        super().__init__()
        portal = {"login": "customer", "name": "Customer", "email": "c@x.example", "phone": False}
        self.users: dict[int, dict[str, Any]] = {
            7: {"id": 7, **portal, "active": True, "group_ids": [9], "share": True}
        }
        self.groups = {EMPLOYEES: "User types / Internal User", 2: "Sales / Administrator"}
        self.invited: list[int] = []

    async def answer(self, request: web.Request) -> Answer:
        if request.headers.get("Authorization") != f"bearer {TOKEN}":
            raise Refused("key", "Invalid apikey")
        assert request.headers["X-Odoo-Database"] == "acme"
        assert request.method == "POST"
        body = await request.json()
        context = body.pop("context", {})
        match request.path.removeprefix("/json/2/").split("/"):
            case ["res.users", "context_get"]:
                return web.json_response({"lang": "en_US", "uid": 2})
            case ["res.users", "search_read"]:
                found = [one for one in self.users.values() if self.meets(one, body["domain"])]
                if context.get("active_test", True):
                    found = [one for one in found if one["active"]]
                return self.read(found, body)
            case ["res.users", "create"]:
                return self.create(body["vals_list"], context)
            case ["res.users", "write"]:
                return self.write(body["ids"], body["vals"])
            case ["res.groups", "search_read"]:
                found = [{"id": key, "full_name": name} for key, name in self.groups.items()]
                return self.read(found, body)
        raise Refused("none", "Did you mean POST /json/2/<model>/<method>?")

    def meets(self, user: dict[str, Any], domain: list[Any]) -> bool:
        for name, operator, value in domain:
            held = user[name]
            if operator == "=ilike":
                held, value = str(held).lower(), value.lower()
            if held != value:
                return False
        return True

    def read(self, found: list[dict[str, Any]], body: dict[str, Any]) -> Answer:
        start = body.get("offset", 0)
        page = found[start : start + body["limit"]] if "limit" in body else found[start:]
        names = ["id", *body["fields"]]
        return web.json_response([{name: one[name] for name in names} for one in page])

    def checked(self, vals: dict[str, Any], own: Any = None) -> None:
        assert vals.keys() <= set(_FIELDS)
        for user in self.users.values():
            if user is not own and user["login"] == vals.get("login"):
                raise Refused("bad", "You can not have two users with the same login!")

    def create(self, vals_list: list[dict[str, Any]], context: dict[str, Any]) -> Answer:
        made = []
        for vals in vals_list:
            self.checked(vals)
            key = max(self.users) + 1
            usual = {"email": False, "phone": False, "active": True, "group_ids": [EMPLOYEES]}
            self.users[key] = {"id": key, **usual, "share": False, **vals}
            made.append(key)
            if self.users[key]["email"] and not context.get("no_reset_password"):
                if not self.users[key]["active"]:
                    raise Refused("bad", "You cannot perform this action on an archived user.")
                self.invited.append(key)
        return web.json_response(made)

    def write(self, ids: list[int], vals: dict[str, Any]) -> Answer:
        for key in ids:
            if key not in self.users:
                raise Refused(
                    "gone", f"Record does not exist or has been deleted: res.users({key})"
                )
            self.checked(vals, self.users[key])
            if "group_ids" in vals:
                ((command, _, groups),) = vals["group_ids"]
                assert command == 6
                vals = {**vals, "group_ids": groups}
            self.users[key] |= vals
        return web.json_response(True)

    def refuse(self, error: Refused) -> Answer:
        status, name = {
            "key": (401, "werkzeug.exceptions.Unauthorized"),
            "none": (404, "werkzeug.exceptions.NotFound"),
            "gone": (404, "odoo.exceptions.MissingError"),
            "bad": (422, "odoo.exceptions.ValidationError"),
        }[error.why]
        told = {"name": name, "message": error.text, "arguments": [error.text], "context": {}}
        return web.json_response(told, status=status)
