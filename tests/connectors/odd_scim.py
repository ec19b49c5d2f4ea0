"""A SCIM server that speaks as it is told: by the standard, or with the deviations of real ones.

Everything that is odd about it is in `Quirks`; without any it is a server by RFC 7643 and 7644. The
state is in memory and open to tests; `asked` is every request that came.
"""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from tests.connectors.odd_patch import Refused, patched, patched_1
from tests.connectors.servers import http_server

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_FILTER = re.compile(r'^([\w.:]+) eq ("(?:[^"\\]|\\.)*")$')
_HTML = "<!DOCTYPE html><html><body><h1>Something went wrong</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Quirks:
    """What is odd. The defaults are not."""

    version: Literal["2.0", "1.1"] = "2.0"
    #: Whether it has a ServiceProviderConfig.
    declares: bool = True
    patch: Literal["full", "no-entries", "pathless", "active", "none"] = "full"
    patch_answers: Literal[200, 204] = 200
    operations: Literal["lower", "capital"] = "lower"
    filters: Literal["eq", "exact", "ignored", "refused", "broken", "missing"] = "eq"
    #: What can be filtered by; the rest is refused. None: everything.
    filterable: frozenset[str] | None = None
    #: Users that filters do not show, by their name.
    hidden: frozenset[str] = frozenset()
    pages: Literal["index", "zero", "cursor", "none", "overlapping"] = "index"
    count: Literal["obeyed", "broken", "refused"] = "obeyed"
    largest: int = 1000
    total: Literal["right", "wrong", "missing", "page"] = "right"
    taken: Literal[409, 400, 500] = 409
    errors: Literal["scim", "html", "good"] = "scim"
    etags: Literal["no", "offered", "required"] = "no"
    booleans: Literal["boolean", "text"] = "boolean"
    typed: bool = True
    external_id: bool = True
    required: tuple[str, ...] = ()
    #: Without `schemas`, with relative locations, ids in capitals where one is read.
    careless: bool = False
    members: Literal["list", "group", "never", "users"] = "list"
    members_named: Literal["id", "userName"] = "id"
    members_change: Literal["patch", "put", "user"] = "patch"
    members_remove: Literal["filter", "list", "broken"] = "filter"
    members_most: int = 10_000
    references: bool = False
    delete: Literal["removes", "switches_off", "refused"] = "removes"
    off: Literal["active", "final", "group", "refused"] = "active"


