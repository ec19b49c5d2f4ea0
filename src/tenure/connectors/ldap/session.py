"""One connection to a directory: LDAP messages out and in (RFC 4511), many under way at once.

It says what the directory answered, or that the connection ended first (`Lost`) or never was
(`NotConnected`). It must not know what an answer means to anybody.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self, TypeAlias

from tenure.connectors.addresses import is_forbidden
from tenure.connectors.ldap.ber import (
    Malformed,
    boolean,
    bounds,
    element,
    elements,
    integer,
    number,
    octets,
    sequence,
)

_BIND, _UNBIND, _ABANDON, _EXTENDED = 0x60, 0x42, 0x50, 0x77
_ENTRY, _REFERENCE, _INTERMEDIATE = 0x64, 0x73, 0x79
_START_TLS = "1.3.6.1.4.1.1466.20037"
_LARGEST = 32 * 1024 * 1024
_AT_ONCE = 256 * 1024


#: The OID of a control, and its value.
Control: TypeAlias = tuple[str, bytes | None]


class NotConnected(Exception):
    """There is no connection; nothing was sent."""


class NotTrusted(NotConnected):
    """The encryption failed: another's certificate, or none."""


class Lost(Exception):
    """The connection ended, or no answer came in time, after the request was sent."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a request ended: the code of RFC 4511, 4.1.9, and what the directory says to it."""

    code: int
    text: str = ""
    controls: Mapping[str, bytes] = field(default_factory=dict)
    #: Of an extended operation.
    value: bytes = b""
    #: What was said before the end (RFC 4511, 4.13): OID and value.
    notes: Sequence[tuple[str, bytes]] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. Names of attributes are in small letters, options included."""

    dn: str
    attributes: Mapping[str, Sequence[bytes]]
    controls: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class _Pending:
    done: asyncio.Future[Result]
    entries: list[Entry] = field(default_factory=list)
    notes: list[tuple[str, bytes]] = field(default_factory=list)


class Session:
    """An open connection. `ended` says why it is not open any more."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: float
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._patience = patience
        self._pending: dict[int, _Pending] = {}
        self._last = 1
        self._listening: asyncio.Task[None] | None = None
        self.ended = ""

    @classmethod
    async def open(
        cls,
        host: str,
        port: int,
        *,
        context: ssl.SSLContext | None,
        start_tls: bool,
        connect: float,
        patience: float,
    ) -> Self:
        """Connected, and encrypted where `context` is given. Raises `NotConnected`."""
        try:
            async with asyncio.timeout(connect):
                reader, writer = await _connected(host, port, None if start_tls else context)
                session = cls(reader, writer, patience)
                try:
                    if start_tls and context is not None:
                        await session._start_tls(context, host)
                except BaseException:
                    writer.transport.abort()
                    raise
        except TimeoutError:
            raise NotConnected("it does not take the connection in time") from None
        except (ssl.SSLError, Malformed) as error:
            reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or error
            raise NotTrusted(str(reason)) from None
        except OSError as error:
            raise NotConnected(error.strerror or str(error)) from None
        session._listening = asyncio.create_task(session._listen())
        return session

    async def bind(self, name: str, password: str) -> Result:
        """By name and password (RFC 4513, 5.1.3)."""
        credentials = octets(password, 0x80)
        result, _ = await self.ask(element(_BIND, integer(3), octets(name), credentials))
        return result

    async def extended(self, oid: str) -> Result:
        """An extended operation without a value."""
        result, _ = await self.ask(element(_EXTENDED, octets(oid, 0x80)))
        return result

    async def ask(
        self, operation: bytes, controls: Sequence[Control] = ()
    ) -> tuple[Result, list[Entry]]:
        """Sends one operation; its result, and the entries of a search. Raises `NotConnected`
        where nothing was sent, `Lost` where it was and no answer came."""
        if self.ended:
            raise NotConnected(self.ended)
        self._last += 1
        number_ = self._last
        pending = _Pending(asyncio.get_running_loop().create_future())
        self._pending[number_] = pending
        try:
            self._writer.write(sequence(integer(number_), operation, _controls(controls)))
            async with asyncio.timeout(self._patience):
                return await pending.done, pending.entries
        except TimeoutError:
            self._abandon(number_)
            raise Lost(f"no answer came within {self._patience:g} seconds") from None
        finally:
            self._pending.pop(number_, None)

    async def close(self) -> None:
        """Says goodbye, and is closed."""
        if not self.ended:
            with contextlib.suppress(OSError, RuntimeError):
                self._writer.write(sequence(integer(self._last + 1), element(_UNBIND, b"")))
        self._end("it was closed")
        try:
            if self._listening is not None:
                self._listening.cancel()
                await asyncio.wait({self._listening})
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await self._writer.wait_closed()
        finally:
            # Where it does not say goodbye to an encrypted connection, or there is no time for it:
            # the socket is closed all the same.
            self._writer.transport.abort()
        await asyncio.sleep(0)

    async def _start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """RFC 4511, 4.14. What came along before the encryption began is refused."""
        request = element(_EXTENDED, octets(_START_TLS, 0x80))
        self._writer.write(sequence(integer(1), request))
        buffer = b""
        while True:
            data = await self._reader.read(_AT_ONCE)
            if not data:
                raise NotTrusted("it closed the connection when asked to encrypt it (StartTLS)")
            buffer += data
            with contextlib.suppress(IndexError):
                start, stop = bounds(buffer, 0)
                if stop <= len(buffer):
                    break
        if stop != len(buffer):
            raise NotTrusted("it sent more than an answer before the encryption began")
        _, (_, content), *_ = elements(buffer[start:stop])
        result = _result(content)
        if result.code:
            raise NotTrusted(f"it does not encrypt (StartTLS): {result.text or result.code}")
        await self._writer.start_tls(context, server_hostname=host)

    async def _listen(self) -> None:
        reason = "it closed the connection"
        buffer = bytearray()
        try:
            while data := await self._reader.read(_AT_ONCE):
                buffer += data
                at = 0
                while (message := _message(buffer, at)) is not None:
                    start, at = message
                    self._take(bytes(buffer[start:at]))
                del buffer[:at]
        except asyncio.CancelledError:
            # Nobody closed it, and the loop ends: there is no time for goodbyes.
            if not self.ended:
                self._writer.transport.abort()
            raise
        except OSError as error:
            reason = error.strerror or str(error) or reason
        except (ValueError, IndexError):
            reason = "what it sends is not LDAP"
        finally:
            self._end(reason)

    def _take(self, message: bytes) -> None:
        (_, identifier), (tag, content), *rest = elements(message)
        pending = self._pending.get(number(identifier))
        if pending is None:
            # Notice of disconnection (RFC 4511, 4.4.1), or the answer to what was given up.
            if number(identifier) == 0:
                self._end(_result(content).text or "it ended the connection")
            return
        controls = rest[0][1] if rest else b""
        if tag == _ENTRY:
            pending.entries.append(_entry(content, controls))
        elif tag == _INTERMEDIATE:
            pending.notes.append(_note(content))
        elif tag != _REFERENCE and not pending.done.done():
            pending.done.set_result(replace(_result(content, controls), notes=pending.notes))

    def _abandon(self, identifier: int) -> None:
        if not self.ended:
            self._last += 1
            self._writer.write(sequence(integer(self._last), integer(identifier, _ABANDON)))

    def _end(self, reason: str) -> None:
        if not self.ended:
            self.ended = reason
            # Once: closed twice, asyncio's encrypted transport forgets the socket under it, and
            # aborting it does nothing any more.
            self._writer.close()
        for pending in self._pending.values():
            if not pending.done.done():
                pending.done.set_exception(Lost(self.ended))


