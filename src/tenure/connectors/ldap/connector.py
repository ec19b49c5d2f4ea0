"""The connector for directories: the port's verbs as LDAP operations.

Which entries are accounts is in `accounts`, how one is made in `creating`, how attributes, places
and groups look in the modules beside them; what goes wrong on the way is decided in `directory` and
`outcomes`. It must not know the engine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, ClassVar, Self

from pydantic import BaseModel

from tenure.connectors.base import (
    Capabilities,
    Check,
    ConnectorConfig,
    ConnectorError,
    Listed,
    Rejected,
    RemoteAccount,
    RemoteEntitlement,
    Unsupported,
)
from tenure.connectors.ldap import names
from tenure.connectors.ldap.accounts import Accounts
from tenure.connectors.ldap.checks import checked
from tenure.connectors.ldap.creating import Creator
from tenure.connectors.ldap.directory import REPLACE, Directory, Modification, text
from tenure.connectors.ldap.entries import (
    NAMED_BY,
    fingerprint,
    new_password,
    renamed,
    shown,
    values,
)
from tenure.connectors.ldap.filters import equal
from tenure.connectors.ldap.groups import Groups
from tenure.connectors.ldap.outcomes import NOT_ON_NON_LEAF, UNWILLING
from tenure.connectors.ldap.placing import parent_of, unit, wanted_parent
from tenure.connectors.ldap.session import Entry
from tenure.connectors.ldap.settings import PARENT, UNIT, LdapSecrets, LdapSettings
from tenure.connectors.ldap.switching import by_move, change, is_on
from tenure.core.model import Attributes, Value

_BY_HAND = "Do it with the directory's own administration programs."


class LdapConnector:
    """OpenLDAP and its like, and Active Directory."""

    Settings: ClassVar[type[BaseModel]] = LdapSettings
    Secrets: ClassVar[type[BaseModel]] = LdapSecrets

    capabilities: Capabilities

    def __init__(self, config: ConnectorConfig) -> None:
        settings = LdapSettings.model_validate(dict(config.settings))
        password = LdapSecrets.model_validate(dict(config.secrets)).password
        self._settings = settings
        self._directory = Directory(settings, password.get_secret_value(), config.limits)
        self._accounts = Accounts(settings, self._directory, config.attributes)
        self._groups = Groups(
            settings, self._directory, self._accounts.entries, self._accounts.owners
        )
        self._creator = Creator(settings, self._directory, self._accounts, self._groups)
        kept = {"externalId"} if settings.external_id else set()
        self.capabilities = replace(
            self.removing_by(config.settings),
            entitlements=frozenset({"group"}) if settings.groups else frozenset(),
            create_entitlements=settings.groups and settings.create_groups,
            unique_names=True,
            searchable=frozenset({"userName", "emails.work", *kept}),
        )

    @classmethod
    def removing_by(cls, settings: Mapping[str, Any]) -> Capabilities:
        """Whether accounts are switched off by these settings."""
        found = LdapSettings.model_validate(dict(settings))
        can_be_off = found.is_active_directory or found.off.by != "none"
        return Capabilities(disable=can_be_off, enable=can_be_off)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._directory.close()

    async def check(self) -> list[Check]:
        """Sign-in, accounts, how they are switched off, and groups."""
        return await checked(self._directory, self._settings, self._accounts.filter)

    async def accounts(self) -> AsyncIterator[list[Listed]]:
        of, load = self._accounts.id_of, self._accounts.shown
        async for page in self._accounts.pages():
            yield [Listed(of(one), fingerprint(one), partial(load, one)) for one in page]

    async def own_account(self) -> str | None:
        """The entry that we sign in as, where it is one of the accounts."""
        name = self._settings.bind_dn
        try:
            if "=" not in name:
                user, _, _ = name.rpartition("\\")[2].partition("@")
                for attribute, value in (("userPrincipalName", name), ("sAMAccountName", user)):
                    for entry in await self._accounts.search(equal(attribute, value)):
                        return self._accounts.id_of(entry)
                return None
            found = await self._accounts.at(name)
        except ConnectorError:
            return None
        return self._accounts.id_of(found) if found else None

    async def read(self, remote_id: str) -> RemoteAccount:
        return self._accounts.shown(await self._accounts.entry(remote_id))

    async def find(self, attribute: str, value: str) -> list[RemoteAccount]:
        name = self._settings.named(attribute)
        if not name or not value.strip():
            return []
        wanted = value.strip().casefold()
        return [
            self._accounts.shown(entry)
            for entry in await self._accounts.search(equal(name, value.strip()), [name])
            if wanted in (one.casefold() for one in values(shown(entry, name)))
        ]

    async def create(
        self, attributes: Attributes, *, external_id: str, active: bool
    ) -> RemoteAccount:
        return self._accounts.shown(await self._creator.create(attributes, external_id, active))

    async def update(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        if not changes:
            return
        entry = await self._accounts.entry(remote_id, ["cn", *map(self._settings.named, NAMED_BY)])
        login = changes.get("userName")
        if (
            login is not None
            and str(login).casefold() != text(entry, self._accounts.login).casefold()
        ):
            await self._accounts.must_be_free(str(login))
        entry = await self._placed(entry, changes)
        naming = self._settings.naming.casefold()
        written: list[Modification] = [
            (REPLACE, target, values(value))
            for name, value in changes.items()
            if name not in {UNIT, PARENT}
            and (target := self._settings.named(name))
            and target.casefold() != naming
        ]
        if "cn" not in self._accounts.names.values():
            written += renamed(self._settings, entry, changes)
        if written:
            await self._directory.modify(entry.dn, written)

    async def disable(self, remote_id: str) -> None:
        await self._switch(remote_id, on=False)

    async def enable(self, remote_id: str) -> None:
        await self._switch(remote_id, on=True)

    async def delete(self, remote_id: str) -> None:
        """The entry, and its memberships where the directory forgets them."""
        entry = await self._accounts.entry(remote_id)
        fine = frozenset({NOT_ON_NON_LEAF}) if self._ad else frozenset()
        result = await self._directory.delete(entry.dn, fine=fine)
        if result.code:
            await self._directory.delete(entry.dn, tree=True)
        if self._settings.groups:
            await self._groups.forget(entry)

    async def entitlements(self) -> AsyncIterator[RemoteEntitlement]:
        if self._settings.groups:
            async for group in self._groups.all():
                yield group

    async def create_entitlement(self, kind: str, name: str) -> RemoteEntitlement:
        self._must_be_group(kind)
        if not self.capabilities.create_entitlements or self._settings.group_kind == "posixGroup":
            raise Unsupported(
                f"Groups are not created in this directory (settings): {name!r} is missing.",
                f"Create the group {name!r} in the directory, or switch on creating groups; a "
                "posixGroup needs a number and is made there.",
            )
        return await self._groups.create(name)

    async def delete_entitlement(self, kind: str, remote_id: str) -> None:
        """The group is gone. Raises `NotFound`."""
        self._must_be_group(kind)
        await self._groups.delete(remote_id)

    async def change_members(
        self, kind: str, remote_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        self._must_be_group(kind)
        await self._groups.change(remote_id, add, remove)

    # What the verbs share.

    @property
    def _ad(self) -> bool:
        return self._settings.is_active_directory

    async def _placed(self, entry: Entry, changes: Mapping[str, Value | None]) -> Entry:
        """Renamed and moved, as far as the changes ask for it."""
        naming = self._settings.naming.casefold()
        asked = [v for k, v in changes.items() if self._target(k).casefold() == naming]
        old_name, old_parent = text(entry, naming), parent_of(entry.dn)
        new_name = (values(asked[0]) or [""])[0] if asked else old_name
        if not new_name:
            raise Rejected(f"Entries are named by {naming} (rdn): it cannot be empty.")
        parent = wanted_parent(self._settings, changes)
        if parent is None:
            parent = old_parent
        elif not names.same(parent, old_parent):
            parent = await unit(self._settings, self._directory, parent, exact=PARENT in changes)
        if new_name == old_name and names.same(parent, old_parent):
            return entry
        login = str(changes.get("userName") or "")
        return await self._moved(entry, names.rdn(naming, new_name), parent, login)

    async def _switch(self, remote_id: str, *, on: bool) -> None:
        if not self.capabilities.disable:
            raise Unsupported("Accounts are not switched off in this directory.", _BY_HAND)
        settings = self._settings
        entry = await self._accounts.entry(remote_id)
        if is_on(settings, entry) is on:
            return
        if by_move(settings):
            rdn = names.written(names.parse(entry.dn)[:1])
            await self._moved(entry, rdn, settings.people_dn if on else settings.off.unit)
        else:
            changes = change(settings, entry, on=on)
            fine = frozenset({UNWILLING}) if self._ad and on else frozenset()
            result = await self._directory.modify(entry.dn, changes, fine=fine)
            if result.code:
                # It never had a password, so it cannot be opened before it has one.
                await self._directory.modify(entry.dn, [new_password(), *changes])

    async def _moved(self, entry: Entry, rdn: str, parent: str, login: str = "") -> Entry:
        """Under another name, in another place or both; its groups know."""
        await self._directory.rename(entry.dn, rdn, parent)
        login = login or text(entry, self._accounts.login)
        now = Entry(
            f"{rdn},{parent}", {**entry.attributes, self._accounts.login.lower(): [login.encode()]}
        )
        if self._settings.groups:
            await self._groups.forget(entry, instead=now)
        return now

    def _target(self, attribute: str) -> str:
        return "" if attribute in {UNIT, PARENT} else self._settings.named(attribute)

    def _must_be_group(self, kind: str) -> None:
        if kind != "group" or not self._settings.groups:
            raise Unsupported(
                f"This directory has no entitlements of kind {kind!r} for us.",
                f"Change the {kind} with the directory's own administration programs.",
            )
