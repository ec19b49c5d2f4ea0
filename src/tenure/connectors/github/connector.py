"""The connector for GitHub organisations: who is in one, who is invited, in which teams.

An account on GitHub belongs to its person. An organisation invites it, gives it a role and takes it
out again; it can neither change nor close it. It must not know the engine.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any, ClassVar

import orjson
from pydantic import BaseModel

from tenure.connectors.base import (
    AlreadyExists,
    Capabilities,
    Check,
    ConnectorConfig,
    ConnectorError,
    Listed,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RemoteAccount,
    RemoteEntitlement,
    Unsupported,
    listed,
)
from tenure.connectors.bearer import bearer
from tenure.connectors.github.api import HEADERS, Api, explain
from tenure.connectors.github.settings import GithubSecrets, GithubSettings
from tenure.connectors.github.teams import Teams
from tenure.connectors.http import segment
from tenure.connectors.opened import OpenWith
from tenure.core.model import Attributes, Value

LOGIN, ROLE, STATE = "userName", "role", "state"
_HANDLE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-_]{0,38})")
_AT_ONCE = 8
_NO_SWITCH = (
    "An account on GitHub belongs to its person: an organisation cannot switch it off or on."
)
_INSTEAD = "Take it out of the organisation instead (removal: {then: delete}), or invite it again."


class GithubConnector(OpenWith):
    """One organisation."""

    Settings: ClassVar[type[BaseModel]] = GithubSettings
    Secrets: ClassVar[type[BaseModel]] = GithubSecrets

    capabilities: Capabilities

    def __init__(self, config: ConnectorConfig) -> None:
        settings = GithubSettings.model_validate(dict(config.settings))
        way = bearer(config, GithubSecrets)
        unknown = sorted(config.attributes - {LOGIN, ROLE, STATE, "externalId"})
        if unknown:
            raise ValueError(
                f"an organisation knows {LOGIN} (the handle), {ROLE} and {STATE} of its members, "
                f"and nothing of {', '.join(unknown)}"
            )
        self._settings = settings
        self._names = config.attributes
        self._http = way.funnel(settings, headers=HEADERS, limits=config.limits, how=explain)
        self._opened = [self._http]
        self._api = Api(self._http, settings.page_size)
        self._path = f"/orgs/{settings.organisation}"
        self._teams = Teams(self._api, settings.organisation, self._login_of)
        self.capabilities = replace(
            self.removing_by(config.settings),
            entitlements=frozenset({"group"}) if settings.groups else frozenset(),
            create_entitlements=settings.groups and settings.create_groups,
            unique_names=True,
        )

    @classmethod
    def removing_by(cls, settings: Mapping[str, Any]) -> Capabilities:
        """A member is one or is none: there is nothing to close."""
        return Capabilities(disable=False, enable=False)

    async def check(self) -> list[Check]:
        """Who we are, whether we own the organisation, and its teams."""
        try:
            me = str((await self._api.get("/user"))["login"])
            mine = await self._api.get(f"{self._path}/memberships/{segment(me)}")
        except ConnectorError as error:
            return [Check("Sign-in", False, str(error))]
        if mine.get(ROLE) != "admin":
            told = f"{me} does not own {self._settings.organisation}: owners invite and take out."
            return [Check("Sign-in", True, f"As {me}."), Check("Owner", False, told)]
        lines = [Check("Sign-in", True, f"As {me}."), Check("Owner", True, "Yes.")]
        waiting = 0
        try:
            async for page in self._api.pages(f"{self._path}/invitations"):
                waiting += sum(not one.get("login") for one in page)
        except ConnectorError as error:
            return [*lines, Check("Invitations", False, str(error))]
        told = f"{waiting} by e-mail, which are nobody's handle and left alone." if waiting else ""
        return [*lines, Check("Invitations", True, told or "Can be read.")]

    async def accounts(self) -> AsyncIterator[list[Listed]]:
        """Owners, members, invitations to a handle, and outside collaborators where they count."""
        for role in ("admin", "member"):
            async for page in self._api.pages(f"{self._path}/members", {"role": role}):
                yield [self._listed(one, role, "active") for one in page]
        async for page in self._api.pages(f"{self._path}/invitations"):
            yield [self._listed(user, role, "pending") for user, role in await self._invited(page)]
        if self._settings.outside:
            async for page in self._api.pages(f"{self._path}/outside_collaborators"):
                yield [self._listed(one, "", "outside") for one in page]

    async def owners(self) -> frozenset[str] | None:
        """Who owns the organisation: members whose role is admin
        (https://docs.github.com/en/rest/orgs/members)."""
        pages = self._api.pages(f"{self._path}/members", {"role": "admin"})
        return frozenset([str(one["id"]) async for page in pages for one in page])

    async def own_account(self) -> str | None:
        """None for an app, which is nobody."""
        try:
            return str((await self._api.get("/user"))["id"])
        except (ConnectorError, KeyError):
            return None

    async def read(self, remote_id: str) -> RemoteAccount:
        user = await self._user(remote_id)
        account = await self._member(user) or await self._outsider(user)
        if account is None:
            raise NotFound(f"{user['login']} is not in {self._settings.organisation}.")
        return account

    async def find(self, attribute: str, value: str) -> list[RemoteAccount]:
        """By handle. Nothing else is known of a member."""
        if attribute != LOGIN or not _HANDLE.fullmatch(value.strip()):
            return []
        user = await self._api.maybe(f"/users/{segment(value.strip())}")
        if user is None or str(user.get("login")).casefold() != value.strip().casefold():
            return []
        account = await self._member(user) or await self._outsider(user)
        return [account] if account else []

    async def create(
        self, attributes: Attributes, *, external_id: str, active: bool
    ) -> RemoteAccount:
        """An invitation, which the person has to accept."""
        login = str(attributes.get(LOGIN) or "").strip()
        user = None
        if _HANDLE.fullmatch(login):
            user = await self._api.maybe(f"/users/{segment(login)}")
        if user is None or user.get("type", "User") != "User":
            raise Rejected(
                f"{login!r} is nobody's handle on GitHub: map userName to the handle that the "
                "person has there.",
                [LOGIN],
            )
        if not active:
            raise Unsupported(
                "Nobody can be invited to GitHub and be kept out.",
                "Invite them on the day (ahead: enabled, or no lead).",
            )
        if await self._member(user) is not None:
            raise AlreadyExists(f"{login} is in {self._settings.organisation}, or is invited.")
        return await self._put(user, attributes.get(ROLE))

    async def update(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        user = await self._user(remote_id)
        if await self._member(user) is None:
            raise NotFound(f"{user['login']} is not in {self._settings.organisation}.")
        login = changes.get(LOGIN, user["login"])
        if str(login).casefold() != str(user["login"]).casefold():
            raise Rejected(
                f"{user['login']} calls itself so on GitHub; only its person can change that.",
                [LOGIN],
            )
        if STATE in changes:
            raise Rejected("Only the person can accept an invitation: do not map state.", [STATE])
        if ROLE in changes:
            await self._put(user, changes[ROLE])

    async def disable(self, remote_id: str) -> None:
        raise Unsupported(_NO_SWITCH, _INSTEAD)

    async def enable(self, remote_id: str) -> None:
        raise Unsupported(_NO_SWITCH, _INSTEAD)

    async def delete(self, remote_id: str) -> None:
        """Out of the organisation, its teams and repositories; an invitation is cancelled."""
        user = await self._user(remote_id)
        login = segment(str(user["login"]))
        if await self._member(user) is not None:
            await self._api.send("DELETE", f"{self._path}/memberships/{login}")
        elif await self._outsider(user) is not None:
            await self._api.send("DELETE", f"{self._path}/outside_collaborators/{login}")
        else:
            raise NotFound(f"{user['login']} is not in {self._settings.organisation}.")

    async def entitlements(self) -> AsyncIterator[RemoteEntitlement]:
        if self._settings.groups:
            async for team in self._teams.all():
                yield team

    async def create_entitlement(self, kind: str, name: str) -> RemoteEntitlement:
        self._must_be_team(kind)
        if not self._settings.create_groups:
            raise Unsupported(
                f"Teams are not created here (settings): {name!r} is missing.",
                f"Create the team {name!r} in the organisation, or switch on creating teams.",
            )
        return await self._teams.create(name)

    async def delete_entitlement(self, kind: str, remote_id: str) -> None:
        """The team is gone, with teams below it. Raises `NotFound`."""
        self._must_be_team(kind)
        await self._teams.delete(remote_id)

    async def change_members(
        self, kind: str, remote_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        self._must_be_team(kind)
        await self._teams.change(remote_id, add, remove)

    # What the verbs share.

    async def _put(self, user: Mapping[str, Any], role: Value | None) -> RemoteAccount:
        wanted = str(role or "member")
        if wanted not in {"member", "admin"}:
            raise Rejected(f"{wanted!r} is no role: member or admin (an owner).", [ROLE])
        path = f"{self._path}/memberships/{segment(str(user['login']))}"
        made = await self._api.send("PUT", path, {"role": wanted})
        if not isinstance(made, dict) or not isinstance(made.get("user"), dict):
            raise OutcomeUnknown(f"PUT {path} was answered with nobody: it is looked at again.")
        return self._account(made["user"], made.get(ROLE), made.get(STATE))

    async def _user(self, remote_id: str) -> dict[str, Any]:
        """By the id that stays when the handle changes (GET /user/{account_id})."""
        if not remote_id.isascii() or not remote_id.isdecimal():
            raise NotFound(f"{remote_id!r} is not the id of anybody.")
        return await self._api.get(f"/user/{remote_id}")

    async def _login_of(self, remote_id: str) -> str:
        return str((await self._user(remote_id))["login"])

    async def _member(self, user: Mapping[str, Any]) -> RemoteAccount | None:
        path = f"{self._path}/memberships/{segment(str(user['login']))}"
        found = await self._api.maybe(path)
        return self._account(user, found.get(ROLE), found.get(STATE)) if found else None

    async def _outsider(self, user: Mapping[str, Any]) -> RemoteAccount | None:
        if self._settings.outside:
            async for page in self._api.pages(f"{self._path}/outside_collaborators"):
                if any(one.get("id") == user["id"] for one in page):
                    return self._account(user, "", "outside")
        return None

    async def _invited(
        self, page: Sequence[Mapping[str, Any]]
    ) -> list[tuple[Mapping[str, Any], str]]:
        """Who they are: an invitation has the handle only, or an address that is nobody's."""
        found: list[tuple[Mapping[str, Any], str]] = []
        ours = [one for one in page if one.get("login")]
        for at in range(0, len(ours), _AT_ONCE):
            chunk = ours[at : at + _AT_ONCE]
            paths = [f"/users/{segment(str(one['login']))}" for one in chunk]
            users = await asyncio.gather(*map(self._api.maybe, paths))
            for one, user in zip(chunk, users, strict=True):
                role = "admin" if one.get(ROLE) == "admin" else "member"
                if user is not None:
                    found.append((user, role))
        return found

    def _listed(self, user: Mapping[str, Any], role: str, state: str) -> Listed:
        account = self._account(user, role, state)
        return listed(account)

    def _account(self, user: Mapping[str, Any], role: object, state: object) -> RemoteAccount:
        whole = {LOGIN: str(user["login"]), ROLE: str(role or ""), STATE: str(state or "")}
        told = orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)
        return RemoteAccount(
            remote_id=str(user["id"]),
            attributes={k: v for k, v in whole.items() if v and k in self._names},
            active=True,
            fingerprint=blake2b(told, digest_size=16).digest(),
        )

    def _must_be_team(self, kind: str) -> None:
        if kind != "group" or not self._settings.groups:
            raise Unsupported(
                f"An organisation has no entitlements of kind {kind!r} for us.",
                f"Change the {kind} in the organisation's settings on GitHub.",
            )
