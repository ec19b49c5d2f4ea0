"""Values of a directory as texts: identifiers, points in time and switches as people write them.

Plain functions; they must not know connections.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tenure.connectors.ldap.session import Entry
from tenure.connectors.ldap.switching import CONTROL, LOCKED, is_off_for_good
from tenure.readers.ldap.settings import LdapSourceSettings

_GUIDS = frozenset({"objectguid", "ms-ds-consistencyguid"})
_SIDS = frozenset({"objectsid", "sidhistory"})
#: Hundreds of nanoseconds since 1601 (MS-ADTS 3.1.1.2.2.2.12); 0 and the greatest mean never.
_FILE_TIMES = frozenset(
    {
        *("pwdlastset", "lastlogon", "lastlogontimestamp"),
        *("badpasswordtime", "lockouttime", "accountexpires"),
    }
)
_EXPIRES = "accountexpires"
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_NEVER = 0x7FFFFFFFFFFFFFFF
#: RFC 4517, 3.3.13.
_TIME = re.compile(
    r"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})?(\d{2})?(?:[.,]\d+)?(Z|[+-]\d{2}(?:\d{2})?)", re.ASCII
)
#: ACCOUNTDISABLE of userAccountControl.
_DISABLED = 0x2


def shown(name: str, found: Sequence[bytes], zone: str) -> str:
    """All values of an attribute as one text, several in a fixed order and with commas."""
    small = name.casefold().partition(";")[0]
    return ",".join(sorted(text for one in found if (text := _one(small, one, zone))))


def status(settings: LdapSourceSettings, entry: Entry) -> str:
    """Whether the account is on: `active` or `inactive`."""
    if settings.is_active_directory:
        bits = _first(entry, CONTROL)
        off = bits.isdecimal() and bool(int(bits) & _DISABLED)
    else:
        off = is_off_for_good(_first(entry, LOCKED))
    return "inactive" if off else "active"


def switches(settings: LdapSourceSettings) -> str:
    """The attribute that `status` looks at."""
    return CONTROL if settings.is_active_directory else LOCKED


def _first(entry: Entry, name: str) -> str:
    values = entry.attributes.get(name.casefold(), ())
    return values[0].decode(errors="replace") if values else ""


def _one(name: str, value: bytes, zone: str) -> str:
    if name in _GUIDS and len(value) == 16:
        return str(uuid.UUID(bytes_le=value))
    if name in _SIDS and len(value) >= 8:
        return _sid(value)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()
    if name in _FILE_TIMES and text.lstrip("-").isdecimal():
        return _file_time(name, int(text), zone)
    if text in {"TRUE", "FALSE"}:
        return text.lower()
    match = _TIME.fullmatch(text)
    return _time(match) if match else text


def _sid(value: bytes) -> str:
    """MS-DTYP 2.4.2.2: S-1-5-21-..."""
    authority = int.from_bytes(value[2:8], "big")
    parts = [value[at : at + 4] for at in range(8, len(value), 4)]
    numbers = "".join(f"-{int.from_bytes(part, 'little')}" for part in parts)
    return f"S-{value[0]}-{authority}{numbers}"


def _file_time(name: str, ticks: int, zone: str) -> str:
    if ticks <= 0 or ticks >= _NEVER:
        return ""
    try:
        at = _EPOCH + timedelta(microseconds=ticks // 10)
        if name == _EXPIRES:
            # It is open up to that instant, so the day before it is the last one.
            return (at - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).date().isoformat()
    except OverflowError:
        return ""
    return _utc(at)


def _time(match: re.Match[str]) -> str:
    year, month, day, hour, minute, second, offset = match.groups()
    offset = "+0000" if offset == "Z" else offset.ljust(5, "0")
    text = f"{year}{month}{day}{hour}{minute or '00'}{second or '00'}{offset}"
    try:
        return _utc(datetime.strptime(text, "%Y%m%d%H%M%S%z"))
    except (ValueError, OverflowError):
        return match[0]


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
