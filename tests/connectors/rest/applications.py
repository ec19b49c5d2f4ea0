"""Applications with interfaces of their own, each odd in its way, over the same store.

Tidy      REST as in the books: nested objects, page numbers, PATCH, one member a request
Envelope  200 for everything with the outcome inside, a session by cookie, a list of ids only,
          a total that lies, PUT of the whole, members by the list
Rpc       JSON-RPC, a session in every request, cursors, groups as a field of the account
Forms     OAuth, web forms, one field a request, the id in a Location header, next addresses
"""

from __future__ import annotations

import base64
import json
from typing import Any

from aiohttp import web

from tests.connectors.rest.store import FIELDS, Person, Refused, Store

TOKEN = "a-token-that-nobody-may-see"
Answer = web.StreamResponse


class Application:
    """Answers by `answer`; refusals by `refuse`."""

    def __init__(self) -> None:
        self.store = Store()
        self.sign_ins = 0

    async def handle(self, request: web.Request) -> Answer:
        self.store.seen.append(f"{request.method} {request.path}")
        try:
            return await self.answer(request)
        except Refused as error:
            return self.refuse(error)

    async def answer(self, request: web.Request) -> Answer:
        raise NotImplementedError

    def refuse(self, error: Refused) -> Answer:
        raise NotImplementedError


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
            case "GET", ["groups", group, "members"]:
                number, size = int(request.query["page"]), int(request.query["per_page"])
                members = sorted(self.store.group(group))[(number - 1) * size : number * size]
                return web.json_response([{"id": one} for one in members])
            case "PUT", ["groups", group, "members", one]:
                self.store.group(group).add(self.store.person(one).id)
                return web.Response(status=204)
            case "DELETE", ["groups", group, "members", one]:
                members = self.store.group(group)
                if one not in members:
                    return web.json_response({"message": "not a member"}, status=404)
                members.discard(one)
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
        }
    },
    "errors": {
        "rules": [{"status": 422, "matches": "already taken", "means": "already_exists"}],
    },
}


class Envelope(Application):
    """Sessions last for `lasting` requests."""

    lasting = 10_000

    def __init__(self) -> None:
        super().__init__()
        self.left = 0

    async def answer(self, request: web.Request) -> Answer:
        if request.path == "/login":
            form = await request.post()
            if form["password"] != TOKEN:
                return _enveloped(code=997, text="wrong password")
            self.sign_ins += 1
            self.left = self.lasting
            answer = _enveloped({})
            answer.headers.add("Set-Cookie", f"sid=session-{self.sign_ins}; Path=/; HttpOnly")
            answer.headers.add("Set-Cookie", "lang=en")
            return answer
        if f"sid=session-{self.sign_ins}" not in request.headers.get("Cookie", "") or not self.left:
            return _enveloped(code=401, text="session expired")
        self.left -= 1
        body = await request.json() if request.can_read_body else {}
        query = request.query
        match request.method, request.path:
            case "GET", "/people":
                start, size = int(query["offset"]), int(query["limit"])
                ids = [person.id for person in self.store.page(start, size)]
                # The total counts those who were deleted, too.
                there = len(self.store.people)
                return _enveloped({"ids": ids, "total": there and there + 7})
            case "GET", "/person":
                return _enveloped(self.shown(self.store.person(query["id"])))
            case "POST", "/person":
                return _enveloped({"key": self.store.create(_old(body)).id})
            case "PUT", "/person":
                missing = {"fn", "ln", "job", "mail", "login"} - body.keys()
                if missing or "seen" in body:
                    raise Refused("bad", f"not a whole person: {missing}")
                person = self.store.update(query["id"], _old(body))
                person.active = body["enabled"] == "1"
                return _enveloped({})
            case "DELETE", "/person":
                self.store.delete(query["id"])
                return _enveloped({})
            case "GET", "/teams":
                teams = [
                    {"key": i, "label": n, "people": [{"key": m} for m in self.store.group(i)]}
                    for i, n in self.store.groups.items()
                ]
                # Lists with holes are objects, as its language has them.
                return _enveloped({str(i + 3): team for i, team in enumerate(teams)} or [])
            case "POST", "/teams":
                self.store.new_group(body["label"])
                return _enveloped({})
            case "POST", "/teams/join" | "/teams/leave" as path:
                members = self.store.group(body["team"])
                if len(body["people"]) > 50:
                    raise Refused("bad", "at most 50")
                if path == "/teams/join":
                    members |= {self.store.person(one).id for one in body["people"]}
                else:
                    members -= set(body["people"])
                return _enveloped({})
        return _enveloped(code=400, text="no such call")

    def shown(self, person: Person) -> dict[str, Any]:
        v = person.values
        return {
            "key": person.id,
            "login": v["login"],
            "fn": v.get("first", ""),
            "ln": v.get("last", ""),
            "job": v.get("title", ""),
            "mail": v.get("mail", ""),
            "enabled": "1" if person.active else "0",
            "seen": "yesterday",
        }

    def refuse(self, error: Refused) -> Answer:
        return _enveloped(code={"gone": 404, "taken": 102, "bad": 101}[error.why], text=error.text)


