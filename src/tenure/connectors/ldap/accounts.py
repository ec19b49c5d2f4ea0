"""The accounts of a directory: where they are, found by whatever is known of them, and read.

An account is an entry, its id what it keeps when it is renamed or moved (entryUUID, objectGUID).
It must not change anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from tenure.connectors.base import AlreadyExists, NotFound, Rejected, RemoteAccount
from tenure.connectors.ldap import names
from tenure.connectors.ldap.directory import BASE, Directory, text
from tenure.connectors.ldap.entries import fingerprint, identifier, identifier_value, shown
from tenure.connectors.ldap.filters import Filter, any_of, both, equal, parse
from tenure.connectors.ldap.groups import dn_key
from tenure.connectors.ldap.placing import parent_of, shown_unit
from tenure.connectors.ldap.session import Entry
from tenure.connectors.ldap.settings import PARENT, UNIT, LdapSettings
from tenure.connectors.ldap.switching import attributes as switches
from tenure.connectors.ldap.switching import by_move, is_on

_IDS_AT_ONCE = 100
#: https://learn.microsoft.com/en-us/windows/win32/adschema/a-samaccountname
_LONGEST_NAME = 20
_NOT_IN_NAMES = frozenset('"/\\[]:;|=,+*?<>@')


class Accounts:
    """Those of one directory. `wanted` are the attributes that are mapped."""

    def __init__(
        self, settings: LdapSettings, directory: Directory, wanted: frozenset[str]
    ) -> None:
        self._settings = settings
        self._directory = directory
        #: The directory's attribute that people sign in with.
        self.login = settings.named("userName")
        #: Account attribute -> the directory's.
        self.names = {
            name: target
            for name in sorted(wanted - {UNIT, PARENT})
            if (target := settings.named(name))
        }
        self._places = wanted & {UNIT, PARENT}
        if len(self._places) == 2:
            raise ValueError(f"map {UNIT} or {PARENT}, not both")
        if self._places and by_move(settings):
            raise ValueError("off: by move goes with neither ou nor dn_parent in the mapping")
        self._id = settings.profile.id_attribute
        #: Which entries are accounts.
        self.filter = parse(settings.people_filter or settings.profile.people)
        self._read = sorted(
            {self._id, self.login, settings.naming, *self.names.values(), *switches(settings)}
        )

    async def pages(self) -> AsyncIterator[list[Entry]]:
        """All of them."""
        size = self._settings.page_size
        for base in self._bases():
            async for page in self._directory.pages(base, self.filter, self._read, size):
                yield page

    async def search(self, wanted: Filter, extra: Sequence[str] = ()) -> list[Entry]:
        """Those that a filter holds for, with `extra` attributes besides."""
        found: list[Entry] = []
        attributes = sorted({*self._read, *extra})
        for base in self._bases():
            found += await self._directory.search(
                base, both(self.filter, wanted), attributes, must_be=True
            )
        return found

    async def at(self, dn: str) -> Entry | None:
        """The account with this DN; None where it is none."""
        found = await self._directory.search(dn, self.filter, self._read, scope=BASE)
        return found[0] if found else None

    async def entry(self, remote_id: str, extra: Sequence[str] = ()) -> Entry:
        """One by its id. Raises `NotFound`."""
        value = identifier_value(self._id, remote_id)
        found = [] if value is None else await self.search(equal(self._id, value), extra)
        if not found:
            raise NotFound(f"There is no account {remote_id} under {self._settings.people_dn}.")
        return found[0]

    async def entries(self, remote_ids: Sequence[str]) -> Mapping[str, Entry]:
        """Those that are there, by id."""
        known: dict[str, Entry] = {}
        ids = {one: identifier_value(self._id, one) for one in remote_ids}
        asked = [value for value in ids.values() if value is not None]
        for at in range(0, len(asked), _IDS_AT_ONCE):
            any_id = any_of(equal(self._id, value) for value in asked[at : at + _IDS_AT_ONCE])
            known |= {identifier(one, self._id): one for one in await self.search(any_id)}
        return known

    async def owners(self) -> Mapping[str, str]:
        """What stands for an account in a group -> its id."""
        owners: dict[str, str] = {}
        by_name = self._settings.group_kind == "posixGroup"
        for base in self._bases():
            async for page in self._directory.pages(
                base, self.filter, [self._id, self.login], self._settings.page_size
            ):
                for entry in page:
                    key = text(entry, self.login).casefold() if by_name else dn_key(entry.dn)
                    owners[key] = identifier(entry, self._id)
        return owners

    async def must_be_free(self, login: str) -> None:
        """A directory keeps names apart within one unit only; here they are everywhere.

        Raises `AlreadyExists`, and `Rejected` for what is no user name there."""
        if self.login == "sAMAccountName" and (
            len(login) > _LONGEST_NAME or login.endswith(".") or _NOT_IN_NAMES & set(login)
        ):
            raise Rejected(
                f"{login!r} is no sAMAccountName: at most {_LONGEST_NAME} characters, none of "
                f"{''.join(sorted(_NOT_IN_NAMES))}, no full stop at its end. Map userName to a "
                "shorter name, and userPrincipalName to the address.",
                ["userName"],
            )
        if await self.search(equal(self.login, login)):
            raise AlreadyExists(f"{self.login} {login!r} is taken by an account in the directory.")

    def id_of(self, entry: Entry) -> str:
        """The id that it keeps."""
        return identifier(entry, self._id)

    def shown(self, entry: Entry) -> RemoteAccount:
        """As the engine has it."""
        attributes = {
            name: value
            for name, target in self.names.items()
            if (value := shown(entry, target)) is not None
        }
        if UNIT in self._places and (place := shown_unit(self._settings, entry.dn)):
            attributes[UNIT] = place
        if PARENT in self._places:
            attributes[PARENT] = parent_of(entry.dn)
        return RemoteAccount(
            remote_id=self.id_of(entry),
            attributes=attributes,
            active=is_on(self._settings, entry),
            fingerprint=fingerprint(entry),
        )

    def _bases(self) -> list[str]:
        """Under what accounts are: those switched off may be elsewhere."""
        people, off = self._settings.people_dn, self._settings.off
        if not by_move(self._settings) or names.below(names.parse(off.unit), names.parse(people)):
            return [people]
        return [people, off.unit]