@dataclass(slots=True)
class Odd:
    """One server's state."""

    quirks: Quirks
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    address: str = ""
    #: What happens before the next change, once: somebody else's.
    meanwhile: Any = None
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    async def handle(self, request: web.Request) -> web.Response:
        """Answers everything."""
        path = request.path
        self.asked.append((request.method, path))
        try:
            return await self._answer(request, [part for part in path.split("/") if part])
        except Refused as refused:
            return self._error(refused)

    async def _answer(self, request: web.Request, parts: list[str]) -> web.Response:
        body = json.loads(await request.text() or "null")
        if body is not None:
            self.bodies.append(body)
        match request.method, parts:
            case "GET", ["ServiceProviderConfig" | "ServiceProviderConfigs"]:
                return self._config()
            case "GET", ["Users"]:
                return self._listed(request, list(self.users.values()), self._shown_user)
            case "GET", ["Groups"]:
                shown = list(self.groups.values())
                return self._listed(request, shown, lambda g: self._shown_group(g, listed=True))
            case "POST", ["Users"]:
                return self._sent(self._shown_user(self._create_user(body)), 201)
            case "POST", ["Groups"]:
                return self._sent(self._shown_group(self._create_group(body)), 201)
            case _, ["Users", identifier]:
                return self._one_user(request, self._find(self.users, identifier), body)
            case _, ["Groups", identifier]:
                return self._one_group(request, self._find(self.groups, identifier), body)
        raise Refused(404, "nothing is here")

    def _config(self) -> web.Response:
        quirks = self.quirks
        if not quirks.declares:
            raise Refused(404, "nothing is here")
        config: dict[str, Any] = {
            "patch": {"supported": quirks.patch != "none"},
            "filter": {"supported": quirks.filters in {"eq", "exact"}, "maxResults": 200},
            "etag": {"supported": quirks.etags != "no"},
            "bulk": {"supported": False},
        }
        if quirks.pages == "cursor":
            config["pagination"] = {"cursor": True, "index": False, "maxPageSize": quirks.largest}
        return web.json_response(config)

    # Lists.

    def _listed(self, request: web.Request, every: list[dict[str, Any]], show: Any) -> web.Response:
        quirks, query = self.quirks, request.query
        every = self._filtered(query.get("filter"), every)
        if "count" in query and quirks.count != "obeyed":
            raise Refused(500 if quirks.count == "broken" else 400, "count is not understood")
        most = min(int(query.get("count", quirks.largest)), quirks.largest)
        start, more = self._start(request), {}
        if quirks.pages == "none":
            if "startIndex" in query or "count" in query:
                raise Refused(400, "there are no pages")
            most = len(every)
        page = every[start : start + most]
        if quirks.pages == "cursor" and start + most < len(every):
            more = {"nextCursor": f"c{start + most}"}
        total: dict[str, Any] = {
            "right": {"totalResults": len(every)},
            "wrong": {"totalResults": len(every) and len(every) + 7, "itemsPerPage": 3},
            "page": {"totalResults": len(page)},
            "missing": {},
        }[quirks.total]
        if quirks.pages == "cursor":
            total = {}
        return self._sent({**total, **more, "Resources": [show(one) for one in page]})

    def _start(self, request: web.Request) -> int:
        query = request.query
        if self.quirks.pages == "cursor":
            if "startIndex" in query:
                raise Refused(400, "startIndex is not supported")
            return int((query.get("cursor") or "c0")[1:])
        start = int(query.get("startIndex", "1"))
        if self.quirks.pages == "zero":
            return start
        if self.quirks.pages == "overlapping" and start > 1:
            start -= 1
        return max(start, 1) - 1

    def _filtered(self, text: str | None, every: list[dict[str, Any]]) -> list[dict[str, Any]]:
        quirks = self.quirks
        if text is None or quirks.filters == "ignored":
            return every
        if quirks.filters in {"refused", "broken", "missing"}:
            raise Refused({"refused": 400, "broken": 500, "missing": 404}[quirks.filters], "filter")
        found = _FILTER.match(text)
        if found is None:
            raise Refused(400, "invalid filter", "invalidFilter")
        name, value = found[1], json.loads(found[2])
        if quirks.filterable is not None and name not in quirks.filterable:
            raise Refused(400, f"{name} cannot be filtered by", "invalidFilter")
        if name == "groups.value":
            inside = self.groups.get(value, {}).get("members", [])
            return [user for user in every if user["id"] in inside]
        fold: Callable[[str], str] = str if quirks.filters == "exact" else str.casefold
        wanted = fold(value)
        return [
            one
            for one in every
            if one.get("userName") not in quirks.hidden
            and any(fold(str(part)) == wanted for part in _values(one, name.split(".")))
        ]

    # Users.

    def _create_user(self, body: dict[str, Any]) -> dict[str, Any]:
        quirks = self.quirks
        user = self._accepted(body)
        name = user.get("userName")
        if not name:
            raise Refused(400, "userName is missing", "invalidValue")
        for required in quirks.required:
            if not _values(user, required.split(".")):
                raise Refused(400, f"{required} is missing", "invalidValue")
        self._free(name, None)
        user["id"] = f"u{next(self._numbers):06d}"
        if not quirks.external_id:
            user.pop("externalId", None)
        user.setdefault("active", True)
        user["meta"] = {"version": 'W/"1"'}
        self.users[user["id"]] = user
        return user

    def _accepted(self, body: dict[str, Any]) -> dict[str, Any]:
        """A user as sent, in the words of 2.0 and with real booleans; or refused."""
        quirks = self.quirks
        if quirks.booleans == "text" and isinstance(body.get("active"), bool):
            raise Refused(400, "active is a text here", "invalidValue")
        if quirks.booleans == "boolean" and isinstance(body.get("active"), str):
            raise Refused(400, "active is a boolean", "invalidValue")
        if quirks.version == "1.1" and "urn:scim:schemas:core:1.0" not in body.get("schemas", []):
            raise Refused(400, "schemas is missing")
        user = copy.deepcopy({k: v for k, v in body.items() if k not in {"schemas", "meta"}})
        if isinstance(user.get("active"), str):
            user["active"] = user["active"] == "True"
        for entry in user.get("emails") or []:
            if not quirks.typed and ({"type", "primary"} & entry.keys()):
                raise Refused(400, "Extra inputs are not permitted: emails, 0, type")
        return user

    def _free(self, name: str, own: str | None) -> None:
        for user in self.users.values():
            if user["id"] != own and user["userName"].casefold() == name.casefold():
                code = "uniqueness" if self.quirks.taken == 400 else ""
                raise Refused(self.quirks.taken, "that name is taken", code)

    def _one_user(self, request: web.Request, user: dict[str, Any], body: Any) -> web.Response:
        quirks = self.quirks
        if request.method == "GET":
            return self._sent(self._shown_user(user, alone=True))
        if request.method == "DELETE":
            if quirks.delete == "refused":
                raise Refused(405, "users are never deleted")
            if quirks.delete == "switches_off":
                user["active"] = False
            else:
                self._forget(user["id"])
            return web.Response(status=204)
        self._unchanged(request, user)
        if request.method == "PUT":
            made = self._accepted(body)
            if "active" not in made:
                made["active"] = False
            changed = {**made, "id": user["id"], "externalId": user.get("externalId")}
        elif quirks.version == "1.1":
            changed = patched_1(user, body)
        else:
            changed = self._patched_user(user, body)
        self._free(changed["userName"], user["id"])
        if quirks.off == "refused" and changed.get("active") != user.get("active"):
            raise Refused(403, "active is read-only")
        number = int(user["meta"]["version"][3:-1]) + 1
        user.clear()
        user.update({k: v for k, v in changed.items() if v not in (None, [], {})})
        user["meta"] = {"version": f'W/"{number}"'}
        if quirks.off == "final" and user.get("active") is False:
            self._forget(user["id"])
        return self._answered(self._shown_user(user))

    def _patched_user(self, user: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        quirks = self.quirks
        if quirks.patch == "none":
            raise Refused(405, "there is no PATCH")
        operations = body["Operations"]
        if quirks.members_change == "user" and operations[0]["path"].startswith("groups"):
            return self._regrouped(user, operations)
        if quirks.patch == "active" and {one.get("path") for one in operations} != {"active"}:
            raise Refused(400, "only active can be patched", "mutability")
        text = quirks.booleans == "text"
        changed = patched(
            {**user, "active": str(user["active"])} if text else user,
            operations,
            entries=quirks.patch == "full",
            paths=quirks.patch != "pathless",
            capital=quirks.operations == "capital",
        )
        return self._accepted({"schemas": ["urn:scim:schemas:core:1.0"], **changed})

    def _forget(self, identifier: str) -> None:
        del self.users[identifier]
        for group in self.groups.values():
            group["members"] = [one for one in group["members"] if one != identifier]

    def _shown_user(self, user: dict[str, Any], *, alone: bool = False) -> dict[str, Any]:
        quirks = self.quirks
        shown = copy.deepcopy(user)
        if quirks.booleans == "text":
            shown["active"] = "True" if shown.get("active") else "False"
        if quirks.etags == "no":
            shown["meta"] = {"lastModified": "2026-01-01T00:00:00Z"}
        shown["schemas"] = [CORE if quirks.version == "2.0" else "urn:scim:schemas:core:1.0"]
        if quirks.careless:
            del shown["schemas"]
            shown["meta"]["location"] = f"../Users/{user['id']}"
            shown["id"] = user["id"].upper() if alone else user["id"]
        if quirks.members == "users" or quirks.members_named == "userName":
            inside = [g for g in self.groups.values() if user["id"] in g["members"]]
            if inside:
                shown["groups"] = [{"value": g["id"], "display": g["displayName"]} for g in inside]
        return shown

    # Groups.

    def _create_group(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.quirks.references and "members" not in body:
            raise Refused(400, "Field 'members' is required", "invalidValue")
        group = {
            "id": f"g{next(self._numbers):06d}",
            "displayName": body["displayName"],
            "members": self._members(body.get("members") or []),
            "meta": {"version": 'W/"1"'},
        }
        self.groups[group["id"]] = group
        return group

    def _one_group(self, request: web.Request, group: dict[str, Any], body: Any) -> web.Response:
        quirks = self.quirks
        if request.method == "GET":
            return self._sent(self._shown_group(group))
        if request.method == "DELETE":
            del self.groups[group["id"]]
            return web.Response(status=204)
        self._unchanged(request, group)
        if request.method == "PUT":
            group["members"] = self._members(body.get("members") or [])
        elif quirks.members_change != "patch":
            raise Refused(405, "groups are not patched here")
        else:
            self._patch_group(group, body)
        number = int(group["meta"]["version"][3:-1]) + 1
        group["meta"] = {"version": f'W/"{number}"'}
        return self._answered(self._shown_group(group))

    def _patch_group(self, group: dict[str, Any], body: dict[str, Any]) -> None:
        quirks = self.quirks
        add: list[dict[str, Any]] = []
        gone: list[str] = []
        if quirks.version == "1.1":
            add = [one for one in body["members"] if one.get("operation") != "delete"]
            gone = [one["value"] for one in body["members"] if one.get("operation") == "delete"]
        for one in body.get("Operations", ()):
            if (one["op"] == one["op"].lower()) != (quirks.operations == "lower"):
                raise Refused(400, f"there is no operation {one['op']}", "invalidSyntax")
            if one["op"].lower() == "add":
                add += one["value"]
            elif "[" in one["path"]:
                if quirks.members_remove != "filter":
                    raise Refused(400 if quirks.members_remove == "list" else 500, "path")
                gone += re.findall(r'"(.*)"', one["path"])
            elif quirks.members_remove == "list":
                gone += [entry["value"] for entry in one["value"]]
            else:
                # By the standard everybody is removed.
                group["members"] = []
        if len(add) + len(gone) > quirks.members_most:
            raise Refused(400, "too many members at once", "tooMany")
        kept = [one for one in group["members"] if one not in gone]
        group["members"] = list(dict.fromkeys([*kept, *self._members(add)]))

    def _members(self, entries: list[dict[str, Any]]) -> list[str]:
        if self.quirks.references and any("$ref" not in entry for entry in entries):
            raise Refused(400, "Field '$ref' is required: members", "invalidValue")
        names = {user["userName"]: user["id"] for user in self.users.values()}
        found = [names.get(str(entry["value"]), str(entry["value"])) for entry in entries]
        if strangers := [one for one in found if one not in self.users]:
            raise Refused(400, f"there is no user {strangers[0]}", "invalidValue")
        return found

    def _regrouped(self, user: dict[str, Any], operations: list[Any]) -> dict[str, Any]:
        for one in operations:
            removing = one["op"] == "remove"
            names = re.findall(r'"(.*)"', one["path"]) if removing else [one["value"][0]["value"]]
            members = self._find(self.groups, names[0])["members"]
            if removing and user["id"] in members:
                members.remove(user["id"])
            elif not removing and user["id"] not in members:
                members.append(user["id"])
        return dict(user)

    def _shown_group(self, group: dict[str, Any], *, listed: bool = False) -> dict[str, Any]:
        quirks = self.quirks
        shown = {k: v for k, v in group.items() if k != "members"} | {"schemas": [GROUP]}
        if quirks.members in {"never", "users"} or (quirks.members == "group" and listed):
            return shown
        by_name = quirks.members_named == "userName"
        called = [self.users[one]["userName"] if by_name else one for one in group["members"]]
        shown["members"] = [{"value": one, "$ref": f"{self.address}/Users/{one}"} for one in called]
        return shown

    # What both share.

    def _find(self, kept: dict[str, dict[str, Any]], identifier: str) -> dict[str, Any]:
        found = kept.get(identifier) or kept.get(identifier.lower())
        if found is None and kept is self.users and self.quirks.members_named == "userName":
            found = next((u for u in kept.values() if u["userName"] == identifier), None)
        if found is None:
            raise Refused(404, "it is not here")
        return found

    def _unchanged(self, request: web.Request, resource: dict[str, Any]) -> None:
        if self.meanwhile is not None:
            act, self.meanwhile = self.meanwhile, None
            act(resource)
        version = request.headers.get("If-Match")
        if self.quirks.etags == "required" and version is None:
            raise Refused(428, "name the version")
        if self.quirks.etags != "no" and version not in {None, resource["meta"]["version"]}:
            raise Refused(412, "somebody was quicker")

    def _answered(self, resource: dict[str, Any]) -> web.Response:
        if self.quirks.patch_answers == 204:
            return web.Response(status=204)
        return self._sent(resource)

    def _sent(self, body: dict[str, Any], status: int = 200) -> web.Response:
        return web.json_response(body, status=status, content_type="application/scim+json")

    def _error(self, refused: Refused) -> web.Response:
        if self.quirks.errors == "html" and refused.status >= 400:
            return web.Response(status=refused.status, text=_HTML, content_type="text/html")
        body: dict[str, Any] = {
            "schemas": [ERROR],
            "status": str(refused.status),
            "detail": refused.detail,
        }
        if self.quirks.version == "1.1":
            body = {"Errors": [{"description": refused.detail, "code": str(refused.status)}]}
        elif refused.code:
            body["scimType"] = refused.code
        good = self.quirks.errors == "good" and refused.status not in {401, 404}
        return web.json_response(body, status=200 if good else refused.status)


def _values(resource: Any, names: list[str]) -> list[Any]:
    """The values at a dotted path, through lists."""
    if isinstance(resource, list):
        return [found for one in resource for found in _values(one, names)]
    if not names:
        return [] if resource is None else [resource]
    if not isinstance(resource, dict):
        return []
    return _values(resource.get(names[0]), names[1:])


@asynccontextmanager
async def odd_scim(quirks: Quirks, kind: type[Odd] = Odd) -> AsyncIterator[Odd]:
    """A running one; `odd.address` says where."""
    odd = kind(quirks)
    async with http_server(odd.handle) as address:
        odd.address = address
        yield odd
