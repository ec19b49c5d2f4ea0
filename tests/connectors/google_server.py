"""Google's Directory, Licensing and Data Transfer APIs as their discovery documents say: a server
that refuses what the real ones refuse.

Paths, parameters, limits and field names are those of `admin.directory_v1`, `licensing.v1` and
`admin.datatransfer_v1` in
google-api-python-client 2.202.0; it was never compared with the real ones.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from aiohttp import web

TOKEN = "a-token-that-nobody-may-see"
CUSTOMER = "C0abc1234"
DOMAIN = "example.com"
#: What can be written of `User`.
WRITABLE = {
    *("addresses", "archived", "changePasswordAtNextLogin", "customSchemas", "emails"),
    *("externalIds", "gender", "includeInGlobalAddressList", "ims", "keywords", "languages"),
    *("locations", "name", "notes", "orgUnitPath", "organizations", "password", "phones"),
    *("posixAccounts", "primaryEmail", "recoveryEmail", "recoveryPhone", "relations"),
    *("sshPublicKeys", "suspended", "websites"),
}
LISTS = {
    "addresses": {"type", "customType", "formatted", "primary"},
    "emails": {"type", "customType", "address", "primary"},
    "externalIds": {"type", "customType", "value"},
    "organizations": {
        *("type", "customType", "primary", "title", "department", "costCenter", "name"),
        *("description", "location"),
    },
    "phones": {"type", "customType", "value", "primary"},
    "relations": {"type", "customType", "value"},
}
#: https://developers.google.com/workspace/admin/data-transfer/v1/parameters
APPLICATIONS: list[dict[str, Any]] = [
    {
        "id": "55656082996",
        "name": "Drive and Docs",
        "transferParams": [{"key": "PRIVACY_LEVEL", "value": ["PRIVATE", "SHARED"]}],
    },
    {
        "id": "435070579839",
        "name": "Calendar",
        "transferParams": [{"key": "RELEASE_RESOURCES", "value": ["TRUE"]}],
    },
    {"id": "810260081642", "name": "Data Studio"},
]
TRANSFER = ("oldOwnerUserId", "newOwnerUserId", "applicationDataTransfers")
_QUERY = re.compile(r"(\w+)='([^']*)'")


class Refused(Exception):
    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason

    def response(self) -> web.Response:
        errors = [{"domain": "global", "reason": self.reason, "message": str(self)}]
        error = {"code": self.status, "message": str(self), "errors": errors}
        return web.json_response({"error": error}, status=self.status)


def missing(what: str) -> Refused:
    return Refused(404, "notFound", f"Resource Not Found: {what}")


def invalid(what: str) -> Refused:
    return Refused(400, "invalid", f"Invalid Input: {what}")


@dataclass
class Workspace:
    """What is in it, and what was asked."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    members: dict[str, dict[str, str]] = field(default_factory=dict)
    #: product/SKU -> addresses, and how many there may be.
    licences: dict[str, set[str]] = field(default_factory=dict)
    seats: dict[str, int] = field(default_factory=dict)
    units: set[str] = field(default_factory=lambda: {"/", "/Europe", "/Europe/Sales"})
    #: Who was deleted, for 20 days.
    deleted: dict[str, dict[str, Any]] = field(default_factory=dict)
    signed_out: list[str] = field(default_factory=list)
    trouble: list[Refused] = field(default_factory=list)
    #: What was asked to be handed over, what becomes of it, and how often it is asked before.
    transfers: dict[str, dict[str, Any]] = field(default_factory=dict)
    becomes: str = "completed"
    takes: int = 0
    may_transfer: bool = True
    #: Ids that are not everywhere yet.
    unseen: dict[str, int] = field(default_factory=dict)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        try:
            if self.trouble:
                raise self.trouble.pop(0)
            if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise Refused(401, "authError", "Invalid Credentials")
            return await self._routed(request)
        except Refused as error:
            return error.response()

    async def _routed(self, request: web.Request) -> web.Response:
        body: Any = await request.json() if request.can_read_body else None
        query = dict(parse_qsl(request.query_string, keep_blank_values=True))
        parts = [unquote(part) for part in request.raw_path.split("?")[0].strip("/").split("/")]
        match (request.method, *parts):
            case ("GET", "admin", "directory", "v1", "users"):
                return self._listed_users(query)
            case ("POST", "admin", "directory", "v1", "users"):
                return self._created(body)
            case (method, "admin", "directory", "v1", "users", key, *rest):
                return self._one(method, key, rest, body)
            case ("GET", "admin", "directory", "v1", "groups"):
                return _paged("groups", list(self.groups.values()), query, 200, {"customer"})
            case ("POST", "admin", "directory", "v1", "groups"):
                return self._created_group(body)
            case (method, "admin", "directory", "v1", "groups", key, *rest):
                return self._group(method, key, rest, body, query)
            case (method, "apps", "licensing", "v1", "product", product, "sku", sku, *rest):
                return self._licensed(method, f"{product}/{sku}", rest, body, query)
            case (method, "admin", "datatransfer", "v1", *rest):
                return self._handed_over(method, rest, body, query)
        raise missing("/".join(parts))

    def _handed_over(
        self, method: str, rest: list[str], body: Any, query: dict[str, str]
    ) -> web.Response:
        if not self.may_transfer:
            text = "Request had insufficient authentication scopes."
            raise Refused(403, "insufficientPermissions", text)
        match (method, *rest):
            case ("GET", "applications"):
                return _paged("applications", APPLICATIONS, query, 500, set())
            case ("GET", "transfers"):
                names = ("oldOwnerUserId", "newOwnerUserId")
                asked = {name: query.pop(name) for name in names}
                found = [one for one in self.transfers.values() if asked.items() <= one.items()]
                return _paged("dataTransfers", found, query, 500, set())
            case ("POST", "transfers"):
                assert body.keys() == set(TRANSFER)
                for name in ("oldOwnerUserId", "newOwnerUserId"):
                    # Ids only, of this Workspace.
                    if body[name] not in self.users:
                        raise invalid(name)
                key = secrets.token_hex(8)
                at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
                told = {"id": key, "overallTransferStatusCode": "inProgress", "requestTime": at}
                self.transfers[key] = {**body, **told}
                return web.json_response(self.transfers[key])
            case ("GET", "transfers", key) if key in self.transfers:
                self.takes -= 1
                if self.takes < 0:
                    self.transfers[key]["overallTransferStatusCode"] = self.becomes
                return web.json_response(self.transfers[key])
        raise missing("/".join(rest))

    def _user(self, key: str) -> dict[str, Any]:
        found = self.users.get(key)
        for user in self.users.values():
            if key.lower() in {user["primaryEmail"].lower(), *user.get("aliases", ())}:
                found = user
        if found is None and "@" in key and not key.lower().endswith(f"@{DOMAIN}"):
            raise Refused(403, "forbidden", "Not Authorized to access this resource/api")
        if found is None:
            raise missing("userKey")
        if self.unseen.get(found["id"], 0) > 0:
            self.unseen[found["id"]] -= 1
            raise missing("userKey")
        return found

    def _one(self, method: str, key: str, rest: list[str], body: Any) -> web.Response:
        user = self._user(key)
        match (method, *rest):
            case ("GET",):
                return web.json_response(self._shown(user))
            case ("PUT",):
                self._checked(body, user["id"])
                self._changed(user, body)
                return web.json_response(self._shown(user))
            case ("DELETE",):
                self.deleted[user["id"]] = self.users.pop(user["id"])
                for members in self.members.values():
                    members.pop(user["id"], None)
                return web.Response(status=204)
            case ("POST", "signOut"):
                self.signed_out.append(user["id"])
                return web.Response(status=204)
        raise missing("/".join(rest))

    def _created(self, body: dict[str, Any]) -> web.Response:
        for name in ("primaryEmail", "password", "name"):
            if not body.get(name):
                raise invalid(name)
        if not body["name"].get("givenName") or not body["name"].get("familyName"):
            raise invalid("name")
        self._checked(body, "")
        user: dict[str, Any] = {"id": str(secrets.randbelow(10**21)), "suspended": False}
        user |= {"orgUnitPath": "/", "customerId": CUSTOMER, "name": {}}
        self._changed(user, body)
        self.users[user["id"]] = user
        return web.json_response(self._shown(user))

    def _checked(self, body: dict[str, Any], key: str) -> None:
        assert body, "an empty change"
        for name, value in body.items():
            if name not in WRITABLE:
                raise invalid(name)
            if name in LISTS and value is not None:
                assert isinstance(value, list)
                assert value, "of an empty list the documentation says nothing"
                for one in value:
                    if not set(one) <= LISTS[name]:
                        raise invalid(name)
        for part in ("givenName", "familyName"):
            if len(str(body.get("name", {}).get(part) or "")) > 60:
                raise invalid("name")
        if body.get("orgUnitPath", "/") not in self.units:
            raise Refused(400, "invalid", "Invalid Input: INVALID_OU_ID")
        address = body.get("primaryEmail")
        if address is None:
            return
        if not address.lower().endswith(f"@{DOMAIN}"):
            raise missing("domain")
        for other in self.users.values():
            if other["primaryEmail"].lower() == address.lower() and other["id"] != key:
                raise Refused(409, "duplicate", "Entity already exists.")

    def _changed(self, user: dict[str, Any], body: dict[str, Any]) -> None:
        if "primaryEmail" in body and "primaryEmail" in user:
            # The old address becomes an alias.
            user.setdefault("aliases", []).append(user["primaryEmail"].lower())
        for name, value in body.items():
            if name in {"password", "changePasswordAtNextLogin"}:
                continue
            if isinstance(value, dict):
                merged = {**user.get(name, {}), **value}
                user[name] = {k: v for k, v in merged.items() if v is not None}
            elif value is None:
                user.pop(name, None)
            else:
                user[name] = value

    def _shown(self, user: dict[str, Any]) -> dict[str, Any]:
        """With the addresses that Google adds by itself."""
        own = [{"address": user["primaryEmail"], "primary": True}]
        own += [{"address": alias} for alias in user.get("aliases", ())]
        tag = blake2b(orjson.dumps(user, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
        return {**user, "etag": f'"{tag}"', "emails": [*user.get("emails", []), *own]}

    def _listed_users(self, query: dict[str, str]) -> web.Response:
        found = [self._shown(user) for user in self.users.values()]
        if query.get("query") == "isAdmin=true":
            del query["query"]
            found = [user for user in found if user.get("isAdmin")]
        elif wanted := query.pop("query", ""):
            match = _QUERY.fullmatch(wanted)
            if match is None:
                raise invalid("query")
            found = [user for user in found if match[2].lower() in _searched(user, match[1])]
        assert query.pop("projection", "full") == "full"
        if query.pop("showDeleted", "false") == "true":
            found = [self._shown(user) for user in self.deleted.values()]
        if "fields" in query:
            assert query.pop("fields") == "nextPageToken,users(id,etag)"
            found = [{name: user[name] for name in ("id", "etag")} for user in found]
        return _paged("users", found, query, 500, {"customer"})

    def _created_group(self, body: dict[str, Any]) -> web.Response:
        if not str(body.get("email")).endswith(f"@{DOMAIN}"):
            raise invalid("email")
        if any(group["email"] == body["email"] for group in self.groups.values()):
            raise Refused(409, "duplicate", "Entity already exists.")
        group = {"id": secrets.token_hex(8), **body, "directMembersCount": "0"}
        self.groups[group["id"]] = group
        self.members[group["id"]] = {}
        return web.json_response(group)

    def _group(
        self, method: str, key: str, rest: list[str], body: Any, query: dict[str, str]
    ) -> web.Response:
        if key not in self.groups:
            raise missing("groupKey")
        members = self.members[key]
        match (method, *rest):
            case ("GET",):
                return web.json_response(self.groups[key])
            case ("DELETE",):
                del self.groups[key]
                return web.Response(status=204)
            case ("GET", "members"):
                found = [{"id": one, "type": "USER", "role": r} for one, r in members.items()]
                return _paged("members", found, query, 200, set())
            case ("POST", "members"):
                assert set(body) == {"email", "role"}
                user = self._user(body["email"])
                if user["id"] in members:
                    raise Refused(409, "duplicate", "Member already exists.")
                members[user["id"]] = body["role"]
            case ("DELETE", "members", member):
                if member not in members:
                    raise missing("memberKey")
                del members[member]
            case _:
                raise missing("/".join(rest))
        self.groups[key]["directMembersCount"] = str(len(members))
        return web.json_response({}) if method == "POST" else web.Response(status=204)

    def _licensed(
        self, method: str, product: str, rest: list[str], body: Any, query: dict[str, str]
    ) -> web.Response:
        if product not in self.licences:
            raise missing(product)
        held = self.licences[product]
        match (method, *rest):
            case ("GET", "users"):
                if query.get("customerId") != CUSTOMER:
                    raise invalid("customerId")
                found = [{"userId": address} for address in sorted(held)]
                return _paged("items", found, query, 1000, {"customerId"})
            case ("POST", "user"):
                assert set(body) == {"userId"}
                if body["userId"] in held:
                    raise Refused(409, "duplicate", "User already has a license.")
                if len(held) >= self.seats[product]:
                    raise Refused(412, "conditionNotMet", "Domain has no licenses left.")
                held.add(self._user(body["userId"])["primaryEmail"])
                return web.json_response({"userId": body["userId"]})
            case ("DELETE", "user", address):
                if address not in held:
                    raise missing("userId")
                held.remove(address)
                return web.Response(status=200)
        raise missing("/".join(rest))


def _searched(user: dict[str, Any], name: str) -> set[str]:
    found: set[str] = set()
    if name == "email":
        found = {one["address"].lower() for one in user["emails"]}
    elif name in {"givenName", "familyName"}:
        found = {str(user["name"].get(name)).lower()}
    elif name == "externalId":
        found = {one["value"].lower() for one in user.get("externalIds", ())}
    else:
        raise invalid("query")
    return found


def _paged(
    key: str, found: list[dict[str, Any]], query: dict[str, str], most: int, needed: set[str]
) -> web.Response:
    assert needed <= set(query) <= needed | {"maxResults", "pageToken"}, query
    size = int(query.get("maxResults", "100"))
    assert 1 <= size <= most
    start = int(query.get("pageToken", "0"))
    answer: dict[str, Any] = {"kind": "x"}
    if page := found[start : start + size]:
        answer[key] = page
    if start + size < len(found):
        answer["nextPageToken"] = str(start + size)
    return web.json_response(answer)
