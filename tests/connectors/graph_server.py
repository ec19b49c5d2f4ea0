"""Microsoft Graph as its documentation says: a server that refuses what the real one refuses.

It is written from the pages named beside each rule, and was never compared with the real one. What
is not documented there is not here.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

TOKEN = "a-token-that-nobody-may-see"
#: https://learn.microsoft.com/en-us/graph/api/user-list: what is shown without $select.
DEFAULT = [
    *("businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone"),
    *("officeLocation", "preferredLanguage", "surname", "userPrincipalName"),
]
#: https://learn.microsoft.com/en-us/graph/api/resources/user
PROPERTIES = {
    *DEFAULT,
    *("accountEnabled", "assignedLicenses", "city", "companyName", "country", "department"),
    *("employeeHireDate", "employeeLeaveDateTime"),
    *(
        "deletedDateTime",
        "employeeId",
        "employeeType",
        "mailNickname",
        "onPremisesExtensionAttributes",
    ),
    *("onPremisesImmutableId", "otherMails", "postalCode", "state", "streetAddress"),
    *("usageLocation", "userType"),
}
READ_ONLY = {"id", "assignedLicenses"}
REQUIRED = {"accountEnabled", "displayName", "mailNickname", "passwordProfile", "userPrincipalName"}
_EXPAND = "manager($select=id,employeeId)"
_EQ = re.compile(r"([\w/]+)(?:/any\(x:x)? eq '((?:[^']|'')*)'\)?")


class Refused(Exception):
    def __init__(
        self, status: int, code: str, message: str, detail: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.detail = status, code, detail

    def response(self) -> web.Response:
        """https://learn.microsoft.com/en-us/graph/errors"""
        error: dict[str, Any] = {"code": self.code, "message": str(self), "innerError": {}}
        if self.detail:
            error["details"] = [self.detail]
        return web.json_response({"error": error}, status=self.status)


def missing(what: str) -> Refused:
    message = f"Resource '{what}' does not exist or one of its queried references are not present."
    return Refused(404, "Request_ResourceNotFound", message)


def bad(message: str, detail: dict[str, str] | None = None) -> Refused:
    return Refused(400, "Request_BadRequest", message, detail)


