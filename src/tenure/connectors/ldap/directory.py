"""The one way to a directory: signed in, at its pace, each request sent once, and whatever happens
as an error named by what the engine does next.

It must not know what entries mean; accounts and groups are in the modules beside it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from tenure.connectors.answers import Ask, Redactor
from tenure.connectors.base import (
    ConnectorError,
    Limits,
    NotFound,
    OutcomeUnknown,
    RetryLater,
    StopApplication,
)
from tenure.connectors.ldap.ber import SET, boolean, element, elements, integer, octets, sequence
from tenure.connectors.ldap.filters import Filter, present
from tenure.connectors.ldap.outcomes import NO_SUCH_OBJECT, SUCCESS, failure
from tenure.connectors.ldap.session import (
    Control,
    Entry,
    Lost,
    NotConnected,
    NotTrusted,
    Result,
    Session,
)
from tenure.connectors.ldap.settings import DirectoryAddress
from tenure.connectors.lease import must_hold
from tenure.connectors.throttle import Throttle

_SEARCH, _MODIFY, _ADD, _DELETE, _RENAME = 0x63, 0x66, 0x68, 0x4A, 0x6C
_PAGES = "1.2.840.113556.1.4.319"
_PERMISSIVE_MODIFY = "1.2.840.113556.1.4.1413"
_PERMISSIVELY: Control = (_PERMISSIVE_MODIFY, None)
_WITH_TREE: Control = ("1.2.840.113556.1.4.805", None)
_WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"
BASE, ONE_LEVEL, SUBTREE = 0, 1, 2
ADD, REMOVE, REPLACE = 0, 1, 2

#: How to change one attribute: ADD, REMOVE or REPLACE; its name; values.
Modification = tuple[int, str, Sequence[str | bytes]]
T = TypeVar("T")


class Directory:
    """One directory, for many tasks at once. Open it with `connected`."""

    def __init__(self, settings: DirectoryAddress, password: str, limits: Limits) -> None:
        self._settings = settings
        self._password = password
        self.redact = Redactor((password,))
        self._slots = asyncio.Semaphore(max(1, limits.concurrency))
        self._throttle = Throttle(limits, patience=settings.timeouts.total)
        self._session: Session | None = None
        self._opening = asyncio.Lock()
        self._context: ssl.SSLContext | None = None
        self._root: Entry | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def search(
        self,
        base: str,
        filter_: Filter,
        attributes: Sequence[str],
        *,
        scope: int = SUBTREE,
        most: int = 0,
        must_be: bool = False,
    ) -> list[Entry]:
        """Entries under `base`; none where there is no `base`, unless it `must_be` there.
        `most`: no more than that."""
        ask = Ask("SEARCH", base or "the root", write=False)
        operation = _search(base, filter_, attributes, scope, most)

        async def send(session: Session) -> list[Entry]:
            result, entries = await session.ask(operation)
            if must_be and result.code == NO_SUCH_OBJECT:
                raise _no_base(base)
            return self._found(ask, result, entries, most)

        return await self._do(ask, send)

    async def search_told(
        self,
        base: str,
        filter_: Filter,
        attributes: Sequence[str],
        controls: Sequence[Control],
        *,
        scope: int = SUBTREE,
    ) -> tuple[Result, list[Entry]]:
        """A search with controls, and its result whatever it is, for those who judge it."""
        ask = Ask("SEARCH", base, write=False)
        operation = _search(base, filter_, attributes, scope, 0)
        return await self._do(ask, lambda session: session.ask(operation, controls))

    def refused(self, base: str, result: Result) -> ConnectorError:
        """The error that the result of such a search stands for."""
        return failure(Ask("SEARCH", base, write=False), result, self.redact)

    async def pages(
        self,
        base: str,
        filter_: Filter,
        attributes: Sequence[str],
        size: int,
        controls: Sequence[Control] = (),
        *,
        must_be: bool = True,
    ) -> AsyncGenerator[list[Entry]]:
        """Everything under `base`, page by page (RFC 2696), on a connection of its own: a server
        keeps the place of one listing for each. Raises `StopApplication` where there is no `base`
        and it `must_be`: whoever is not listed would look deleted."""
        ask = Ask("SEARCH", base, write=False)
        operation = _search(base, filter_, attributes, SUBTREE, 0)
        async with self._alone(ask) as session:
            cookie: bytes | None = b""
            while cookie is not None:
                await self._throttle.of(write=False).acquire()
                control = (_PAGES, sequence(integer(size), octets(cookie)))
                try:
                    result, entries = await session.ask(operation, [control, *controls])
                except (Lost, NotConnected) as error:
                    raise self._trouble(ask, error) from None
                if must_be and result.code == NO_SUCH_OBJECT:
                    raise _no_base(base)
                page = self._found(ask, result, entries, 0)
                cookie = _cookie(result)
                yield page

    async def add(self, dn: str, attributes: Mapping[str, Sequence[str | bytes]]) -> None:
        """A new entry."""
        listed = [
            sequence(octets(name), element(SET, *map(octets, values)))
            for name, values in attributes.items()
            if values
        ]
        await self._write(Ask("ADD", dn, True, True), element(_ADD, octets(dn), sequence(*listed)))

    async def modify(
        self, dn: str, changes: Sequence[Modification], *, fine: frozenset[int] = frozenset()
    ) -> Result:
        """Changes attributes of one entry, all or none. Results in `fine` are given back, too."""
        listed = [
            sequence(
                integer(how, 0x0A), sequence(octets(name), element(SET, b"".join(map(octets, new))))
            )
            for how, name, new in changes
        ]
        operation = element(_MODIFY, octets(dn), sequence(*listed))
        # What is so already is fine, where the directory can do that.
        controls = [_PERMISSIVELY] if fine and await self.can(_PERMISSIVE_MODIFY) else []
        return await self._write(Ask("MODIFY", dn, True, True), operation, controls, fine)

    async def rename(self, dn: str, rdn: str, parent: str) -> None:
        """Gives an entry another name, another place, or both at once."""
        operation = element(_RENAME, octets(dn), octets(rdn), boolean(True), octets(parent, 0x80))
        await self._write(Ask("RENAME", dn, True, True), operation)

    async def delete(
        self, dn: str, *, tree: bool = False, fine: frozenset[int] = frozenset()
    ) -> Result:
        """An entry is gone; with `tree` what is under it, too (Active Directory)."""
        controls = [_WITH_TREE] if tree else []
        return await self._write(Ask("DELETE", dn, True, True), octets(dn, _DELETE), controls, fine)

    async def who_am_i(self) -> str:
        """RFC 4532; empty where the directory does not say."""
        ask = Ask("WHOAMI", "", write=False)

        async def send(session: Session) -> str:
            result = await session.extended(_WHO_AM_I)
            return "" if result.code else result.value.decode(errors="replace")

        return await self._do(ask, send)

    async def root(self) -> Entry:
        """What the directory says of itself (RFC 4512, 5.1)."""
        if self._root is None:
            names = ["+", "*", "supportedControl", "vendorName", "subschemaSubentry"]
            found = await self.search("", present("objectClass"), names, scope=BASE)
            self._root = found[0] if found else Entry("", {})
        return self._root

    async def can(self, control: str) -> bool:
        """Whether it says that it knows a control."""
        return control.encode() in (await self.root()).attributes.get("supportedcontrol", ())

    # What they share.

    async def _write(
        self,
        ask: Ask,
        operation: bytes,
        controls: Sequence[Control] = (),
        fine: frozenset[int] = frozenset(),
    ) -> Result:
        async def send(session: Session) -> Result:
            result, _ = await session.ask(operation, controls)
            if result.code != SUCCESS and result.code not in fine:
                raise failure(ask, result, self.redact)
            return result

        return await self._do(ask, send)

    async def _do(self, ask: Ask, send: Callable[[Session], Awaitable[T]]) -> T:
        await self._throttle.of(write=ask.write).acquire()
        async with self._slots:
            session = await self._open_session(ask)
            if ask.write:
                must_hold(ask)
            try:
                return await send(session)
            except (Lost, NotConnected) as error:
                raise self._trouble(ask, error) from None

    def _found(self, ask: Ask, result: Result, entries: list[Entry], most: int) -> list[Entry]:
        if result.code == NO_SUCH_OBJECT:
            return []
        if result.code != SUCCESS and not (most and result.code == 4):
            raise failure(ask, result, self.redact)
        return entries

    @asynccontextmanager
    async def _alone(self, ask: Ask) -> AsyncIterator[Session]:
        session = await self._signed_in(ask)
        try:
            yield session
        finally:
            await session.close()

    async def _open_session(self, ask: Ask) -> Session:
        async with self._opening:
            if self._session is None or self._session.ended:
                if self._session is not None:
                    await self._session.close()
                self._session = await self._signed_in(ask)
            return self._session

    async def _signed_in(self, ask: Ask) -> Session:
        settings = self._settings
        if self._context is None and not settings.plain:
            self._context = await asyncio.to_thread(_context, settings)
        try:
            session = await Session.open(
                settings.host,
                settings.port,
                context=self._context,
                start_tls=settings.start_tls,
                connect=settings.timeouts.connect,
                patience=settings.timeouts.total,
            )
        except NotConnected as error:
            raise self._trouble(ask, error) from None
        bind = Ask("BIND", settings.bind_dn, write=False)
        try:
            result = await session.bind(settings.bind_dn, self._password)
            if result.code != SUCCESS:
                raise failure(bind, result, self.redact)
        except BaseException as error:
            await session.close()
            if isinstance(error, (Lost, NotConnected)):
                raise self._trouble(bind, error) from None
            raise
        return session

    def _trouble(self, ask: Ask, error: Lost | NotConnected) -> ConnectorError:
        where = f"{self._settings.host}:{self._settings.port}"
        why = self.redact(str(error)).rstrip(".")
        if isinstance(error, NotTrusted):
            return StopApplication(
                f"{ask}: the encrypted connection to {where} failed: {why}. Nothing was sent. "
                "Check the server's certificate, its name and its issuer (ca_file)."
            )
        if isinstance(error, NotConnected):
            return RetryLater(
                f"{ask}: {where} cannot be reached: {why}. Nothing was sent. Check the address, "
                "the network and that it is running."
            )
        if ask.write:
            return OutcomeUnknown(
                f"{ask} was sent to {where}, and {why}: whether it was done is not known. It is "
                "looked at before anything is sent again."
            )
        return RetryLater(f"{ask} was sent to {where}, and {why}. It is read again later.")


def one(entries: Sequence[Entry], what: str) -> Entry:
    """The entry that was looked for. Raises `NotFound`."""
    if not entries:
        raise NotFound(f"{what} is not there.")
    return entries[0]


def text(entry: Entry, name: str) -> str:
    """The first value of an attribute; empty where there is none."""
    values = entry.attributes.get(name.lower())
    return values[0].decode(errors="replace") if values else ""


def _search(base: str, filter_: Filter, attributes: Sequence[str], scope: int, most: int) -> bytes:
    return element(
        _SEARCH,
        octets(base),
        integer(scope, 0x0A),
        integer(0, 0x0A),
        integer(most),
        integer(0),
        boolean(False),
        filter_,
        sequence(*map(octets, attributes)),
    )


def _no_base(base: str) -> StopApplication:
    return StopApplication(
        f"{base} is not there, or not to be seen: nothing is concluded about who is under it. "
        "Correct the DN, or give the account that we sign in with the right to read it."
    )


def _cookie(result: Result) -> bytes | None:
    """Where the next page begins; None after the last one."""
    value = result.controls.get(_PAGES)
    if not value:
        return None
    (_, content), *_ = elements(value)
    _, (_, cookie) = elements(content)
    return cookie or None


def _context(settings: DirectoryAddress) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.ca_file or None)