async def _connected(
    host: str, port: int, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To the first address of `host` that answers. Raises OSError."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=1)
    except OSError:
        raise OSError(f"the name {host} is not known (DNS)") from None
    problem: OSError | None = None
    for *_, address in found:
        if is_forbidden(str(address[0])):
            raise OSError(f"{host} leads to {address[0]}, which no directory lives at")
        try:
            return await asyncio.open_connection(
                str(address[0]),
                port,
                ssl=context,
                server_hostname=host if context is not None else None,
            )
        except ssl.SSLError:
            raise
        except OSError as error:
            problem = error
    raise problem or OSError(f"the name {host} has no address")


def _message(buffer: bytearray, at: int) -> tuple[int, int] | None:
    """Where the message at `at` has its content; None where it is not complete yet."""
    try:
        start, stop = bounds(buffer, at)
    except IndexError:
        return None
    if stop - at > _LARGEST:
        raise Malformed("a message is too large")
    return (start, stop) if stop <= len(buffer) else None


def _controls(controls: Sequence[Control]) -> bytes:
    """None of ours is critical: a directory that lacks one answers without."""
    if not controls:
        return b""
    made = [
        sequence(octets(oid), boolean(False), b"" if value is None else octets(value))
        for oid, value in controls
    ]
    return element(0xA0, b"".join(made))


def _result(content: bytes, controls: bytes = b"") -> Result:
    (_, code), _, (_, text), *rest = elements(content)
    value = next((inner for tag, inner in rest if tag == 0x8B), b"")
    found = _told(controls)
    return Result(number(code), text.decode(errors="replace").rstrip("\0"), found, value)


def _entry(content: bytes, controls: bytes) -> Entry:
    (_, dn), (_, listed) = elements(content)
    attributes = {}
    for _, attribute in elements(listed):
        (_, name), (_, values) = elements(attribute)
        attributes[name.decode().lower()] = [value for _, value in elements(values)]
    return Entry(dn.decode(errors="replace"), attributes, _told(controls))


def _note(content: bytes) -> tuple[str, bytes]:
    parts = dict(elements(content))
    return parts.get(0x80, b"").decode(errors="replace"), parts.get(0x81, b"")


def _told(controls: bytes) -> dict[str, bytes]:
    """OID -> value, of the controls of an answer."""
    found = {}
    for _, control in elements(controls):
        (_, oid), *more = elements(control)
        found[oid.decode(errors="replace")] = next((v for tag, v in more if tag == 0x04), b"")
    return found
