"""Groups and licences of a tenant, and who has them.

https://learn.microsoft.com/en-us/graph/api/resources/group and .../user-assignlicense. It must not
know the engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from typing import Any

from tenure.connectors.answers import HttpRejected
from tenure.connectors.base import AlreadyExists, NotFound, Rejected, RemoteEntitlement
from tenure.connectors.http import segment
from tenure.connectors.microsoft.graph import Graph
from tenure.connectors.microsoft.properties import condition
from tenure.connectors.microsoft.settings import MicrosoftSettings

_GROUP = "id,displayName,groupTypes,mailEnabled,onPremisesSyncEnabled"
#: In one PATCH, all or nothing (https://learn.microsoft.com/en-us/graph/api/group-post-members).
_AT_ONCE = 20
_GROUPS_AT_ONCE = 8


class Groups:
    """Security groups and Microsoft 365 groups. Of those whose members Graph cannot change
    (dynamic, synchronised, distribution lists), members are not told."""

    def __init__(self, graph: Graph, settings: MicrosoftSettings) -> None:
        self._graph = graph
        self._settings = settings

    async def all(self) -> AsyncIterator[RemoteEntitlement]:
        params = {"$select": _GROUP, "$top": str(self._settings.page_size)}
        if prefix := self._settings.group_prefix:
            quoted = prefix.replace("'", "''")
            params["$filter"] = f"startswith(displayName,'{quoted}')"
        async for page in self._graph.pages("/groups", params):
            for at in range(0, len(page), _GROUPS_AT_ONCE):
                chunk = page[at : at + _GROUPS_AT_ONCE]
                for told in await asyncio.gather(*(self._told(group) for group in chunk)):
                    yield told

    async def create(self, name: str) -> RemoteEntitlement:
        params = {"$select": "id", "$filter": condition("displayName", name)}
        async for page in self._graph.pages("/groups", params):
            if page:
                raise AlreadyExists(f"There is a group {name!r} already.")
        made = await self._graph.http.write(
            "POST",
            "/groups",
            {
                "displayName": name,
                "mailEnabled": False,
                "mailNickname": f"g{uuid.uuid4().hex}",
                "securityEnabled": True,
            },
        )
        self._graph.made.note(made["id"])
        return RemoteEntitlement("group", made["id"], name, frozenset())

    async def delete(self, remote_id: str) -> None:
        await self._graph.http.write("DELETE", f"/groups/{segment(remote_id)}", single=True)

    async def change(self, remote_id: str, add: Sequence[str], remove: Sequence[str]) -> None:
        """Removals first."""
        path = f"/groups/{segment(remote_id)}"
        if remove:
            inside = await self._graph.made.soon(remote_id, self._members(path))
            # Without /$ref at its end, this would delete the account.
            await _all(
                self._removed(f"{path}/members/{segment(one)}/$ref")
                for one in remove
                if one in inside
            )
        for at in range(0, len(add), _AT_ONCE):
            await self._added(remote_id, path, add[at : at + _AT_ONCE])

    async def _told(self, group: dict[str, Any]) -> RemoteEntitlement:
        kinds = group.get("groupTypes") or []
        fixed = "DynamicMembership" in kinds or group.get("onPremisesSyncEnabled")
        fixed = fixed or (group.get("mailEnabled") and "Unified" not in kinds)
        members = None
        with contextlib.suppress(NotFound):  # It went between the list and now.
            members = None if fixed else frozenset(await self._members(f"/groups/{group['id']}"))
        return RemoteEntitlement("group", group["id"], str(group.get("displayName")), members)

    async def _members(self, path: str) -> set[str]:
        members: set[str] = set()
        params = {"$select": "id", "$top": "999"}
        async for page in self._graph.pages(f"{path}/members", params):
            members |= {one["id"] for one in page if _is_user(one)}
        return members

    async def _removed(self, path: str) -> None:
        try:
            await self._graph.http.write("DELETE", path, single=True)
        except NotFound:
            return  # It left in between.

    async def _added(self, remote_id: str, path: str, members: Sequence[str]) -> None:
        try:
            await self._graph.made.soon(remote_id, self._patched(path, members))
        except HttpRejected as error:
            if error.status != 400:
                raise
            # Graph refuses all of them where one is a member already.
            inside = await self._members(path)
            needed = [one for one in members if one not in inside]
            if len(needed) == len(members):
                raise
            if needed:
                await self._patched(path, needed)
        except NotFound:
            # Of the group or of a member, which may be made just now.
            for one in members:
                user = self._graph.get(f"/users/{segment(one)}", {"$select": "id"})
                await self._graph.made.soon(one, user)
            raise

    async def _patched(self, path: str, members: Sequence[str]) -> None:
        objects = f"{self._graph.address}/directoryObjects"
        body = {"members@odata.bind": [f"{objects}/{segment(one)}" for one in members]}
        await self._graph.http.write("PATCH", path, body, single=True)


class Licences:
    """Subscriptions by the name of their product (`ENTERPRISEPACK`), for one account at a time."""

    def __init__(self, graph: Graph, settings: MicrosoftSettings) -> None:
        self._graph = graph
        self._settings = settings

    async def all(self) -> AsyncIterator[RemoteEntitlement]:
        holders: dict[str, set[str]] = {}
        params = {"$select": "id,assignedLicenses", "$top": str(self._settings.page_size)}
        async for page in self._graph.pages("/users", params):
            for user in page:
                for sku in _held(user):
                    holders.setdefault(sku, set()).add(user["id"])
        async for page in self._graph.pages("/subscribedSkus", {"$select": "skuId,skuPartNumber"}):
            for product in page:
                sku, name = product["skuId"], product["skuPartNumber"]
                yield RemoteEntitlement("licence", sku, name, frozenset(holders.get(sku, ())))

    async def change(self, sku: str, add: Sequence[str], remove: Sequence[str]) -> None:
        async for page in self._graph.pages("/subscribedSkus", {"$select": "skuId"}):
            if sku not in {one["skuId"] for one in page}:
                raise NotFound(f"The tenant has no subscription {sku}.")
        await _all(self._taken(sku, one) for one in remove)
        await _all(self._given(sku, one) for one in add)

    async def _given(self, sku: str, remote_id: str) -> None:
        user = await self._graph.made.soon(remote_id, self._user(remote_id))
        if sku in _held(user):
            return  # Once more would switch parts of it on that somebody switched off.
        if not user.get("usageLocation"):
            await self._located(remote_id)
        await self._assigned(remote_id, add=[{"skuId": sku, "disabledPlans": []}])

    async def _taken(self, sku: str, remote_id: str) -> None:
        try:
            user = await self._user(remote_id)
        except NotFound:
            return  # Who is gone has none.
        if sku in _held(user):
            await self._assigned(remote_id, remove=[sku])

    async def _located(self, remote_id: str) -> None:
        if not self._settings.usage_location:
            raise Rejected(
                "Microsoft gives no licence to an account without a usage location: map "
                "usageLocation to the country's two letters, or set usage_location.",
                ["usageLocation"],
            )
        body = {"usageLocation": self._settings.usage_location}
        await self._graph.http.write("PATCH", f"/users/{segment(remote_id)}", body, single=True)

    async def _user(self, remote_id: str) -> dict[str, Any]:
        params = {"$select": "id,usageLocation,assignedLicenses"}
        return await self._graph.get(f"/users/{segment(remote_id)}", params)

    async def _assigned(
        self,
        remote_id: str,
        *,
        add: Sequence[dict[str, Any]] = (),
        remove: Sequence[str] = (),
    ) -> None:
        body = {"addLicenses": list(add), "removeLicenses": list(remove)}
        path = f"/users/{segment(remote_id)}/assignLicense"
        await self._graph.http.write("POST", path, body, single=True)


async def _all(doing: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All of them, also where one fails; then that one's error."""
    for outcome in await asyncio.gather(*doing, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


def _held(user: dict[str, Any]) -> set[str]:
    return {one["skuId"] for one in user.get("assignedLicenses") or []}


def _is_user(member: dict[str, Any]) -> bool:
    """Groups, devices and programs can be members, too."""
    return str(member.get("@odata.type", "#microsoft.graph.user")) == "#microsoft.graph.user"
