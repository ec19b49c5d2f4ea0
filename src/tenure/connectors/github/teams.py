"""Teams of an organisation, and who is in them directly. It must not know the engine.

A team is known by the id that stays (https://docs.github.com/en/rest/teams/teams); the slug, by
which it is addressed, follows its name, and may be another team's when that was renamed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any

from tenure.connectors.base import AlreadyExists, NotFound, RemoteEntitlement
from tenure.connectors.github.api import Api
from tenure.connectors.http import segment

_AT_ONCE = 8


class Teams:
    """By id, or by slug where nothing else is known of one yet. `login_of` gives the handle for an
    account's id."""

    def __init__(
        self, api: Api, organisation: str, login_of: Callable[[str], Awaitable[str]]
    ) -> None:
        self._api = api
        self._path = f"/orgs/{organisation}/teams"
        self._login_of = login_of
        #: Id -> slug, as they were last listed.
        self._slugs: dict[str, str] = {}

    async def all(self) -> AsyncIterator[RemoteEntitlement]:
        async for page in self._api.pages(self._path):
            self._note(page)
            for at in range(0, len(page), _AT_ONCE):
                chunk = page[at : at + _AT_ONCE]
                for told in await asyncio.gather(*(self._seen(team) for team in chunk)):
                    yield told

    async def create(self, name: str) -> RemoteEntitlement:
        async for page in self._api.pages(self._path):
            if any(str(team.get("name")).casefold() == name.casefold() for team in page):
                raise AlreadyExists(f"There is a team {name!r} already.")
        made = await self._api.send("POST", self._path, {"name": name, "privacy": "closed"})
        self._note([made])
        return RemoteEntitlement("group", str(made["id"]), made["name"], frozenset())

    async def delete(self, remote_id: str) -> None:
        """And teams below it. Raises `NotFound`."""
        await self._api.send("DELETE", self._of(await self._slug(remote_id)))

    async def change(self, remote_id: str, add: Sequence[str], remove: Sequence[str]) -> None:
        """Removals first."""
        slug = await self._slug(remote_id)
        await _all(self._removed(slug, one) for one in remove)
        await _all(self._added(slug, one) for one in add)

    async def _seen(self, team: dict[str, Any]) -> RemoteEntitlement:
        try:
            return await self._told(team)
        except NotFound:
            # It went between the list and now.
            return RemoteEntitlement("group", str(team["id"]), team["name"], None)

    async def _told(self, team: dict[str, Any]) -> RemoteEntitlement:
        members: set[str] = set()
        async for page in self._api.pages(f"{self._of(team['slug'])}/members"):
            # Whoever is in a team below it is shown here, too.
            members |= {str(one["id"]) for one in page if not one.get("inherited")}
        # Who was asked in and has not accepted yet is not asked again.
        async for page in self._api.pages(f"{self._of(team['slug'])}/invitations"):
            asked = [f"/users/{segment(str(one['login']))}" for one in page if one.get("login")]
            for user in await asyncio.gather(*map(self._api.maybe, asked)):
                members |= {str(user["id"])} if user else set()
        return RemoteEntitlement("group", str(team["id"]), team["name"], frozenset(members))

    async def _slug(self, remote_id: str) -> str:
        """What addresses call it now. Raises `NotFound`."""
        slug = self._slugs.get(remote_id)
        if slug is None or not await self._is(slug, remote_id):
            self._slugs.clear()
            async for page in self._api.pages(self._path):
                self._note(page)
            slug = self._slugs.get(remote_id)
        if slug is None and remote_id in self._slugs.values():
            slug = remote_id  # As it was known before ids were.
        if slug is None:
            raise NotFound(f"There is no team {remote_id} at {self._path}.")
        return slug

    async def _is(self, slug: str, remote_id: str) -> bool:
        found = await self._api.maybe(self._of(slug))
        return found is not None and str(found.get("id")) == remote_id

    def _note(self, teams: Iterable[dict[str, Any]]) -> None:
        self._slugs.update((str(team["id"]), str(team["slug"])) for team in teams)

    async def _added(self, slug: str, remote_id: str) -> None:
        path = await self._membership(slug, remote_id)
        if await self._api.maybe(path) is None:
            # Only then: it would make a maintainer a mere member.
            await self._api.send("PUT", path, {"role": "member"})

    async def _removed(self, slug: str, remote_id: str) -> None:
        try:
            path = await self._membership(slug, remote_id)
            if await self._api.maybe(path) is not None:
                await self._api.send("DELETE", path)
        except NotFound:
            return  # Neither who is gone, nor who has left in between.

    async def _membership(self, slug: str, remote_id: str) -> str:
        return f"{self._of(slug)}/memberships/{segment(await self._login_of(remote_id))}"

    def _of(self, slug: str) -> str:
        return f"{self._path}/{segment(slug)}"


async def _all(doing: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All of them, also where one fails; then that one's error."""
    for outcome in await asyncio.gather(*doing, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
