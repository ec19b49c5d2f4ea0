"""REST as in the books: nested objects, page numbers, PATCH, one member a request."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Person, Refused


class Tidy(Application):
    async def answer(self, request: web.Request) -> Answer:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"message": "who are you?"}, status=401)
        parts = request.path.strip("/").split("/")[1:]
        body = await request.json() if request.can_read_body else {}
        match request.method, parts:
            case "GET", ["users"]:
                number, size = int(request.query["page"]), int(request.query["per_page"])
                return web.json_response(
                    [self.shown(p) for p in self.store.page((number - 1) * size, size)]
                )
            case "GET", ["users", "search"]:
                found = self.store.matching(request.query["field"], request.query["q"])
                return web.json_response([self.shown(p) for p in found])
            case "GET", ["me"]:
                return web.json_response({"user": {"id": "the-service-account"}})
            case "POST", ["users"]:
                made = self.store.create(_flat(body), active=body.get("state") != "locked")
                return web.json_response({"user": self.shown(made)}, status=201)
            case "GET", ["users", one]:
                return web.json_response({"user": self.shown(self.store.person(one))})
            case "PATCH", ["users", one]:
                person = self.store.update(one, _flat(body))
                return web.json_response({"user": self.shown(person)})
            case "POST", ["users", one, ("lock" | "unlock") as verb]:
                self.store.person(one).active = verb == "unlock"
                return web.Response(status=204)
            case "DELETE", ["users", one]:
                self.store.delete(one)
                return web.Response(status=204)
            case "GET", ["groups"]:
                groups = self.store.groups.items()
                return web.json_response({"groups": [{"id": i, "name": n} for i, n in groups]})
            case "POST", ["groups"]:
                identifier = self.store.new_group(body["name"])
                return web.json_response({"id": identifier, "name": body["name"]}, status=201)
            case "DELETE", ["groups", group]:
                self.store.group(group)
                del self.store.groups[group]
                return web.Response(status=204)
            case "GET", ["groups", group, "members"]:
                number, size = int(request.query["page"]), int(request.query["per_page"])
                members = sorted(self.store.group(group))[(number - 1) * size : number * size]
                return web.json_response([{"id": one} for one in members])
            case "PUT", ["groups", group, "members", one]:
                self.store.group(group).add(self.store.person(one).id)
                return web.Response(status=204)
            case "DELETE", ["groups", group, "members", one]:
                there = self.store.group(group)
                if one not in there:
                    return web.json_response({"message": "not a member"}, status=404)
                there.discard(one)
                return web.Response(status=204)
        return web.json_response({"message": "no such address"}, status=404)

    def shown(self, person: Person) -> dict[str, Any]:
        values = person.values
        shown: dict[str, Any] = {
            "id": person.id,
            "login": values["login"],
            "name": {"first": values.get("first"), "last": values.get("last")},
            "profile": {"title": values.get("title")},
            "contacts": [{"kind": "fax", "address": "none"}],
            "state": "active" if person.active else "locked",
        }
        if "mail" in values:
            shown["contacts"].append({"kind": "work", "address": values["mail"]})
        return shown

    def refuse(self, error: Refused) -> Answer:
        status = {"gone": 404, "taken": 422, "bad": 422}[error.why]
        return web.json_response({"message": error.text}, status=status)


def _flat(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {n: body[n] for n in ("login",) if n in body}
    found |= body.get("name", {})
    found |= body.get("profile", {})
    for contact in body.get("contacts", []):
        if contact["kind"] == "work":
            found["mail"] = contact["address"]
    return found


TIDY: dict[str, Any] = {
    "name": "Tidy",
    "settings": {"url": {"title": "Address", "kind": "url"}},
    "secrets": {"token": {"title": "Token"}},
    "base_url": "{settings.url}/api",
    "auth": {"kind": "bearer"},
    "account": {
        "attributes": {
            "userName": "login",
            "name.givenName": "name.first",
            "name.familyName": "name.last",
            "title": "profile.title",
            "emails.work": "contacts[kind=work].address",
        },
        "active": {"path": "state", "open": "active"},
    },
    "requests": {
        "list": {
            "request": "GET /users",
            "query": {"page": "=page.number", "per_page": "=page.size"},
            "paging": {"by": "number", "size": 10},
        },
        "get": {"request": "GET /users/{id}", "item": "user"},
        "find": {
            "userName": {"request": "GET /users/search?field=login", "query": {"q": "=value"}},
            "emails.work": {"request": "GET /users/search?field=mail", "query": {"q": "=value"}},
        },
        "create": {
            "request": "POST /users",
            "body": {"...": "=attributes", "state": '=active ? "active" : "locked"'},
            "status": [201],
            "item": "user",
        },
        "update": {
            "request": "PATCH /users/{id}",
            "body": {"...": "=attributes"},
        },
        "disable": {"request": "POST /users/{id}/lock"},
        "enable": {"request": "POST /users/{id}/unlock"},
        "delete": {"request": "DELETE /users/{id}"},
        "own_account": {"request": "GET /me", "item": "user"},
    },
    "entitlements": {
        "group": {
            "list": {"request": "GET /groups", "items": "groups"},
            "members": {
                "request": "GET /groups/{entitlement.id}/members",
                "query": {"page": "=page.number", "per_page": "=page.size"},
                "paging": {"by": "number", "size": 50},
            },
            "add": {"request": "PUT /groups/{entitlement.id}/members/{member}"},
            "remove": {
                "request": "DELETE /groups/{entitlement.id}/members/{member}",
                "errors": [{"status": 404, "matches": "not a member", "means": "done"}],
            },
            "create": {"request": "POST /groups", "body": {"name": "=name"}},
            "delete": {"request": "DELETE /groups/{entitlement.id}"},
        }
    },
    "errors": {
        "rules": [{"status": 422, "matches": "already taken", "means": "already_exists"}],
    },
}
