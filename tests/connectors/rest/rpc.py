"""JSON-RPC, a session in every request, cursors, groups as a field of the account."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import FIELDS, Person, Refused


class Rpc(Application):
    async def answer(self, request: web.Request) -> Answer:
        document = await request.json()
        method, given = document["method"], document["params"]
        if method == "session.open":
            self.sign_ins += 1
            return _result(f"session-{self.sign_ins}" if given["key"] == TOKEN else None)
        if document.get("auth") != f"session-{self.sign_ins}":
            return _rpc_error("Session terminated")
        match method:
            case "user.list":
                start = int(given.get("after", 0))
                rows = [self.shown(p) for p in self.store.page(start, given["limit"])]
                more = start + len(rows) < len(self.store.people)
                return _result({"rows": rows, "after": str(start + len(rows)) if more else None})
            case "user.get":
                found = self.store.people.get(given["ids"][0])
                return _result([self.shown(found)] if found else [])
            case "user.create":
                return _result({"ids": [self.store.create(given).id]})
            case "user.update":
                person = self.store.update(given["userid"], given)
                if "status" in given:
                    person.active = given["status"] == 0
                if "groups" in given:
                    wanted = {one["gid"] for one in given["groups"]}
                    members = {gid: self.store.group(gid) for gid in wanted}
                    for gid in self.store.groups:
                        self.store.group(gid).discard(person.id)
                    for gid in members:
                        self.store.group(gid).add(person.id)
                return _result({"ids": [person.id]})
            case "user.delete":
                for one in given:
                    self.store.delete(one)
                return _result({"ids": given})
            case "group.list":
                return _result([{"gid": i, "name": n} for i, n in self.store.groups.items()])
            case "group.create":
                return _result({"ids": [self.store.new_group(given["name"])]})
        return _rpc_error(f"no method {method}")

    def shown(self, person: Person) -> dict[str, Any]:
        groups = [{"gid": gid} for gid in self.store.groups if person.id in self.store.group(gid)]
        return {
            "userid": person.id,
            **{name: person.values.get(name, "") for name in FIELDS},
            "status": "0" if person.active else "1",
            "groups": groups,
        }

    def refuse(self, error: Refused) -> Answer:
        return _rpc_error(error.text)


def _result(value: Any) -> web.Response:
    return web.json_response({"jsonrpc": "2.0", "result": value, "id": 1})


def _rpc_error(text: str) -> web.Response:
    error = {"code": -32602, "message": "Invalid params.", "data": text}
    return web.json_response({"jsonrpc": "2.0", "error": error, "id": 1})


RPC: dict[str, Any] = {
    "name": "Rpc",
    "settings": {"url": {"title": "Address", "kind": "url"}},
    "secrets": {"key": {"title": "Key"}},
    "base_url": "{settings.url}",
    "rpc": {"path": "/rpc.php", "extra": {"auth": "=session.token"}},
    "auth": {
        "kind": "session",
        "login": {"request": "RPC session.open", "body": {"key": "=secrets.key"}},
        "keep": {"token": "."},
    },
    "account": {
        "id": "userid",
        "empty": "",
        "attributes": {
            "userName": "login",
            "name.givenName": "first",
            "name.familyName": "last",
            "title": "title",
            "emails.work": "mail",
            "externalId": {"path": "note", "read": '=value.replace("tenure:", "")'}
            | {"write": '="tenure:" + value'},
        },
        "active": {"path": "status", "closed": "1"},
    },
    "requests": {
        "list": {
            "request": "RPC user.list",
            "body": {"limit": "=page.size", "after": "=page.cursor"},
            "items": "rows",
            "paging": {"by": "cursor", "size": 10, "next": "after"},
        },
        "get": {"request": "RPC user.get", "body": {"ids": ["=id"]}},
        "create": {"request": "RPC user.create", "body": "=attributes", "id": "ids[0]"},
        "update": {"request": "RPC user.update", "body": {"...": "=attributes", "userid": "=id"}},
        "disable": {"request": "RPC user.update", "body": {"userid": "=id", "status": 1}},
        "enable": {"request": "RPC user.update", "body": {"userid": "=id", "status": 0}},
        "delete": {"request": "RPC user.delete", "body": ["=id"]},
    },
    "entitlements": {
        "group": {
            "list": {"request": "RPC group.list"},
            "id": "gid",
            "field": "groups[].gid",
            "change": {
                "request": "RPC user.update",
                "body": {"userid": "=id", "groups": '=values.map(v, {"gid": v})'},
            },
            "create": {"request": "RPC group.create", "body": {"name": "=name"}, "id": "ids[0]"},
        }
    },
    "errors": {
        "message": ["error.data"],
        "rules": [
            {"when": '=body.error.data == "Session terminated"', "means": "sign_in_again"},
            {"when": '=body.error.data.startsWith("There is no")', "means": "not_found"},
            {"when": '=body.error.data.endsWith("already taken")', "means": "already_exists"},
        ],
    },
}
