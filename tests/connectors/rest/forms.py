"""OAuth, web forms, one field a request, the id in a Location header, next addresses."""

from __future__ import annotations

import base64
import json
from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Person, Refused


class Forms(Application):
    def __init__(self) -> None:
        super().__init__()
        self.roles: dict[str, str] = {}

    async def answer(self, request: web.Request) -> Answer:
        form = await request.post()
        if request.path == "/oauth/token":
            return self.token(request, form)
        if request.headers.get("Authorization") != f"Bearer token-{self.sign_ins}":
            return web.Response(status=401, text="token expired")
        parts = request.path.strip("/").split("/")
        match request.method, parts:
            case "GET", ["u"]:
                return self.listed(request)
            case "POST", ["u"]:
                made = self.store.create(dict(form))
                return web.Response(status=201, headers={"Location": f"/u/{made.id}"})
            case "GET", ["u", one]:
                return web.json_response(self.shown(self.store.person(one)))
            case "PUT", ["u", one, "field"]:
                values = {str(form["key"]): str(form["value"])}
                if values.keys() == {"role"}:
                    self.store.person(one)
                    self.roles[one] = str(form["value"])
                else:
                    self.store.update(one, values)
                return web.Response(text="OK")
            case ("PUT" | "DELETE") as method, ["u", one, "enabled"]:
                self.store.person(one).active = method == "PUT"
                return web.Response(text="OK")
            case "DELETE", ["u", one]:
                self.store.delete(one)
                return web.Response(status=202, text="OK")
        return web.Response(status=404, text="nothing here")

    def token(self, request: web.Request, form: Any) -> Answer:
        expected = base64.b64encode(f"tenure:{TOKEN}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {expected}":
            return web.json_response({"error": "invalid_client"}, status=401)
        assert form["grant_type"] == "client_credentials"
        self.sign_ins += 1
        token = f"token-{self.sign_ins}"
        return web.json_response({"access_token": token, "expires_in": 3600})

    def listed(self, request: web.Request) -> Answer:
        size, start = 10, int(request.query.get("from", 0))
        body: dict[str, Any] = {"values": [self.shown(p) for p in self.store.page(start, size)]}
        if start + size < len(self.store.people):
            body["next"] = f"/u?from={start + size}"
        return web.json_response(body)

    def shown(self, person: Person) -> dict[str, Any]:
        return {
            "href": f"/u/{person.id}",
            **person.values,
            "suspended": not person.active,
            "role": self.roles.get(person.id, "viewer"),
        }

    def refuse(self, error: Refused) -> Answer:
        status = {"gone": 404, "taken": 409, "bad": 400}[error.why]
        return web.Response(status=status, text=json.dumps({"errors": {"login": [error.text]}}))


FORMS: dict[str, Any] = {
    "name": "Forms",
    "settings": {"url": {"title": "Address", "kind": "url"}},
    "secrets": {"client_id": {"title": "Id"}, "client_secret": {"title": "Secret"}},
    "base_url": "{settings.url}",
    "auth": {"kind": "client_credentials", "token_url": "{settings.url}/oauth/token"},
    "account": {
        "id": "href",
        "empty": "",
        "attributes": {
            "userName": "login",
            "name.givenName": "first",
            "name.familyName": "last",
            "title": "title",
            "emails.work": "mail",
        },
        "active": {"when": "=!item.suspended"},
    },
    "requests": {
        "list": {
            "request": "GET /u",
            "items": "values",
            "paging": {"by": "url", "size": 10, "next": "next"},
        },
        "get": {"request": "GET /u/{id.split('/')[2]}"},
        "create": {
            "request": "POST /u",
            "form": {"...": "=attributes"},
            "answer": "nothing",
            "id": "=headers.location",
        },
        "update": {
            "request": "PUT /u/{id.split('/')[2]}/field",
            "each": "=changes",
            "form": {"key": "=one.path", "value": "=one.value"},
            "answer": "text",
        },
        "disable": {"request": "DELETE /u/{id.split('/')[2]}/enabled", "answer": "nothing"},
        "enable": {"request": "PUT /u/{id.split('/')[2]}/enabled", "answer": "nothing"},
        "delete": {"request": "DELETE /u/{id.split('/')[2]}", "answer": "nothing"},
    },
    "entitlements": {
        "role": {
            "values": {"editor": "Editors", "owner": "Owners"},
            "field": "role",
            "change": {
                "request": "PUT /u/{id.split('/')[2]}/field",
                "form": {"key": "role", "value": '=size(values) > 0 ? value : "viewer"'},
                "answer": "text",
            },
        }
    },
    "errors": {"message": ["errors.login", "errors.mail"]},
}
