"""Groups and licences of a Workspace, and who has them.

It must not know the engine.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from typing import Any

from tenure.connectors.base import (
    AlreadyExists,
    NotFound,
    Rejected,
    RemoteEntitlement,
    Unsupported,
)
from tenure.connectors.google.api import Api
from tenure.connectors.google.settings import GoogleSettings
from tenure.connectors.http import segment

DIRECTORY = "/admin/directory/v1"
_GROUPS_AT_ONCE = 8
_NOT_IN_ADDRESSES = re.compile(r"[^a-z0-9._-]+")


class Groups:
    """Google Groups, by name. A member is a user of the Workspace, who is one directly."""

    def __init__(self, api: Api, settings: GoogleSettings) -> None:
        self._api = api
        self._settings = settings

    async def all(self) -> AsyncIterator[RemoteEntitlement]:
        params = {"customer": self._settings.customer, "maxResults": "200"}
        async for page in self._api.pages(f"{DIRECTORY}/groups", "groups", params):
            for at in range(0, len(page), _GROUPS_AT_ONCE):
                chunk = page[at : at + _GROUPS_AT_ONCE]
                for told in await asyncio.gather(*(self._told(group) for group in chunk)):
                    yield told

    async def create(self, name: str) -> RemoteEntitlement:
        domain = self._settings.group_domain
        local = _NOT_IN_ADDRESSES.sub("-", name.casefold()).strip("-.")
        if not domain or not local:
            raise Unsupported(
                f"The group {name!r} is missing, and without group_domain it has no address.",
                f"Create the group {name!r} in the Admin console, or set group_domain.",
            )
        made = await self._api.send(
            "POST",
            f"{DIRECTORY}/groups",
            {"email": f"{local}@{domain}", "name": name},
            single=False,
        )
        self._api.made.note(made["id"])
        return RemoteEntitlement("group", made["id"], name, frozenset())

    async def delete(self, remote_id: str) -> None:
        await self._api.send("DELETE", f"{DIRECTORY}/groups/{segment(remote_id)}")
        self._api.made.forget(remote_id)

    async def change(self, remote_id: str, add: Sequence[str], remove: Sequence[str]) -> None:
        """Removals first."""
        path = f"{DIRECTORY}/groups/{segment(remote_id)}"
        # Otherwise a member who is missing and a group that is missing look the same.
        await self._api.made.soon(remote_id, self._api.get(path))
        await all_of(self._removed(f"{path}/members/{segment(one)}") for one in remove)
        await all_of(self._added(f"{path}/members", one) for one in add)

    async def _told(self, group: Mapping[str, Any]) -> RemoteEntitlement:
        path = f"{DIRECTORY}/groups/{segment(str(group['id']))}/members"
        name, members = str(group.get("name")), set[str]()
        try:
            if str(group.get("directMembersCount", "1")) != "0":
                async for page in self._api.pages(path, "members", {"maxResults": "200"}):
                    users = [one for one in page if one.get("type") == "USER"]
                    members |= {one["id"] for one in users if "id" in one}
        except NotFound:
            # It went between the list and now.
            return RemoteEntitlement("group", group["id"], name, None)
        return RemoteEntitlement("group", group["id"], name, frozenset(members))

    async def _added(self, path: str, remote_id: str) -> None:
        user = await self._api.made.soon(
            remote_id, self._api.get(f"{DIRECTORY}/users/{segment(remote_id)}")
        )
        body = {"email": user["primaryEmail"], "role": "MEMBER"}
        try:
            await self._api.made.soon(remote_id, self._api.send("POST", path, body))
        except AlreadyExists:
            return  # Who is a member, a manager or the owner of it stays what they are.

    async def _removed(self, path: str) -> None:
        try:
            await self._api.send("DELETE", path)
        except NotFound:
            return  # Not a member any more.


class Licences:
    """Licences by the names that the settings give to products and SKUs. Google knows who has them
    by address, which changes when somebody is renamed."""

    def __init__(self, directory: Api, licensing: Api, settings: GoogleSettings) -> None:
        self._directory = directory
        self._licensing = licensing
        self._settings = settings

    async def all(
        self, users: Mapping[str, str], customer: str
    ) -> AsyncIterator[RemoteEntitlement]:
        """`users`: address to id of every account; `customer`: the Workspace's own id."""
        for name, product in self._settings.licences.items():
            members: set[str] = set()
            params = {"customerId": customer, "maxResults": "1000"}
            # Without anybody there, there is nobody to tell the Workspace's id either.
            listing = self._licensing.pages(f"{_sku(product)}/users", "items", params)
            async for page in listing if users else _nothing():
                known = (users.get(str(one.get("userId")).casefold()) for one in page)
                members |= {one for one in known if one}
            yield RemoteEntitlement("licence", product, name, frozenset(members))

    async def change(self, product: str, add: Sequence[str], remove: Sequence[str]) -> None:
        if product not in self._settings.licences.values():
            raise NotFound(f"{product} is none of the licences (settings).")
        await all_of(self._taken(product, one) for one in remove)
        await all_of(self._given(product, one) for one in add)

    async def _given(self, product: str, remote_id: str) -> None:
        address = await self._address(remote_id)
        try:
            await self._licensing.send("POST", f"{_sku(product)}/user", {"userId": address})
        except AlreadyExists:
            return
        except NotFound as error:
            raise Rejected(f"{error} The Workspace may not have bought {product}.") from None

    async def _taken(self, product: str, remote_id: str) -> None:
        try:
            address = await self._address(remote_id)
            await self._licensing.send("DELETE", f"{_sku(product)}/user/{segment(address)}")
        except NotFound:
            return  # Neither who is gone, nor who has none.

    async def _address(self, remote_id: str) -> str:
        asking = self._directory.get(f"{DIRECTORY}/users/{segment(remote_id)}")
        return str((await self._directory.made.soon(remote_id, asking))["primaryEmail"])


async def all_of(doing: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All of them, also where one fails; then that one's error."""
    for outcome in await asyncio.gather(*doing, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def _nothing() -> AsyncIterator[list[dict[str, Any]]]:
    yield []


def _sku(product: str) -> str:
    name, _, sku = product.partition("/")
    return f"/apps/licensing/v1/product/{segment(name)}/sku/{segment(sku)}"