@dataclass
class Tenant:
    """What is in it, and what was asked."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    skus: dict[str, str] = field(default_factory=dict)
    seats: dict[str, int] = field(default_factory=dict)
    revoked: list[str] = field(default_factory=list)
    #: Who was deleted, for 30 days.
    deleted: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Role template id -> who holds it.
    roles: dict[str, list[str]] = field(default_factory=dict)
    reads_roles: bool = True
    asked: list[str] = field(default_factory=list)
    me: str = ""
    #: Status, headers and how often: before anything else.
    trouble: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    #: Ids in the order in which they changed, and the place before which nobody remembers them.
    changed: list[str] = field(default_factory=list)
    forgotten: int = 0
    #: Ids that reads do not show yet.
    unseen: dict[str, int] = field(default_factory=dict)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        if self.trouble:
            status, headers = self.trouble.pop(0)
            return web.json_response({"error": {"code": "x"}}, status=status, headers=headers)
        try:
            if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise Refused(401, "InvalidAuthenticationToken", "Access token is empty.")
            return await self._routed(request)
        except Refused as error:
            return error.response()

    async def _routed(self, request: web.Request) -> web.Response:
        body: Any = await request.json() if request.can_read_body else None
        query = dict(parse_qsl(request.query_string, keep_blank_values=True))
        version, *parts = request.path.strip("/").split("/")
        assert version == "v1.0"
        match (request.method, *parts):
            case ("GET", "me") if not self.me:
                raise bad("/me request is only valid with delegated authentication flow.")
            case ("GET", "me"):
                return web.json_response(self._user(self.me))
            case ("GET", "users"):
                if query.get("$expand") == _EXPAND:
                    del query["$expand"]
                    return self._listed(request, list(self.users.values()), query, self._expanded)
                return self._listed(request, list(self.users.values()), query, self._projected)
            case ("GET", "users", "delta"):
                return self._delta(request, query)
            case ("POST", "users"):
                return self._created(body)
            case (method, "users", key, *rest):
                return self._one(method, key, rest, body, query)
            case ("GET", role, "members") if role.startswith("directoryRoles("):
                return self._role(request, role, query)
            case ("GET", "directory", "deletedItems", "microsoft.graph.user"):
                return self._listed(request, list(self.deleted.values()), query, self._projected)
            case ("POST", "directory", "deletedItems", key, "restore"):
                return self._restored(key)
            case ("GET", "subscribedSkus"):
                return self._skus(query)
            case ("GET", "groups"):
                return self._listed(request, list(self.groups.values()), query, dict)
            case ("POST", "groups"):
                return self._created_group(body)
            case (method, "groups", key, *rest):
                return self._one_group(request, method, key, rest, body, query)
        raise bad(f"Resource not found for the segment '{parts[0]}'.")

    def _role(self, request: web.Request, role: str, query: dict[str, str]) -> web.Response:
        """https://learn.microsoft.com/en-us/graph/api/directoryrole-list-members"""
        if not self.reads_roles:
            raise Refused(403, "Authorization_RequestDenied", "Insufficient privileges.")
        match = re.fullmatch(r"directoryRoles\(roleTemplateId='([0-9a-f-]+)'\)", role)
        if match is None or match[1] not in self.roles:
            # A role that nobody ever held is not activated.
            raise missing(role)
        found = [
            {"@odata.type": "#microsoft.graph.user", "id": one} for one in self.roles[match[1]]
        ]
        return self._listed(request, found, query, dict)

    def _restored(self, key: str) -> web.Response:
        """https://learn.microsoft.com/en-us/graph/api/directory-deleteditems-restore"""
        if key not in self.deleted:
            raise missing(key)
        user = self.deleted.pop(key)
        user["userPrincipalName"] = user["userPrincipalName"].removeprefix(key.replace("-", ""))
        for other in self.users.values():
            if other["userPrincipalName"].lower() == user["userPrincipalName"].lower():
                self.deleted[key] = user
                raise bad("Another object with the same value for property userPrincipalName.")
        self.users[key] = user
        return web.json_response(self._projected(user, None))

    # Users.

    def _user(self, key: str) -> dict[str, Any]:
        if self.unseen.get(key, 0) > 0:
            self.unseen[key] -= 1
            raise missing(key)
        if key not in self.users:
            raise missing(key)
        return self.users[key]

    def _one(
        self, method: str, key: str, rest: list[str], body: Any, query: dict[str, str]
    ) -> web.Response:
        user = self._user(key)
        match (method, *rest):
            case ("GET",) if query.get("$expand") == _EXPAND:
                return web.json_response(self._expanded(user, query.get("$select")))
            case ("GET",):
                return web.json_response(self._projected(user, query.get("$select")))
            case ("PATCH",):
                self._checked(body, key)
                self._changed(user, body)
                return web.Response(status=204)
            case ("DELETE",):
                # The name of who is deleted is free: their id stands before it until they are back.
                gone = {**self.users.pop(key), "deletedDateTime": f"2026-11-{len(self.asked):04}"}
                gone["userPrincipalName"] = key.replace("-", "") + gone["userPrincipalName"]
                self.deleted[key] = gone
                self.changed.append(key)
                for members in self.members.values():
                    if key in members:
                        members.remove(key)
                return web.Response(status=204)
            case ("POST", "revokeSignInSessions"):
                self.revoked.append(key)
                return web.json_response({"value": True})
            case ("POST", "assignLicense"):
                return self._licensed(user, body)
        raise bad(f"{method} {rest}")

    def _created(self, body: dict[str, Any]) -> web.Response:
        """https://learn.microsoft.com/en-us/graph/api/user-post-users"""
        for name in sorted(REQUIRED):
            if body.get(name) in (None, ""):
                raise bad(f"A value is required for property '{name}' of resource 'User'.")
        profile = body.pop("passwordProfile")
        assert len(profile["password"]) >= 8
        assert set(profile) <= {"password", "forceChangePasswordNextSignIn"}
        self._checked(body, "")
        user = {"id": str(uuid.uuid4()), "userType": "Member", "assignedLicenses": []}
        self._changed(user, body)
        self.users[user["id"]] = user  # type: ignore[index]
        return web.json_response(self._projected(user, None), status=201)

    def _checked(self, body: dict[str, Any], key: str) -> None:
        assert body, "an empty change"
        for name, value in body.items():
            if name not in PROPERTIES - READ_ONLY:
                raise bad(f"One or more property values specified are invalid: {name}.")
            if name in {"businessPhones", "otherMails"}:
                assert isinstance(value, list)
                if name == "businessPhones" and len(value) > 1:
                    raise bad("Invalid value specified for property 'businessPhones'.")
            elif name == "displayName" and not value:
                raise bad("Invalid value specified for property 'displayName'.")
        login = body.get("userPrincipalName")
        if login is None:
            return
        if not re.fullmatch(r"[A-Za-z0-9'._!#^~-]+@example\.com", login, re.IGNORECASE):
            raise bad("The domain portion of the userPrincipalName property is invalid.")
        for other in self.users.values():
            same = other["userPrincipalName"].lower() == login.lower()
            if same and other["id"] != key:
                # As in github.com/microsoftgraph/microsoft-graph-docs issue 1508.
                raise bad(
                    "Another object with the same value for property userPrincipalName already "
                    "exists.",
                    {"code": "ObjectConflict", "target": "userPrincipalName"},
                )

    def _delta(self, request: web.Request, query: dict[str, str]) -> web.Response:
        """https://learn.microsoft.com/en-us/graph/delta-query-users: `latest` gives no users; a
        page tells some more than once; 410 for what is forgotten."""
        address = f"{request.url.origin()}{request.path}"
        if query.get("$deltatoken") == "latest":
            self._projected({}, query.pop("$select").replace(",manager", ""))
            link = f"{address}?$deltatoken={len(self.changed)}"
            return web.json_response({"value": [], "@odata.deltaLink": link})
        # The rest of what was asked for first is in the token.
        assert len(query) == 1
        start = int(query.get("$deltatoken") or query["$skiptoken"])
        if start < self.forgotten:
            raise Refused(410, "syncStateNotFound", "The sync state generation is not found.")
        page = self.changed[start : start + 2]
        told = [
            {"id": one, "givenName": self.users[one].get("givenName")}
            if one in self.users
            else {"id": one, "@removed": {"reason": "changed"}}
            for one in page
        ]
        rest = start + 2 < len(self.changed)
        kind, token = ("next", "skip") if rest else ("delta", "delta")
        at = start + 2 if rest else len(self.changed)
        return web.json_response(
            {"value": told, f"@odata.{kind}Link": f"{address}?${token}token={at}"}
        )

    def _expanded(self, user: dict[str, Any], select: str | None = None) -> dict[str, Any]:
        """https://learn.microsoft.com/en-us/graph/api/user-list-manager"""
        shown = self._projected(user, select)
        manager = self.users.get(str(user.get("manager")))
        if manager is not None:
            shown["manager"] = {name: manager.get(name) for name in ("id", "employeeId")}
        return shown

    def _changed(self, user: dict[str, Any], body: dict[str, Any]) -> None:
        self.changed.append(user["id"])
        for name, value in body.items():
            if name == "onPremisesExtensionAttributes":
                user.setdefault(name, {}).update(value)
            else:
                user[name] = value

    def _projected(self, user: dict[str, Any], select: str | None = None) -> dict[str, Any]:
        names = select.split(",") if select else DEFAULT
        for name in names:
            if name not in PROPERTIES:
                raise bad(
                    f"Could not find a property named '{name}' on type 'microsoft.graph.user'."
                )
        return {name: user.get(name, [] if name == "businessPhones" else None) for name in names}

    def _licensed(self, user: dict[str, Any], body: dict[str, Any]) -> web.Response:
        """https://learn.microsoft.com/en-us/graph/api/user-assignlicense"""
        assert set(body) == {"addLicenses", "removeLicenses"}
        held = {one["skuId"] for one in user["assignedLicenses"]}
        for sku in body["removeLicenses"]:
            if sku not in held:
                raise bad("User does not have a corresponding license.")
            user["assignedLicenses"] = [x for x in user["assignedLicenses"] if x["skuId"] != sku]
        for one in body["addLicenses"]:
            if not user.get("usageLocation"):
                raise bad("License assignment cannot be done for user with invalid usage location.")
            used = sum(
                one["skuId"] in {x["skuId"] for x in other["assignedLicenses"]}
                for other in self.users.values()
            )
            if used >= self.seats[one["skuId"]]:
                raise bad(f"Subscription with SKU {one['skuId']} does not have any available.")
            user["assignedLicenses"].append(one)
        return web.json_response(self._projected(user))

    def _skus(self, query: dict[str, str]) -> web.Response:
        """Only $select (https://learn.microsoft.com/en-us/graph/api/subscribedsku-list)."""
        if set(query) - {"$select"}:
            raise bad("Query option is not supported.")
        value = [{"skuId": sku, "skuPartNumber": name} for sku, name in self.skus.items()]
        return web.json_response({"value": value})

    # Groups.

    def _created_group(self, body: dict[str, Any]) -> web.Response:
        """https://learn.microsoft.com/en-us/graph/api/group-post-groups"""
        for name in ("displayName", "mailEnabled", "mailNickname", "securityEnabled"):
            if name not in body:
                raise bad(f"A value is required for property '{name}' of resource 'Group'.")
        if not re.fullmatch(r"[!-~]{1,64}", body["mailNickname"]):
            raise bad("Invalid value specified for property 'mailNickname' of resource 'Group'.")
        group = {"id": str(uuid.uuid4()), "groupTypes": [], **body}
        self.groups[group["id"]] = group
        self.members[group["id"]] = []
        return web.json_response(group, status=201)

    def _one_group(
        self,
        request: web.Request,
        method: str,
        key: str,
        rest: list[str],
        body: Any,
        query: dict[str, str],
    ) -> web.Response:
        if key not in self.groups:
            raise missing(key)
        members = self.members[key]
        match (method, *rest):
            case ("DELETE",):
                del self.groups[key]
                return web.Response(status=204)
            case ("GET", "members"):
                found = [{"@odata.type": "#microsoft.graph.user", "id": one} for one in members]
                return self._listed(request, found, query, dict)
            case ("PATCH",):
                self._bound(members, body)
                return web.Response(status=204)
            case ("DELETE", "members", member, "$ref"):
                if member not in members:
                    raise missing(member)
                members.remove(member)
                return web.Response(status=204)
        # Without $ref the account itself is deleted: api/group-delete-members.
        raise AssertionError(f"{method} {rest}")

    def _bound(self, members: list[str], body: dict[str, Any]) -> None:
        """All or nothing, 20 at once: https://learn.microsoft.com/en-us/graph/api/group-post-members"""
        ids = [one.rpartition("/directoryObjects/")[2] for one in body["members@odata.bind"]]
        assert len(ids) <= 20
        for one in ids:
            self._user(one)
            if one in members:
                raise bad("One or more added object references already exist: 'members'.")
        members += ids

    # Collections.

    def _listed(
        self, request: web.Request, found: list[dict[str, Any]], query: dict[str, str], shape: Any
    ) -> web.Response:
        """$top, $filter, $select and $skiptoken (https://learn.microsoft.com/en-us/graph/paging)."""
        known = {"$top", "$filter", "$select", "$skiptoken", "$count"}
        if set(query) - known:
            raise bad(f"{set(query) - known} is not supported.")
        top = int(query.get("$top", "100"))
        if not 1 <= top <= 999:
            raise bad("Invalid page size specified: must be between 1 and 999 inclusive.")
        advanced = request.headers.get("ConsistencyLevel") == "eventual"
        if wanted := query.get("$filter"):
            found = [one for one in found if _meets(one, wanted, advanced, query)]
        start = int(query.get("$skiptoken", "0"))
        page = found[start : start + top]
        shaped = page if shape is dict else [shape(one, query.get("$select")) for one in page]
        answer: dict[str, Any] = {"value": shaped}
        if start + top < len(found):
            if shape == self._expanded:
                query["$expand"] = _EXPAND
            rest = "&".join(f"{k}={v}" for k, v in query.items() if k != "$skiptoken")
            link = f"{request.url.origin()}{request.path}?{rest}&$skiptoken={start + top}"
            answer["@odata.nextLink"] = link.replace(" ", "%20").replace("'", "%27")
        return web.json_response(answer)


def _meets(one: dict[str, Any], wanted: str, advanced: bool, query: dict[str, str]) -> bool:
    if match := re.fullmatch(r"startswith\(displayName,'((?:[^']|'')*)'\)", wanted):
        return str(one["displayName"]).startswith(match[1].replace("''", "'"))
    match = _EQ.fullmatch(wanted)
    if match is None:
        raise bad("Invalid filter clause.")
    name, value = match[1], match[2].replace("''", "'").lower()
    simple = {"userPrincipalName", "mail", "displayName", "surname", "givenName", "employeeId"}
    if name not in simple and not (advanced and query.get("$count") == "true"):
        raise Refused(400, "Request_UnsupportedQuery", "Unsupported Query.")
    for step in name.split("/"):
        one = (one or {}).get(step)  # type: ignore[assignment]
    found = one if isinstance(one, list) else [one]
    return value in [str(x).lower() for x in found if x is not None]
