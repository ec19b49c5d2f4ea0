"""The connector for directories: the port's verbs as LDAP operations.

An account is an entry, its id what it keeps when it is renamed or moved (entryUUID, objectGUID).
How attributes, places and groups look is in the modules beside it; what goes wrong on the way is
decided in `directory` and `outcomes`. It must not know the engine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import ClassVar, Self

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
)
from tenure.connectors.ldap import names
from tenure.connectors.ldap.checks import checked
from tenure.connectors.ldap.directory import BASE, REPLACE, Directory, Modification, text
from tenure.connectors.ldap.entries import (
    NAMED_BY,
    common_name,
    fingerprint,
    identifier,
    identifier_value,
    new_password,
    renamed,
    shown,
    values,
)
from tenure.connectors.ldap.filters import Filter, any_of, both, equal, parse
from tenure.connectors.ldap.groups import Groups, dn_key
from tenure.connectors.ldap.outcomes import NOT_ON_NON_LEAF, UNWILLING
from tenure.connectors.ldap.placing import parent_of, shown_unit, unit, wanted_parent
from tenure.connectors.ldap.session import Entry
from tenure.connectors.ldap.settings import PARENT, UNIT, LdapSecrets, LdapSettings
from tenure.connectors.ldap.switching import attributes as switches
from tenure.connectors.ldap.switching import by_move, change, is_on, of_new
from tenure.core.model import Attributes, Value

_BY_HAND = "Do it with the directory's own administration programs."
_IDS_AT_ONCE = 100
#: https://learn.microsoft.com/en-us/windows/win32/adschema/a-samaccountname
_LONGEST_NAME = 20
_NOT_IN_NAMES = frozenset('"/\\[]:;|=,+*?<>@')


class LdapConnector:
    """OpenLDAP and its like, and Active Directory."""

    Settings: ClassVar[type[BaseModel]] = LdapSettings
    Secrets: ClassVar[type[BaseModel]] = LdapSecrets

    capabilities: Capabilities

    def __init__(self, config: ConnectorConfig) -> None:
        settings = LdapSettings.model_validate(dict(config.settings))
        password = LdapSecrets.model_validate(dict(config.secrets)).password
        self._settings = settings
        self._login = settings.named("userName")
        #: Account attribute -> the directory's.
        self._names = {
            name: target
            for name in sorted(config.attributes - {UNIT, PARENT})
            if (target := settings.named(name))
        }
        self._places = config.attributes & {UNIT, PARENT}
        if len(self._places) == 2:
            raise ValueError(f"map {UNIT} or {PARENT}, not both")
        if self._places and by_move(settings):
            raise ValueError("off: by move goes with neither ou nor dn_parent in the mapping")
        self._id = settings.profile.id_attribute
        self._people = parse(settings.people_filter or settings.profile.people)
        self._wanted = sorted(
            {self._id, self._login, settings.naming, *self._names.values(), *switches(settings)}
        )
        self._directory = Directory(settings, password.get_secret_value(), config.limits)
        self._groups = Groups(settings, self._directory, self._entries, self._owners)
        can_be_off = settings.is_active_directory or settings.off.by != "none"
        kept = {"externalId"} if settings.external_id else set()
        self.capabilities = Capabilities(
            disable=can_be_off,
            enable=can_be_off,
            entitlements=frozenset({"group"}) if settings.groups else frozenset(),
            create_entitlements=settings.groups and settings.create_groups,
            searchable=frozenset({"userName", "emails.work", *kept}),
        )

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
        return await checked(self._directory, self._settings, self._people)

    async def accounts(self) -> AsyncIterator[list[Listed]]:
        for base in self._bases():
            async for entries in self._directory.pages(
                base, self._people, self._wanted, self._settings.page_size
            ):
                yield [
                    Listed(identifier(one, self._id), fingerprint(one), partial(self._account, one))
                    for one in entries
                ]

    async def own_account(self) -> str | None:
        """The entry that we sign in as, where it is one of the accounts."""
        name = self._settings.bind_dn
        try:
            if "=" not in name:
                user, _, _ = name.rpartition("\\")[2].partition("@")
                for attribute, value in (("userPrincipalName", name), ("sAMAccountName", user)):
                    for entry in await self._search(equal(attribute, value)):
                        return identifier(entry, self._id)
                return None
            found = await self._directory.search(name, self._people, [self._id], scope=BASE)
        except ConnectorError:
            return None
        return identifier(found[0], self._id) if found else None

    async def read(self, remote_id: str) -> RemoteAccount:
        return self._account(await self._entry(remote_id))

    async def find(self, attribute: str, value: str) -> list[RemoteAccount]:
        name = self._settings.named(attribute)
        if not name or not value.strip():
            return []
        wanted = value.strip().casefold()
        return [
            self._account(entry)
            for entry in await self._search(equal(name, value.strip()), [name])
            if wanted in (one.casefold() for one in values(shown(entry, name)))
        ]

    async def create(
        self, attributes: Attributes, *, external_id: str, active: bool
    ) -> RemoteAccount:
        """With the switch set as it should be from the first moment on."""
        login = str(attributes.get("userName") or "").strip()
        if not login:
            raise Rejected("No account without a user name: map userName.", ["userName"])
        await self._must_be_free(login)
        parent = wanted_parent(self._settings, attributes) or self._settings.people_dn
        parent = await self._unit(parent, attributes)
        if not active and by_move(self._settings):
            parent = self._settings.off.unit
        entry = self._new(attributes, login, external_id, active)
        dn = await self._added(entry, parent, login)
        if self._ad:
            await self._given_a_password(dn, active)
        found = await self._directory.search(dn, self._people, self._wanted, scope=BASE)
        if not found:
            raise Rejected(
                f"{dn} was made, and is no account by people_filter: correct the filter or "
                "object_classes, and delete the entry.",
            )
        return self._account(found[0])

    async def update(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        if not changes:
            return
        entry = await self._entry(remote_id, ["cn", *map(self._settings.named, NAMED_BY)])
        login = changes.get("userName")
        if login is not None and str(login).casefold() != text(entry, self._login).casefold():
            await self._must_be_free(str(login))
        entry = await self._placed(entry, changes)
        naming = self._settings.naming.casefold()
        written: list[Modification] = [
            (REPLACE, target, values(value))
            for name, value in changes.items()
            if name not in {UNIT, PARENT}
            and (target := self._settings.named(name))
            and target.casefold() != naming
        ]
        if "cn" not in self._names.values():
            written += renamed(self._settings, entry, changes)
        if written:
            await self._directory.modify(entry.dn, written)

    async def disable(self, remote_id: str) -> None:
        await self._switch(remote_id, on=False)

    async def enable(self, remote_id: str) -> None:
        await self._switch(remote_id, on=True)

    async def delete(self, remote_id: str) -> None:
        """The entry, and its memberships where the directory forgets them."""
        entry = await self._entry(remote_id)
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

    def _bases(self) -> list[str]:
        """Under what accounts are: those switched off may be elsewhere."""
        people, off = self._settings.people_dn, self._settings.off
        if not by_move(self._settings) or names.below(names.parse(off.unit), names.parse(people)):
            return [people]
        return [people, off.unit]

    async def _search(self, wanted: Filter, extra: Sequence[str] = ()) -> list[Entry]:
        found: list[Entry] = []
        attributes = sorted({*self._wanted, *extra})
        for base in self._bases():
            found += await self._directory.search(base, both(self._people, wanted), attributes)
        return found

    async def _entry(self, remote_id: str, extra: Sequence[str] = ()) -> Entry:
        value = identifier_value(self._id, remote_id)
        found = [] if value is None else await self._search(equal(self._id, value), extra)
        if not found:
            raise NotFound(f"There is no account {remote_id} under {self._settings.people_dn}.")
        return found[0]

    async def _entries(self, remote_ids: Sequence[str]) -> Mapping[str, Entry]:
        """Those that are there, by id."""
        known: dict[str, Entry] = {}
        ids = {one: identifier_value(self._id, one) for one in remote_ids}
        asked = [value for value in ids.values() if value is not None]
        for at in range(0, len(asked), _IDS_AT_ONCE):
            any_id = any_of(equal(self._id, value) for value in asked[at : at + _IDS_AT_ONCE])
            known |= {identifier(one, self._id): one for one in await self._search(any_id)}
        return known

    async def _owners(self) -> Mapping[str, str]:
        """What stands for an account in a group -> its id."""
        owners: dict[str, str] = {}
        by_name = self._settings.group_kind == "posixGroup"
        for base in self._bases():
            async for page in self._directory.pages(
                base, self._people, [self._id, self._login], self._settings.page_size
            ):
                for entry in page:
                    key = text(entry, self._login).casefold() if by_name else dn_key(entry.dn)
                    owners[key] = identifier(entry, self._id)
        return owners

    async def _must_be_free(self, login: str) -> None:
        """A directory keeps names apart within one unit only; here they are everywhere."""
        if self._login == "sAMAccountName" and (
            len(login) > _LONGEST_NAME or login.endswith(".") or _NOT_IN_NAMES & set(login)
        ):
            raise Rejected(
                f"{login!r} is no sAMAccountName: at most {_LONGEST_NAME} characters, none of "
                f"{''.join(sorted(_NOT_IN_NAMES))}, no full stop at its end. Map userName to a "
                "shorter name, and userPrincipalName to the address.",
                ["userName"],
            )
        if await self._search(equal(self._login, login)):
            raise AlreadyExists(f"{self._login} {login!r} is taken by an account in the directory.")

    async def _unit(self, parent: str, attributes: Mapping[str, Value | None]) -> str:
        return await unit(self._settings, self._directory, parent, exact=PARENT in attributes)

    def _new(
        self, attributes: Attributes, login: str, external_id: str, active: bool
    ) -> dict[str, Sequence[str | bytes]]:
        settings = self._settings
        classes = settings.object_classes or settings.profile.object_classes
        entry: dict[str, Sequence[str | bytes]] = {"objectClass": list(classes)}
        for name, value in attributes.items():
            if name not in {UNIT, PARENT} and (target := settings.named(name)):
                entry[target] = values(value)
        if settings.external_id:
            entry[settings.external_id] = [external_id]
        known = {name.casefold() for name, given in entry.items() if given}
        if "cn" not in known:
            entry["cn"] = [common_name(attributes)]
        if "sn" not in known and not self._ad:
            entry["sn"] = [str(attributes.get("name.familyName") or login)]
        # Active Directory opens no account before it has a password.
        return {**entry, **of_new(settings, on=active and not self._ad)}

    async def _added(self, entry: dict[str, Sequence[str | bytes]], parent: str, login: str) -> str:
        naming = self._settings.naming
        name = next((v for k, v in entry.items() if k.casefold() == naming.casefold() and v), None)
        if name is None:
            raise Rejected(f"Entries are named by {naming} (rdn), and nothing is mapped to it.")
        first = name[0] if isinstance(name[0], str) else name[0].decode()
        dn = f"{names.rdn(naming, first)},{parent}"
        if self._settings.groups:
            # Whoever had this name before may have left it in groups.
            await self._groups.forget(Entry(dn, {self._login.lower(): [login.encode()]}))
        try:
            await self._directory.add(dn, entry)
        except AlreadyExists:
            if naming.casefold() != "cn" or "cn" in self._names.values():
                raise
            # Somebody else is called the same, in the same unit; nobody has this user name.
            await self._must_be_free(login)
            entry["cn"] = [f"{first} ({login})"]
            dn = f"{names.rdn(naming, f'{first} ({login})')},{parent}"
            await self._directory.add(dn, entry)
        return dn

    async def _given_a_password(self, dn: str, active: bool) -> None:
        """One that nobody knows, for a new account: in a request of its own, as Active Directory
        takes none while it adds an entry. An account that gets none is taken back.
        https://learn.microsoft.com/en-us/troubleshoot/windows-server/active-directory/change-windows-active-directory-user-password
        """
        try:
            await self._directory.modify(
                dn, [new_password(), *change(self._settings, Entry(dn, {}), on=active)]
            )
        except OutcomeUnknown:
            raise
        except ConnectorError:
            await self._directory.delete(dn)
            raise

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
            parent = await self._unit(parent, changes)
        if new_name == old_name and names.same(parent, old_parent):
            return entry
        login = str(changes.get("userName") or "")
        return await self._moved(entry, names.rdn(naming, new_name), parent, login)

    async def _switch(self, remote_id: str, *, on: bool) -> None:
        if not self.capabilities.disable:
            raise Unsupported("Accounts are not switched off in this directory.", _BY_HAND)
        settings = self._settings
        entry = await self._entry(remote_id)
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
        login = login or text(entry, self._login)
        now = Entry(f"{rdn},{parent}", {**entry.attributes, self._login.lower(): [login.encode()]})
        if self._settings.groups:
            await self._groups.forget(entry, instead=now)
        return now

    def _target(self, attribute: str) -> str:
        return "" if attribute in {UNIT, PARENT} else self._settings.named(attribute)

    def _account(self, entry: Entry) -> RemoteAccount:
        attributes = {
            name: value
            for name, target in self._names.items()
            if (value := shown(entry, target)) is not None
        }
        if UNIT in self._places and (place := shown_unit(self._settings, entry.dn)):
            attributes[UNIT] = place
        if PARENT in self._places:
            attributes[PARENT] = parent_of(entry.dn)
        return RemoteAccount(
            remote_id=identifier(entry, self._id),
            attributes=attributes,
            active=is_on(self._settings, entry),
            fingerprint=fingerprint(entry),
        )

    def _must_be_group(self, kind: str) -> None:
        if kind != "group" or not self._settings.groups:
            raise Unsupported(
                f"This directory has no entitlements of kind {kind!r} for us.",
                f"Change the {kind} with the directory's own administration programs.",
            )
