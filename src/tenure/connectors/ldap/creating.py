"""Making an account: an entry with all that its classes ask for, under a name that is free.

It is switched as it should be from the first moment on. Active Directory opens no account before
it has a password, and takes none while an entry is added.
"""

from __future__ import annotations

from collections.abc import Sequence

from tenure.connectors.base import AlreadyExists, ConnectorError, OutcomeUnknown, Rejected
from tenure.connectors.ldap import names
from tenure.connectors.ldap.accounts import Accounts
from tenure.connectors.ldap.directory import Directory
from tenure.connectors.ldap.entries import common_name, new_password, values
from tenure.connectors.ldap.groups import Groups
from tenure.connectors.ldap.placing import unit, wanted_parent
from tenure.connectors.ldap.session import Entry
from tenure.connectors.ldap.settings import PARENT, UNIT, LdapSettings
from tenure.connectors.ldap.switching import by_move, change, of_new
from tenure.core.model import Attributes


class Creator:
    """Makes accounts in one directory."""

    def __init__(
        self, settings: LdapSettings, directory: Directory, accounts: Accounts, groups: Groups
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._accounts = accounts
        self._groups = groups
        self._ad = settings.is_active_directory

    async def create(self, attributes: Attributes, external_id: str, active: bool) -> Entry:
        """Raises `AlreadyExists`, `Rejected`."""
        login = str(attributes.get("userName") or "").strip()
        if not login:
            raise Rejected("No account without a user name: map userName.", ["userName"])
        await self._accounts.must_be_free(login)
        parent = wanted_parent(self._settings, attributes) or self._settings.people_dn
        parent = await unit(self._settings, self._directory, parent, exact=PARENT in attributes)
        if not active and by_move(self._settings):
            parent = self._settings.off.unit
        entry = self._new(attributes, login, external_id, active)
        dn = await self._added(entry, parent, login)
        if self._ad:
            await self._given_a_password(dn, active)
        made = await self._accounts.at(dn)
        if made is None:
            raise Rejected(
                f"{dn} was made, and is no account by people_filter: correct the filter or "
                "object_classes, and delete the entry.",
            )
        return made

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
            await self._groups.forget(Entry(dn, {self._accounts.login.lower(): [login.encode()]}))
        try:
            await self._directory.add(dn, entry)
        except AlreadyExists:
            if naming.casefold() != "cn" or "cn" in self._accounts.names.values():
                raise
            # Somebody else is called the same, in the same unit; nobody has this user name.
            await self._accounts.must_be_free(login)
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
