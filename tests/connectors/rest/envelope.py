"""200 for everything with the outcome inside, a session by cookie, a list of ids only, a total that
lies, PUT of the whole, members by the list."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Person, Refused


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
