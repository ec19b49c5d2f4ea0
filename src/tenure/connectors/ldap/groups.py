"""Groups of a directory, by DN (`groupOfNames`, `groupOfUniqueNames`, Active Directory's `group`)
or by user name (`posixGroup`).

Two traps are kept away from everything above: a `groupOfNames` must have a member, and a directory
without the overlay refint leaves the DN of whoever is gone in every group, for the next one who
gets that name. It must not know what accounts are like.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from tenure.connectors.base import NotFound, RemoteEntitlement
from tenure.connectors.ldap import names
from tenure.connectors.ldap.directory import ADD, BASE, REMOVE, Directory, Modification, text
from tenure.connectors.ldap.entries import identifier, identifier_value
from tenure.connectors.ldap.filters import Filter, both, equal, present
from tenure.connectors.ldap.outcomes import (
    EXISTS,
    NO_SUCH_ATTRIBUTE,
    OBJECT_CLASS_VIOLATION,
    SUCCESS,
    UNWILLING,
    VALUE_EXISTS,
)
from tenure.connectors.ldap.session import Entry
from tenure.connectors.ldap.settings import LdapSettings

_MEMBERS = {
    "groupOfNames": "member",
    "groupOfUniqueNames": "uniqueMember",
    "posixGroup": "memberUid",
    "group": "member",
}
_MUST_HAVE_ONE = frozenset({"groupOfNames", "groupOfUniqueNames"})
#: A global security group: GROUP_TYPE_ACCOUNT_GROUP | GROUP_TYPE_SECURITY_ENABLED (MS-ADTS 2.2.12).
_SECURITY_GROUP = "-2147483646"
_PER_REQUEST = 500
#: How a directory says that some of it is so already.
_SO_ALREADY = frozenset({NO_SUCH_ATTRIBUTE, VALUE_EXISTS, EXISTS, UNWILLING})
_RANGE = re.compile(r";range=(\d+)-(\d+|\*)$")


class Groups:
    """`members_of` gives, for ids of accounts, what stands for each in a group: its DN or its user
    name. `owners` gives the way back."""

    def __init__(
        self,
        settings: LdapSettings,
        directory: Directory,
        members_of: Callable[[Sequence[str]], Awaitable[Mapping[str, Entry]]],
        owners: Callable[[], Awaitable[Mapping[str, str]]],
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._members_of = members_of
        self._owners = owners
        self._class = settings.group_kind
        self._member = _MEMBERS[self._class]
        self._by_name = self._class == "posixGroup"
        self._base = settings.groups_dn or settings.people_dn
        self._id = settings.profile.id_attribute
        self._filter = equal("objectClass", self._class)

    async def all(self) -> AsyncIterator[RemoteEntitlement]:
        """Every group, with the accounts among its members."""
        owners = await self._owners()
        async for page in self._directory.pages(
            self._base, self._filter, ["cn", self._id, self._member], self._settings.page_size
        ):
            for entry in page:
                members = await self._members(entry)
                found = (owners.get(self._key(value)) for value in members)
                yield RemoteEntitlement(
                    "group",
                    identifier(entry, self._id),
                    text(entry, "cn"),
                    frozenset(one for one in found if one),
                )

    async def create(self, name: str) -> RemoteEntitlement:
        """A new group with nobody in it. Raises `AlreadyExists`, `Rejected`."""
        dn = f"{names.rdn('cn', name)},{self._base}"
        attributes: dict[str, Sequence[str | bytes]] = {"objectClass": [self._class], "cn": [name]}
        if self._class in _MUST_HAVE_ONE:
            attributes[self._member] = [self._settings.filler]
        if self._class == "group":
            attributes |= {"sAMAccountName": [name], "groupType": [_SECURITY_GROUP]}
        await self._directory.add(dn, attributes)
        found = await self._directory.search(dn, self._filter, [self._id, "cn"], scope=BASE)
        if not found:
            raise NotFound(f"The group {dn} was made and is not shown: look into its rights.")
        return RemoteEntitlement(
            "group", identifier(found[0], self._id), text(found[0], "cn"), frozenset()
        )

    async def delete(self, remote_id: str) -> None:
        await self._directory.delete((await self._group(remote_id)).dn)

    async def change(self, remote_id: str, add: Sequence[str], remove: Sequence[str]) -> None:
        """Removals first, in chunks."""
        group = await self._group(remote_id)
        known = await self._members_of([*add, *remove])
        missing = [one for one in add if one not in known]
        if missing:
            raise NotFound(f"The account {missing[0]} is not in the directory: it joins no group.")
        # Who is not there any more is in no group either.
        going = [self._value(known[one]) for one in remove if one in known]
        for chunk in _chunks(going):
            await self._modify(group.dn, REMOVE, chunk)
        for chunk in _chunks([self._value(known[one]) for one in add]):
            await self._modify(group.dn, ADD, chunk)

    async def forget(self, entry: Entry, instead: Entry | None = None) -> None:
        """Takes an entry's name out of every group that still has it; `instead` takes its place."""
        if self._settings.is_active_directory:
            return  # It does that by itself.
        old = self._value(entry)
        if not old:
            return
        held = both(self._filter, equal(self._member, old))
        for group in await self._directory.search(self._base, held, ["cn"]):
            if instead is not None:
                await self._modify(group.dn, ADD, [self._value(instead)])
            await self._modify(group.dn, REMOVE, [old])

    # What they share.

    async def _group(self, remote_id: str) -> Entry:
        value = identifier_value(self._id, remote_id)
        if value is not None:
            wanted = both(self._filter, equal(self._id, value))
            found = await self._directory.search(self._base, wanted, ["cn"], must_be=True)
            if found:
                return found[0]
        raise NotFound(f"There is no group {remote_id} under {self._base}.")

    async def _modify(self, dn: str, how: int, values: Sequence[str]) -> None:
        fine = _SO_ALREADY | {OBJECT_CLASS_VIOLATION}
        result = await self._directory.modify(dn, [(how, self._member, values)], fine=fine)
        if result.code == SUCCESS:
            return
        # Some of it is so already, or nobody would be left: only what is needed is sent.
        there = {self._key(value): value for value in await self._read(dn)}
        if how == ADD:
            needed = [value for value in values if self._key(value) not in there]
        else:
            needed = [there[self._key(v)] for v in values if self._key(v) in there]
        if not needed:
            return
        changes: list[Modification] = [(how, self._member, needed)]
        if how == REMOVE and len(needed) == len(there) and self._class in _MUST_HAVE_ONE:
            changes.insert(0, (ADD, self._member, [self._settings.filler]))
        await self._directory.modify(dn, changes)

    async def _read(self, dn: str) -> list[str]:
        found = await self._directory.search(dn, self._filter, [self._member], scope=BASE)
        return await self._members(found[0]) if found else []

    async def _members(self, entry: Entry) -> list[str]:
        """All of them: Active Directory shows 1,500 at once, and where it stopped (MS-ADTS
        3.1.1.3.1.3.3)."""
        name = self._member.lower()
        members = [value.decode(errors="replace") for value in entry.attributes.get(name, ())]
        shown = _ranged(entry, name)
        while shown is not None:
            values, last = shown
            members += values
            if last is None:
                break
            asked = [f"{self._member};range={last + 1}-*"]
            more = await self._directory.search(entry.dn, present("objectClass"), asked, scope=BASE)
            shown = _ranged(more[0], name) if more else None
        return members

    def _value(self, entry: Entry) -> str:
        return text(entry, self._settings.named("userName")) if self._by_name else entry.dn

    def _key(self, value: str) -> str:
        return value.casefold() if self._by_name else dn_key(value)


def dn_key(dn: str) -> str:
    """One text for the spellings of a DN that one directory uses."""
    if "\\" in dn or ", " in dn:
        try:
            dn = names.written(names.parse(dn))
        except ValueError:
            return dn.casefold()
    return dn.casefold()


def group_filter(settings: LdapSettings) -> Filter:
    return equal("objectClass", settings.group_kind)


def _ranged(entry: Entry, name: str) -> tuple[list[str], int | None] | None:
    """The values of a part of an attribute, and its last place; None for the last part."""
    for key, values in entry.attributes.items():
        match = _RANGE.search(key)
        if match and key[: match.start()] == name:
            last = None if match[2] == "*" else int(match[2])
            return [value.decode(errors="replace") for value in values], last
    return None


def _chunks(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[at : at + _PER_REQUEST] for at in range(0, len(values), _PER_REQUEST)]
