"""The reader of directories: everybody page by page, only what changed where the directory can say
so (`delta`), one entry, and values taken back. What values look like is in `values`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from itertools import chain
from typing import ClassVar

from pydantic import BaseModel

from tenure.connectors.base import Check, ConnectorError, Limits
from tenure.connectors.ldap.checks import AD
from tenure.connectors.ldap.directory import BASE, REPLACE, Directory, text
from tenure.connectors.ldap.entries import identifier, identifier_value
from tenure.connectors.ldap.filters import both, equal, parse, present
from tenure.connectors.ldap.outcomes import LATER, SUCCESS
from tenure.connectors.ldap.session import Entry
from tenure.connectors.ldap.settings import LdapSecrets
from tenure.readers.base import (
    Gone,
    ReaderConfig,
    ReaderError,
    RecordRefused,
    Row,
    RowProblem,
)
from tenure.readers.ldap.delta import begun, known, told
from tenure.readers.ldap.settings import DN, MANAGER, STATUS, LdapSourceSettings
from tenure.readers.ldap.values import shown, status, switches
from tenure.readers.looping import iterate, run

_MANAGER = "manager"
#: Managers whose numbers are kept in mind.
_KNOWN = 100_000


class LdapReader:
    """One directory."""

    Settings: ClassVar[type[BaseModel]] = LdapSourceSettings
    Secrets: ClassVar[type[BaseModel]] = LdapSecrets

    def __init__(self, config: ReaderConfig) -> None:
        if config.file is not None:
            raise ReaderError("This source is a directory: it reads no file.")
        settings = LdapSourceSettings.model_validate(dict(config.settings))
        secrets = LdapSecrets.model_validate(dict(config.secrets))
        self._settings = settings
        self._password = secrets.password.get_secret_value()
        self._people = parse(settings.people_filter or settings.profile.people)
        self._id = settings.profile.id_attribute
        self._wanted = sorted({*settings.columns, self._id, _MANAGER, switches(settings)})
        self._managers: dict[str, str] = {}
        self._cursor = ""

    def columns(self) -> Sequence[str]:
        made = [DN, STATUS, MANAGER]
        taken = {one.casefold() for one in self._settings.columns}
        return [*self._settings.columns, *(one for one in made if one not in taken)]

    def rows(self) -> Iterator[Row | RowProblem]:
        return chain.from_iterable(iterate(self._all))

    def changes(self, cursor: str) -> Iterator[Row | RowProblem | Gone]:
        return chain.from_iterable(iterate(lambda: self._changed(cursor)))

    def cursor(self) -> str:
        return self._cursor

    def fetch(self, id: str) -> Row | RowProblem | Gone:
        return run(self._one(id))

    def write(self, id: str, values: Mapping[str, str]) -> None:
        run(self._written(id, values))

    @classmethod
    def writable_for(cls, settings: Mapping[str, object]) -> Sequence[str]:
        """The attributes that these settings read are those that may be written."""
        return LdapSourceSettings.model_validate(dict(settings)).columns

    def check(self) -> Sequence[Check]:
        """Sign-in, Kind, People and Changes, up to what fails."""
        try:
            return run(self._checked())
        except ReaderError as error:
            return [Check("Sign-in", False, str(error))]

    # Reading.

    async def _all(self) -> AsyncIterator[list[Row]]:
        """Where to go on is asked before: what changes meanwhile comes again."""
        self._cursor = ""
        settings = self._settings
        async with self._opened() as directory:
            await self._must_be_there(directory)
            delta = await begun(directory, settings)
            count = 0
            async for entries in directory.pages(
                settings.people_dn, self._people, self._wanted, settings.page_size
            ):
                yield await self._rows(directory, entries, count)
                count += len(entries)
            self._cursor = delta.cursor if delta is not None else ""

    async def _changed(self, cursor: str) -> AsyncIterator[list[Row | Gone]]:
        self._cursor = ""
        async with self._opened() as directory:
            await self._must_be_there(directory)
            delta = known(cursor, self._settings)
            count = 0
            async for entries, gone in delta.changes(directory, self._people, self._wanted):
                rows = await self._rows(directory, entries, count)
                yield [*rows, *(Gone(one) for one in gone)]
                count += len(entries)
            self._cursor = delta.cursor

    async def _one(self, id: str) -> Row | Gone:
        async with self._opened() as directory:
            found = await self._found(directory, id)
            rows = await self._rows(directory, found, 0)
        return rows[0] if rows else Gone(id)

    async def _found(self, directory: Directory, id: str) -> list[Entry]:
        value = identifier_value(self._id, id)
        if value is None:
            return []
        wanted = both(self._people, equal(self._id, value))
        return await directory.search(self._settings.people_dn, wanted, self._wanted)

    async def _rows(self, directory: Directory, entries: Sequence[Entry], before: int) -> list[Row]:
        await self._get_to_know(directory, entries)
        return [self._row(number, one) for number, one in enumerate(entries, start=before + 1)]

    def _row(self, number: int, entry: Entry) -> Row:
        settings = self._settings
        values = {
            name: shown(name, entry.attributes.get(name.casefold(), ()), settings.time_zone)
            for name in settings.columns
        }
        made = {
            DN: entry.dn,
            STATUS: status(settings, entry),
            MANAGER: self._managers.get(text(entry, _MANAGER).casefold(), ""),
        }
        # An attribute of that name goes first.
        return Row(number, {**made, **values}, identifier(entry, self._id))

    async def _get_to_know(self, directory: Directory, entries: Sequence[Entry]) -> None:
        """The numbers of these entries' managers: each is asked for once."""
        names = {text(one, _MANAGER) for one in entries} - {""}
        missing = sorted(one for one in names if one.casefold() not in self._managers)
        if len(self._managers) + len(missing) > _KNOWN:
            self._managers.clear()
            missing = sorted(names)
        numbers = await asyncio.gather(*(self._number(directory, name) for name in missing))
        for name, number in zip(missing, numbers, strict=True):
            self._managers[name.casefold()] = number

    async def _number(self, directory: Directory, name: str) -> str:
        """Empty where the manager is not there, in another directory, or not to be seen: people do
        not wait for that."""
        wanted = self._settings.number
        result, found = await directory.search_told(
            name, present("objectClass"), [wanted], [], scope=BASE
        )
        if result.code in LATER:
            raise directory.refused(name, result)
        return text(found[0], wanted) if result.code == SUCCESS and found else ""

    async def _must_be_there(self, directory: Directory) -> None:
        """No people where there is no such place would be nobody."""
        base = self._settings.people_dn
        if not await directory.search(base, present("objectClass"), ["1.1"], scope=BASE):
            raise ReaderError(f"{base} is not there, or not to be seen: correct people_dn.")

    # Writing back.

    async def _written(self, id: str, values: Mapping[str, str]) -> None:
        names = {one.casefold(): one for one in self._settings.columns}
        unknown = sorted(one for one in values if one.casefold() not in names)
        if unknown:
            raise ReaderError(
                f"{', '.join(unknown)} cannot be written: it is none of the attributes of this "
                f"source, which are {', '.join(self._settings.columns)}."
            )
        async with self._opened() as directory:
            found = await self._found(directory, id)
            if not found:
                raise RecordRefused(
                    f"There is nobody with the id {id} under "
                    f"{self._settings.people_dn}: nothing was written."
                )
            entry, zone = found[0], self._settings.time_zone
            changes = [
                (REPLACE, name, [value] if value else [])
                for name, value in values.items()
                if shown(name, entry.attributes.get(name.casefold(), ()), zone) != value
            ]
            if changes:
                await directory.modify(entry.dn, changes)

    # Checking.

    async def _checked(self) -> list[Check]:
        settings = self._settings
        async with self._opened() as directory:
            root = await directory.root()
            how = "Without encryption" if settings.plain else "Encrypted"
            lines = [Check("Sign-in", True, f"{how}, as {settings.bind_dn}.")]
            is_ad = AD in root.attributes.get("supportedcapabilities", ())
            if is_ad != settings.is_active_directory:
                kind = "active_directory" if is_ad else "openldap"
                return [
                    *lines,
                    Check("Kind", False, f"The directory is another: set kind: {kind}."),
                ]
            lines.append(Check("Kind", True, text(root, "vendorName") or settings.kind))
            try:
                await self._must_be_there(directory)
                found = await self._first_page(directory)
            except (ReaderError, ConnectorError) as error:
                return [*lines, Check("People", False, str(error))]
            if not found:
                said = f"Nobody under {settings.people_dn}: see people_dn and people_filter."
                return [*lines, Check("People", False, said)]
            lines.append(Check("People", True, f"Can be read under {settings.people_dn}."))
            return [*lines, await told(directory, settings)]

    async def _first_page(self, directory: Directory) -> list[Entry]:
        """Asked for as an import does, so that a limit of the directory is seen now. An empty page
        before others says nothing yet."""
        size = self._settings.page_size
        pages = directory.pages(self._settings.people_dn, self._people, ["1.1"], size)
        async with aclosing(pages):
            async for page in pages:
                if page:
                    return page
        return []

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Directory]:
        directory = Directory(self._settings, self._password, Limits())
        try:
            yield directory
        finally:
            await directory.close()
