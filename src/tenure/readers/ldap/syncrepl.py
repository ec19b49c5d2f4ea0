"""Only what changed, by LDAP content synchronisation (RFC 4533), as OpenLDAP's overlay syncprov
speaks it: the request, and what the answers mean. It must not know people.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from tenure.connectors.ldap.ber import boolean, elements, integer, number, octets, sequence
from tenure.connectors.ldap.session import Control, Entry, Result

SYNC = "1.3.6.1.4.1.4203.1.9.1.1"
_STATE, _DONE, _INFO = (f"1.3.6.1.4.1.4203.1.9.1.{n}" for n in (2, 3, 4))
_REFRESH_ONLY = 1
_PRESENT, _DELETED = 0, 3
_ID_SET = 0xA3
_BOOLEAN, _OCTETS, _SET = 0x01, 0x04, 0x31
#: The server wants everything read anew (RFC 4533, 2.8).
REFRESH_REQUIRED = 4096


class NoLog(Exception):
    """It says which entries are there instead of which are gone."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Entries that are new or another, ids of those that are gone, and where to go on."""

    entries: tuple[Entry, ...]
    gone: tuple[str, ...]
    cookie: bytes


def request(cookie: bytes) -> Control:
    given = octets(cookie) if cookie else b""
    return SYNC, sequence(integer(_REFRESH_ONLY, 0x0A), given, boolean(False))


def cookie_of(result: Result) -> bytes:
    """Where a search with such a request leaves off; empty where the server does not say."""
    value = result.controls.get(_DONE)
    return dict(_parts(value)).get(_OCTETS, b"") if value else b""


def changes(result: Result, entries: Sequence[Entry], cookie: bytes) -> Changes:
    """What the answers to a request with this cookie mean. Raises `NoLog`."""
    done = result.controls.get(_DONE)
    if done is None or not any(dict(_parts(done)).get(_BOOLEAN, b"\0")):
        raise NoLog
    changed: list[Entry] = []
    gone: list[str] = []
    for entry in entries:
        state = entry.controls.get(_STATE)
        if state is None:
            raise NoLog
        (_, kind), (_, identifier), *_ = _parts(state)
        if number(kind) == _DELETED:
            gone.append(str(uuid.UUID(bytes=identifier)))
        elif number(kind) != _PRESENT:
            changed.append(entry)
    for oid, note in result.notes:
        if oid == _INFO and note and note[0] == _ID_SET:
            gone += _removed(note)
    return Changes(tuple(changed), tuple(gone), cookie_of(result) or cookie)


def _removed(note: bytes) -> list[str]:
    """A set of ids of entries that are gone. Raises `NoLog` for one of those that are there."""
    (_, content), *_ = elements(note)
    parts = dict(elements(content))
    if not any(parts.get(_BOOLEAN, b"\0")):
        raise NoLog
    return [str(uuid.UUID(bytes=one)) for _, one in elements(parts.get(_SET, b""))]


def _parts(value: bytes) -> list[tuple[int, bytes]]:
    """Of a sequence."""
    (_, content), *_ = elements(value)
    return list(elements(content))