def _old(body: dict[str, Any]) -> dict[str, Any]:
    names = {"login": "login", "fn": "first", "ln": "last", "job": "title", "mail": "mail"}
    return {names[k]: v for k, v in body.items() if k in names}


def _enveloped(data: Any = None, *, code: int = 0, text: str = "") -> web.Response:
    return web.json_response({"meta": {"code": code, "text": text}, "data": data})


ENVELOPE: dict[str, Any] = {
    "name": "Envelope",
    "settings": {"url": {"title": "Address", "kind": "url"}, "user": {"title": "User"}},
    "secrets": {"password": {"title": "Password"}},
    "base_url": "{settings.url}",
    "auth": {
        "kind": "session",
        "login": {
            "request": "POST /login",
            "form": {"user": "{settings.user}", "password": "{secrets.password}"},
        },
        "cookies": True,
    },
    "account": {
        "id": "key",
        "empty": "",
        "attributes": {
            "userName": "login",
            "name.givenName": "fn",
            "name.familyName": "ln",
            "title": "job",
            "emails.work": "mail",
        },
        "active": {"path": "enabled", "open": 1},
        "read_only": ["seen", "key"],
    },
    "requests": {
        "list": {
            "request": "GET /people",
            "query": {"offset": "=page.offset", "limit": "=page.size"},
            "items": "data.ids",
            "id": ".",
            "paging": {"by": "offset", "size": 10, "total": "data.total"},
            "details": True,
        },
        "get": {"request": "GET /person", "query": {"id": "=id"}, "item": "data"},
        "create": {"request": "POST /person", "body": "=attributes", "id": "data.key"},
        "update": {"request": "PUT /person", "query": {"id": "=id"}, "body": "=whole"},
        "disable": {
            "request": "PUT /person",
            "query": {"id": "=id"},
            "body": {"...": "=whole", "enabled": "0"},
        },
        "enable": {
            "request": "PUT /person",
            "query": {"id": "=id"},
            "body": {"...": "=whole", "enabled": "1"},
        },
        "delete": {"request": "DELETE /person", "query": {"id": "=id"}},
    },
    "entitlements": {
        "group": {
            "list": {"request": "GET /teams", "items": "data"},
            "id": "key",
            "name": "label",
            "members_at": "people[].key",
            "chunk": 50,
            "add": {
                "request": "POST /teams/join",
                "body": {"team": "=entitlement.id", "people": "=members"},
            },
            "remove": {
                "request": "POST /teams/leave",
                "body": {"team": "=entitlement.id", "people": "=members"},
            },
            "create": {"request": "POST /teams", "body": {"label": "=name"}},
        }
    },
    "errors": {
        "message": ["meta.text"],
        "code": "meta.code",
        "rules": [
            {"when": "=body.meta.code == 404", "means": "not_found"},
            {"when": "=body.meta.code == 102", "means": "already_exists"},
            {"when": "=body.meta.code == 401", "means": "sign_in_again"},
            {"when": "=body.meta.code != 0", "means": "rejected"},
        ],
    },
}


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
