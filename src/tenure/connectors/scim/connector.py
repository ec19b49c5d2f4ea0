"""The connector for any application that speaks SCIM 2.0 by the RFC.

It turns the port's verbs into requests and answers into accounts. How attributes, changes and
listings look is in the modules beside it; what goes wrong on the way is decided in the funnel. It
must not know the engine, or the peculiarities of any one product.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from types import TracebackType
from typing import Any, ClassVar, Self

import orjson
from pydantic import BaseModel

from tenure.connectors.answers import HttpRejected
from tenure.connectors.base import (
    Capabilities,
    Check,
    ConnectorConfig,
    ConnectorError,
    Listed,
    OutcomeUnknown,
    Rejected,
    RemoteAccount,
    RemoteEntitlement,
    RetryLater,
    Unsupported,
)
from tenure.connectors.http import HttpFunnel, segment
from tenure.connectors.scim import patch
from tenure.connectors.scim.attributes import (
    boolean,
    entries,
    flatten,
    path,
    present,
    put,
    unflatten,
)
from tenure.connectors.scim.checks import checked
from tenure.connectors.scim.listing import pages
from tenure.connectors.scim.settings import ScimSecrets, ScimSettings
from tenure.core.model import Attributes, Value

_GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
#: What a server calls it when an entry that a path names is not there, or the path is beyond it.
_OTHER_WAY = frozenset({"", "notarget", "invalidpath", "invalidfilter"})


class ScimConnector:
    """SCIM 2.0. A 403 for one account is `Rejected`, as it may be protected there; anywhere else
    it is `StopApplication`."""

    Settings: ClassVar[type[BaseModel]] = ScimSettings
    Secrets: ClassVar[type[BaseModel]] = ScimSecrets

    capabilities: Capabilities

    def __init__(self, config: ConnectorConfig) -> None:
        settings = ScimSettings.model_validate(dict(config.settings))
        token = ""
        if config.tokens is None:
            token = ScimSecrets.model_validate(dict(config.secrets)).token.get_secret_value()
        self._settings = settings
        self._names = tuple(sorted(config.attributes))
        for name in self._names:
            path(name)  # Refuses what is no attribute before anything is sent.
        self._http = HttpFunnel(
            settings.base_url,
            headers={
                **({"Authorization": f"Bearer {token}"} if token else {}),
                "Accept": "application/scim+json, application/json;q=0.9",
            },
            secrets=(token,),
            tokens=config.tokens,
            limits=config.limits,
            timeouts=settings.timeouts,
            allow_http=settings.allow_http,
            content_type="application/scim+json",
        )
        self.capabilities = Capabilities(
            entitlements=frozenset({"group"}) if settings.groups else frozenset(),
            create_entitlements=settings.groups and settings.create_groups,
            searchable=frozenset({"userName", "externalId"}),
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.__aexit__(kind, error, traceback)

    async def check(self) -> list[Check]:
        """Address, credentials, users, groups and what the application says of itself."""
        return await checked(self._http, self._settings)

    async def accounts(self) -> AsyncIterator[list[Listed]]:
        load = self._account
        async for resources in self._pages("/Users"):
            page = []
            for resource in resources:
                fingerprint = _fingerprint(resource)
                page.append(
                    Listed(resource["id"], fingerprint, partial(load, resource, fingerprint))
                )
            yield page

    async def own_account(self) -> str | None:
        """By /Me (RFC 7644, 3.11), which many applications do not have: then nothing is known."""
        try:
            found = await self._http.read("/Me", single=True)
        except ConnectorError:
            return None
        identifier = found.get("id") if isinstance(found, dict) else None
        return str(identifier) if identifier else None

    async def read(self, remote_id: str) -> RemoteAccount:
        return self._loaded(await self._resource(remote_id))

    async def find(self, attribute: str, value: str) -> list[RemoteAccount]:
        """Searches by filter; where the application refuses or ignores it, through everything."""
        wanted = _comparable(value)
        if not wanted:
            return []
        query = {"filter": f"{path(attribute).filter_path} eq {patch.quoted(value)}"}
        try:
            return await self._matching(attribute, wanted, query)
        except HttpRejected as error:
            if error.status != 400:
                raise
            return await self._matching(attribute, wanted, None)

    async def create(
        self, attributes: Attributes, *, external_id: str, active: bool
    ) -> RemoteAccount:
        resource = unflatten(attributes)
        resource["externalId"] = external_id
        resource["active"] = active
        try:
            made = await self._http.write("POST", "/Users", resource)
        except HttpRejected as error:
            raise _with_fields(error, attributes) from None
        return self._loaded(_named(made, "POST /Users"))

    async def update(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        if not changes:
            return
        try:
            if self._settings.update_with == "put":
                await self._replace(remote_id, changes)
            else:
                await self._patch(remote_id, changes)
        except HttpRejected as error:
            raise _with_fields(error, changes) from None

    async def disable(self, remote_id: str) -> None:
        await self._set_active(remote_id, False)

    async def enable(self, remote_id: str) -> None:
        await self._set_active(remote_id, True)

    async def delete(self, remote_id: str) -> None:
        await self._http.write("DELETE", _user(remote_id), single=True)

    async def entitlements(self) -> AsyncIterator[RemoteEntitlement]:
        if not self._settings.groups:
            return
        async for resources in self._pages("/Groups"):
            for resource in resources:
                yield self._group(resource)

    async def create_entitlement(self, kind: str, name: str) -> RemoteEntitlement:
        self._must_be_group(kind)
        if not self._settings.create_groups:
            raise Unsupported(
                f"Groups are not created in this application (settings): {name!r} is missing.",
                f"Create the group {name!r} in the application, or switch on creating groups.",
            )
        made = await self._http.write(
            "POST", "/Groups", {"schemas": [_GROUP_SCHEMA], "displayName": name}
        )
        resource = _named(made, "POST /Groups")
        return self._group({"displayName": name, **resource})

    async def change_members(
        self, kind: str, remote_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        """At most 100 members a request, removals first. When a later request fails, the earlier
        ones are done: the same call again is safe."""
        self._must_be_group(kind)
        target = f"/Groups/{segment(remote_id)}"
        gone = list(dict.fromkeys(remove))
        new = [one for one in dict.fromkeys(add) if one not in set(gone)]
        try:
            await self._send_members(target, new, gone)
        except HttpRejected as error:
            if not gone or not _another_way(error):
                raise
            # It refuses to remove who is not in the group: ask who is.
            group = await self._http.read(target, single=True)
            members = _members(group if isinstance(group, dict) else {})
            held = [one for one in gone if one in members]
            if held == gone:
                raise
            await self._send_members(target, [one for one in new if one not in members], held)

    # What the verbs share.

    def _pages(
        self, target: str, params: Mapping[str, str] | None = None, *, trusting: bool = False
    ) -> AsyncIterator[list[dict[str, Any]]]:
        return pages(
            self._http,
            target,
            page_size=self._settings.page_size,
            params=params,
            trusting=trusting,
        )

    async def _matching(
        self, attribute: str, wanted: str, query: Mapping[str, str] | None
    ) -> list[RemoteAccount]:
        found: dict[str, RemoteAccount] = {}
        # A filter that is ignored gives everybody; then every page is looked through.
        async for resources in self._pages("/Users", query, trusting=True):
            for resource in resources:
                if _holds(flatten(resource, (attribute,)).get(attribute), wanted):
                    found[resource["id"]] = self._loaded(resource)
        return list(found.values())

    async def _resource(self, remote_id: str) -> dict[str, Any]:
        body = await self._http.read(_user(remote_id), single=True)
        if not isinstance(body, dict) or not body.get("id"):
            raise RetryLater(
                f"GET {_user(remote_id)} was answered without an account: it is read again later. "
                "If that stays, check that the address is that of SCIM 2.0."
            )
        body["id"] = str(body["id"])
        return body

    async def _patch(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        """As little as possible first; then by what the account holds; then whole lists."""
        try:
            await self._send_patch(remote_id, patch.operations(changes))
            return
        except HttpRejected as error:
            if not patch.has_entries(changes) or not _another_way(error):
                raise
        current = await self._resource(remote_id)
        try:
            precise = patch.operations(changes, patch.Style.PRECISE, current)
            await self._send_patch(remote_id, precise)
        except HttpRejected as error:
            if not _another_way(error):
                raise
            whole = patch.operations(changes, patch.Style.WHOLE, current)
            await self._send_patch(remote_id, whole)

    async def _send_patch(self, remote_id: str, operations: Sequence[Mapping[str, Any]]) -> None:
        if operations:
            await self._http.write("PATCH", _user(remote_id), patch.body(operations), single=True)

    async def _replace(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        """PUT of what was read, with the changes. What is left out would be cleared."""
        resource = await self._resource(remote_id)
        for name, value in changes.items():
            put(resource, path(name), present(value))
        for read_only in ("meta", "groups"):
            resource.pop(read_only, None)
        # Several applications take an account without `active` for one to be switched off.
        active = boolean(resource.get("active"))
        resource["active"] = True if active is None else active
        await self._http.write("PUT", _user(remote_id), resource, single=True)

    async def _set_active(self, remote_id: str, active: bool) -> None:
        if self._settings.update_with == "put":
            await self._replace(remote_id, {"active": active})
        else:
            await self._send_patch(remote_id, patch.operations({"active": active}))

    async def _send_members(self, target: str, add: Sequence[str], remove: Sequence[str]) -> None:
        for body in patch.member_bodies(add, remove):
            await self._http.write("PATCH", target, body, single=True)

    def _must_be_group(self, kind: str) -> None:
        if kind != "group" or not self._settings.groups:
            raise Unsupported(
                f"This application has no entitlements of kind {kind!r} for us.",
                f"Change the {kind} in the application's own administration pages.",
            )

    def _group(self, resource: Mapping[str, Any]) -> RemoteEntitlement:
        identifier = str(resource["id"])
        name = resource.get("displayName")
        return RemoteEntitlement(
            "group",
            identifier,
            name if isinstance(name, str) and name else identifier,
            _members(resource) if self._settings.members_shown else None,
        )

    def _loaded(self, resource: dict[str, Any]) -> RemoteAccount:
        return self._account(resource, _fingerprint(resource))

    def _account(self, resource: Mapping[str, Any], fingerprint: bytes) -> RemoteAccount:
        return RemoteAccount(
            remote_id=resource["id"],
            attributes=flatten(resource, self._names),
            active=boolean(resource.get("active")),
            fingerprint=fingerprint,
        )


def _fingerprint(resource: dict[str, Any]) -> bytes:
    """16 bytes over everything but `meta`, which some applications change at every sign-in.

    Takes `meta` out of the resource: nothing here needs it."""
    resource.pop("meta", None)
    return blake2b(orjson.dumps(resource, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


def _user(remote_id: str) -> str:
    return f"/Users/{segment(remote_id)}"


def _named(made: Any, ask: str) -> dict[str, Any]:
    """What was just created; it has an id, or it is not known what was created."""
    if not isinstance(made, dict) or not made.get("id"):
        raise OutcomeUnknown(
            f"{ask} was answered without an id: whether it was created is not known. It is looked "
            "for before anything is sent again."
        )
    made["id"] = str(made["id"])
    return made


def _members(group: Mapping[str, Any]) -> frozenset[str]:
    """Remote ids of accounts in a group; groups inside it are not accounts."""
    return frozenset(
        str(entry["value"])
        for entry in entries(group.get("members"))
        if entry.get("value") and str(entry.get("type", "")).casefold() != "group"
    )


def _another_way(error: HttpRejected) -> bool:
    """Whether the same change may be taken when it is written differently."""
    return error.status == 400 and error.code.casefold() in _OTHER_WAY


def _with_fields(error: HttpRejected, names: Iterable[str]) -> Rejected:
    """The same error, naming the attributes that its text speaks of."""
    words = {word.casefold() for word in re.findall(r"\w+", str(error))}
    fields = [
        name
        for name in names
        if path(name).attribute.casefold() in words
        and (
            path(name).type is not None or (path(name).sub or "value").casefold() in words | _VALUE
        )
    ]
    return HttpRejected(str(error), fields, status=error.status, code=error.code)


_VALUE = frozenset({"value"})


def _comparable(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip()).casefold()


def _holds(value: Value | None, wanted: str) -> bool:
    if value is None:
        return False
    if isinstance(value, str) or not isinstance(value, Sequence):
        return _comparable(str(value)) == wanted
    return any(_comparable(part) == wanted for part in value)
