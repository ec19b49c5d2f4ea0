"""How a directory says what changed: OpenLDAP by content synchronisation (RFC 4533), Active
Directory by the numbers that a domain controller gives its changes (uSNChanged) and by what it
remembers of deleted entries.

Not by DirSync: that wants a right over the whole domain, and cannot be kept to one unit
(https://learn.microsoft.com/en-us/windows/win32/ad/polling-for-changes-using-usnchanged).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

import orjson

from tenure.connectors.base import Check
from tenure.connectors.ldap.directory import BASE, Directory, text
from tenure.connectors.ldap.entries import identifier
from tenure.connectors.ldap.filters import Filter, at_least, both, equal, present
from tenure.connectors.ldap.outcomes import SUCCESS
from tenure.connectors.ldap.session import Control, Entry
from tenure.readers.base import CursorExpired
from tenure.readers.ldap import syncrepl
from tenure.readers.ldap.settings import LdapSourceSettings

_SHOW_DELETED: Control = ("1.2.840.113556.1.4.417", None)
_USN = "uSNChanged"
_ID = "objectGUID"


class Delta(Protocol):
    """`cursor` is where to go on, once `changes` came to its end."""

    @property
    def cursor(self) -> str: ...

    def changes(
        self, directory: Directory, people: Filter, wanted: Sequence[str]
    ) -> AsyncIterator[tuple[Sequence[Entry], Sequence[str]]]:
        """Entries that are new or another, and ids of those that are gone. Raises
        `CursorExpired`."""


async def begun(directory: Directory, settings: LdapSourceSettings) -> Delta | None:
    """From now on; None where the directory cannot say what changes."""
    if settings.is_active_directory:
        return UsnDelta(settings, await _controller(directory), await _last_number(directory))
    if not await directory.can(syncrepl.SYNC):
        return None
    # The place itself is asked for: where to go on is the same for what is under it.
    base = settings.people_dn
    result, _ = await directory.search_told(
        base, present("objectClass"), ["1.1"], [syncrepl.request(b"")], scope=BASE
    )
    cookie = syncrepl.cookie_of(result) if result.code == SUCCESS else b""
    return SyncDelta(settings, cookie) if cookie else None


def known(cursor: str, settings: LdapSourceSettings) -> Delta:
    """From where a cursor says. Raises `CursorExpired` for one of other settings."""
    try:
        found = orjson.loads(cursor)
        if found["mark"] == _mark(settings):
            if settings.is_active_directory:
                return UsnDelta(settings, str(found["controller"]), int(found["number"]))
            return SyncDelta(settings, base64.b64decode(found["cookie"]))
    except (orjson.JSONDecodeError, TypeError, KeyError, ValueError):
        pass
    raise CursorExpired("The directory, or what is read of it, is set anew.")


async def told(directory: Directory, settings: LdapSourceSettings) -> Check:
    """The line of a check."""
    what = "Changes"
    if not settings.is_active_directory:
        if await begun(directory, settings) is not None:
            return Check(what, True, "Are asked for (RFC 4533).")
        return Check(
            what,
            True,
            "It is read whole each time: with the overlay syncprov it would say what changed.",
        )
    base = await _deleted(directory)
    found = await directory.search_told(
        base, present("objectClass"), ["1.1"], [_SHOW_DELETED], scope=BASE
    )
    if found[1]:
        return Check(what, True, f"Are asked for ({_USN}), deleted people too.")
    return Check(
        what,
        True,
        f"Are asked for ({_USN}). Deleted people are found by full readings only: {base} is not to "
        "be seen; grant the account List contents and Read property there (dsacls).",
    )


class SyncDelta:
    """By RFC 4533."""

    def __init__(self, settings: LdapSourceSettings, cookie: bytes) -> None:
        self._settings, self._cookie = settings, cookie

    @property
    def cursor(self) -> str:
        return _cursor(self._settings, cookie=base64.b64encode(self._cookie).decode())

    async def changes(
        self, directory: Directory, people: Filter, wanted: Sequence[str]
    ) -> AsyncIterator[tuple[Sequence[Entry], Sequence[str]]]:
        base = self._settings.people_dn
        result, entries = await directory.search_told(
            base, people, wanted, [syncrepl.request(self._cookie)]
        )
        if result.code == syncrepl.REFRESH_REQUIRED:
            raise CursorExpired("The directory does not know any more what changed since then.")
        if result.code != SUCCESS:
            raise directory.refused(base, result)
        try:
            found = syncrepl.changes(result, entries, self._cookie)
        except syncrepl.NoLog:
            raise CursorExpired(
                "Something changed, and the directory keeps no log of what is gone "
                "(syncprov-sessionlog)."
            ) from None
        self._cookie = found.cookie
        yield found.entries, found.gone


class UsnDelta:
    """By the change numbers of one domain controller, which mean nothing at another one."""

    def __init__(self, settings: LdapSourceSettings, controller: str, number: int) -> None:
        self._settings, self._controller, self._number = settings, controller, number

    @property
    def cursor(self) -> str:
        return _cursor(self._settings, controller=self._controller, number=self._number)

    async def changes(
        self, directory: Directory, people: Filter, wanted: Sequence[str]
    ) -> AsyncIterator[tuple[Sequence[Entry], Sequence[str]]]:
        if await _controller(directory) != self._controller:
            raise CursorExpired("Another domain controller answers, or it was restored.")
        last = await _last_number(directory)
        size = self._settings.page_size
        since = at_least(_USN, str(self._number + 1))
        seen: set[str] = set()
        ours = both(people, since)
        async for page in directory.pages(self._settings.people_dn, ours, wanted, size):
            seen |= {identifier(one, _ID) for one in page}
            yield page, ()
        # Who was moved elsewhere, or is none of those any more that the filter means.
        users = both(equal("objectClass", "user"), since)
        domain = text(await directory.root(), "defaultNamingContext")
        async for page in directory.pages(domain, users, [_ID], size):
            yield (), [one for one in _ids(page) if one not in seen]
        deleted = both(equal("isDeleted", "TRUE"), since)
        base = await _deleted(directory)
        pages = directory.pages(base, deleted, [_ID], size, [_SHOW_DELETED], must_be=False)
        async for page in pages:
            yield (), _ids(page)
        self._number = last


def _ids(page: Sequence[Entry]) -> list[str]:
    return [identifier(one, _ID) for one in page]


async def _controller(directory: Directory) -> str:
    """What a domain controller's change numbers belong to: its invocationId, which is another one
    after it was restored from a backup (MS-ADTS 3.1.1.1.9)."""
    service = text(await directory.root(), "dsServiceName")
    found = await directory.search(service, present("objectClass"), ["invocationId"], scope=BASE)
    value = found[0].attributes.get("invocationid", [b""])[0] if found else b""
    return value.hex() or service


async def _last_number(directory: Directory) -> int:
    return int(text(await directory.root(), "highestCommittedUSN") or 0)


async def _deleted(directory: Directory) -> str:
    return f"CN=Deleted Objects,{text(await directory.root(), 'defaultNamingContext')}"


def _cursor(settings: LdapSourceSettings, **found: Any) -> str:
    return orjson.dumps({"mark": _mark(settings), **found}).decode()


def _mark(settings: LdapSourceSettings) -> str:
    """Other settings are another source."""
    shape = [settings.kind, settings.url, settings.people_dn, settings.people_filter]
    told = [*shape, settings.columns, settings.number, settings.time_zone]
    return hashlib.sha256(orjson.dumps(told)).hexdigest()[:16]
