"""The connector for any application that speaks SCIM, 2.0 by the RFC or 1.1, in its own dialect.

It puts the port's verbs together out of the modules beside it: how accounts, attributes, changes,
groups and listings look, and what goes in one request. What is peculiar to one application is in
its dialect (`dialect`, `speech`); what goes wrong on the way is decided in the funnel. It must not
know the engine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from pydantic import BaseModel

from tenure.connectors.answers import HttpRejected
from tenure.connectors.base import (
    AlreadyExists,
    Answered,
    Capabilities,
    Change,
    Check,
    ConnectorConfig,
    ConnectorError,
    Listed,
    RemoteAccount,
    RemoteAttribute,
    RemoteEntitlement,
    Together,
    Unsupported,
)
from tenure.connectors.bearer import bearer
from tenure.connectors.opened import OpenWith
from tenure.connectors.scim import version1
from tenure.connectors.scim.accounts import Accounts, fingerprint
from tenure.connectors.scim.attributes import path
from tenure.connectors.scim.bulk import Bulk
from tenure.connectors.scim.changing import Changer, user, with_fields
from tenure.connectors.scim.checks import checked
from tenure.connectors.scim.creating import Creator
from tenure.connectors.scim.dialect import Dialect
from tenure.connectors.scim.finding import Finder, Resource, holds
from tenure.connectors.scim.groups import Groups, created
from tenure.connectors.scim.opening import funnel, resources
from tenure.connectors.scim.schemas import described
from tenure.connectors.scim.sessions import Sessions
from tenure.connectors.scim.settings import ScimSecrets, ScimSettings
from tenure.connectors.scim.speech import Speech
from tenure.connectors.scim.switching import BY_HAND, Switch
from tenure.connectors.scim.together import Changes
from tenure.core.diff import comparable
from tenure.core.model import Attributes, Value

#: What a trial saw -> what it says of the dialect, and why.
_SEEN: Mapping[tuple[str, str], tuple[str, Any, str]] = {
    ("disable", "gone"): ("off.final", True, "An account that is switched off is gone there."),
    ("delete", "off"): ("delete", "switches_off", "DELETE leaves the account, switched off."),
    ("taken", "twin"): ("unique_names", False, "It makes two accounts of one name."),
    ("members", "nothing"): ("members.shown", "never", "Nowhere is shown who is in a group."),
}


class ScimConnector(OpenWith):
    """SCIM. A 403 for one account is `Rejected`, as it may be protected there; anywhere else it is
    `StopApplication`."""

    Settings: ClassVar[type[BaseModel]] = ScimSettings
    Secrets: ClassVar[type[BaseModel]] = ScimSecrets

    capabilities: Capabilities

    def __init__(self, config: ConnectorConfig) -> None:
        settings = ScimSettings.model_validate(dict(config.settings))
        way = bearer(config, ScimSecrets)
        self._settings = settings
        for name in config.attributes:
            path(name)  # Refuses what is no attribute before anything is sent.
        self._http = funnel(settings, way, config.limits)
        self._opened = [self._http]
        self._speech = Speech(settings.dialect, address=settings.base_url, http=self._http)
        self._changer = Changer(self._http, self._speech)
        self._creator = Creator(self._http, self._speech)
        self._finder = Finder(
            self._speech,
            lambda query: self._pages("/Users", query, trusting=True),
            self._changer.resource,
        )
        self._groups = Groups(
            self._http,
            self._speech,
            self._changer,
            self._pages,
            address=settings.base_url,
        )
        self._switch = Switch(
            settings.dialect.off, self._changer, self._groups, lambda: self._pages("/Groups")
        )
        self._accounts = Accounts(config.attributes, self._switch)
        changes = Changes(
            self, self._speech, self._creator, self._changer, self._finder, self._accounts
        )
        self._bulk = Bulk(self._http, self._speech, changes, concurrency=config.limits.concurrency)
        self._sessions = Sessions(settings, way, self._http, config.limits)
        self._owners: frozenset[str] | None = None
        self.capabilities = _capabilities(settings)

    @classmethod
    def ends_sessions_by(cls, settings: Mapping[str, Any]) -> bool:
        """Whether sessions can be ended by these settings."""
        return ScimSettings.model_validate(dict(settings)).dialect.sessions is not None

    @classmethod
    def removing_by(cls, settings: Mapping[str, Any]) -> Capabilities:
        """What the dialect says of closing, opening and deleting."""
        return _by_dialect(Dialect.model_validate(settings.get("dialect") or {}))

    async def check(self) -> list[Check]:
        """Address, credentials, users, groups and what the application says of itself."""
        return await checked(self._http, self._settings, self._speech)

    async def accounts(self) -> AsyncIterator[list[Listed]]:
        load = self._accounts.marked
        owners = self._settings.dialect.owners
        wanted, found = comparable(owners.value), set[str]()
        async for listed in self._pages("/Users"):
            if wanted:
                found |= {one["id"] for one in listed if holds(one, owners.attribute, wanted)}
            yield [
                Listed(one["id"], mark := fingerprint(one), partial(load, one, mark))
                for one in listed
            ]
        self._owners = frozenset(found) if wanted else None

    async def owners(self) -> frozenset[str] | None:
        """By the attribute that the dialect names, as it was last listed."""
        return self._owners

    async def own_account(self) -> str | None:
        """By /Me (RFC 7644, 3.11), which many applications do not have: then nothing is known."""
        try:
            found = await self._http.read("/Me", single=True)
        except ConnectorError:
            return None
        identifier = found.get("id") if isinstance(found, dict) else None
        return str(identifier) if identifier else None

    async def read(self, remote_id: str) -> RemoteAccount:
        resource = await self._changer.resource(remote_id)
        self._creator.seen(remote_id, resource)
        account = self._accounts.loaded(resource)
        if account.active is None:
            return replace(account, active=await self._switch.asked(remote_id))
        return account

    async def find(self, attribute: str, value: str) -> list[RemoteAccount]:
        """Searches by filter; where the application refuses or ignores it, through everything."""
        await self._speech.ready()
        return [self._accounts.loaded(found) for found in await self._finder.find(attribute, value)]

    async def create(
        self, attributes: Attributes, *, external_id: str, active: bool
    ) -> RemoteAccount:
        self._creator.refuse(attributes)
        try:
            made = await self._creator.create(attributes, external_id, active)
        except HttpRejected as error:
            raise with_fields(error, attributes) from None
        except AlreadyExists:
            # There is somebody, whatever a filter shows.
            self._finder.doubted = True
            raise
        resource = created(made, "POST /Users")
        if self._settings.dialect.version == "1.1":
            version1.understood(resource)
        self._finder.note(resource)
        self._creator.note(resource["id"])
        return self._accounts.loaded(resource)

    async def update(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        if changes:
            self._creator.refuse(changes, new=False)
            await self._changer.update(remote_id, changes)

    async def disable(self, remote_id: str) -> None:
        if self._settings.dialect.off.by == "delete":
            await self.delete(remote_id)
        else:
            await self._switch.set(remote_id, on=False)

    async def enable(self, remote_id: str) -> None:
        await self._switch.set(remote_id, on=True)

    async def end_sessions(self, remote_id: str) -> None:
        """By the request that the dialect names."""
        if self._settings.dialect.sessions is None:
            raise Unsupported("Nobody can be signed out in this application by us.", BY_HAND)
        await self._sessions.end(remote_id, lambda: self._changer.resource(remote_id))

    async def delete(self, remote_id: str) -> None:
        if self._settings.dialect.delete == "unsupported":
            raise Unsupported("Accounts cannot be deleted in this application.", BY_HAND)
        await self._http.write("DELETE", user(remote_id), single=True)

    async def entitlements(self) -> AsyncIterator[RemoteEntitlement]:
        if not self._settings.groups:
            return
        async for group in self._groups.all():
            yield group

    async def create_entitlement(self, kind: str, name: str) -> RemoteEntitlement:
        self._must_be_group(kind)
        if not self._settings.create_groups:
            raise Unsupported(
                f"Groups are not created in this application (settings): {name!r} is missing.",
                f"Create the group {name!r} in the application, or switch on creating groups.",
            )
        return await self._groups.create(name)

    async def change_members(
        self, kind: str, remote_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        """In chunks, removals first. When a later request fails, the earlier ones are done: the
        same call again is safe."""
        self._must_be_group(kind)
        await self._groups.change(remote_id, add, remove)

    # What not every connector has; see `base`.

    async def delete_entitlement(self, kind: str, remote_id: str) -> None:
        """The group is gone. Raises `NotFound`."""
        self._must_be_group(kind)
        await self._groups.delete(remote_id)

    async def attributes(self) -> list[RemoteAttribute]:
        """What accounts have there, by the published schemas or else as it is seen."""
        return await described(self._http, self._speech, self._pages("/Users"))

    async def together(self) -> Together:
        """By what the dialect says, or the application itself."""
        return await self._bulk.together()

    async def bulk(
        self, changes: Sequence[Change], *, halted: Callable[[], bool] = bool
    ) -> list[Answered]:
        """In bulk requests, as far as they can be; the rest one by one."""
        return await self._bulk.send(changes, halted)

    def fitted(self, seen: Mapping[str, str]) -> tuple[Mapping[str, Any], Sequence[str]]:
        """The dialect that fits, by what was seen to work; and why, as sentences."""
        for (verb, what), (name, value, why) in _SEEN.items():
            if seen.get(verb) == what:
                self._speech.learn(name, value, why)
        return {"dialect": self._speech.fitted().written()}, self._speech.notes()

    # What the verbs share.

    def _pages(
        self, target: str, params: Mapping[str, str] | None = None, *, trusting: bool = False
    ) -> AsyncIterator[list[Resource]]:
        return resources(
            self._http, self._speech, self._settings, target, params, trusting=trusting
        )

    def _must_be_group(self, kind: str) -> None:
        if kind != "group" or not self._settings.groups:
            raise Unsupported(
                f"This application has no entitlements of kind {kind!r} for us.",
                f"Change the {kind} in the application's own administration pages.",
            )


def _capabilities(settings: ScimSettings) -> Capabilities:
    dialect = settings.dialect
    kept = dialect.external_id is not False
    return replace(
        _by_dialect(dialect),
        ends_sessions=dialect.sessions is not None,
        unique_names=bool(dialect.unique_names),
        entitlements=frozenset({"group"}) if settings.groups else frozenset(),
        create_entitlements=settings.groups and settings.create_groups,
        searchable=frozenset({"userName", "externalId"} if kept else {"userName"}),
    )


def _by_dialect(dialect: Dialect) -> Capabilities:
    return Capabilities(
        update=dialect.changes.by != "none",
        disable=dialect.off.by != "none",
        disable_deletes=dialect.off.final
        or (dialect.off.by == "delete" and dialect.delete != "switches_off"),
        enable=dialect.off.by in {"active", "group"} and not dialect.off.final,
        delete=dialect.delete != "unsupported",
    )
