"""What "switched off" is in a directory: a lock, a value, another place, or Active Directory's bit.

Plain functions over entries; moving is the connector's. It must not know requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenure.connectors.ldap import names
from tenure.connectors.ldap.directory import REPLACE, Modification, text
from tenure.connectors.ldap.session import Entry
from tenure.connectors.ldap.settings import LdapSettings

LOCKED = "pwdAccountLockedTime"
CONTROL = "userAccountControl"
#: https://learn.microsoft.com/en-us/troubleshoot/windows-server/active-directory/useraccountcontrol-manipulate-account-properties
_DISABLED, _NORMAL = 0x2, 0x200
#: Locked until an administrator opens it (draft-behera-ldap-password-policy-10, 5.3.3).
_FOR_GOOD = "000001010000Z"


def attributes(settings: LdapSettings) -> Sequence[str]:
    """Those that say whether an account is on."""
    if settings.is_active_directory:
        return (CONTROL,)
    return {"lock": (LOCKED,), "attribute": (settings.off.attribute,)}.get(settings.off.by, ())


def by_move(settings: LdapSettings) -> bool:
    return settings.off.by == "move" and not settings.is_active_directory


def is_on(settings: LdapSettings, entry: Entry) -> bool | None:
    """None where it cannot be told."""
    off = settings.off
    if settings.is_active_directory:
        bits = text(entry, CONTROL)
        return not int(bits) & _DISABLED if bits.isdecimal() else None
    if off.by == "lock":
        return not is_off_for_good(text(entry, LOCKED))
    if off.by == "attribute":
        return text(entry, off.attribute).casefold() != off.value.casefold()
    if off.by == "move":
        return not names.below(names.parse(entry.dn), names.parse(off.unit))
    return None


def is_off_for_good(locked: str) -> bool:
    """By the value of `LOCKED`. A lock after wrong passwords is another matter, and ends by
    itself."""
    return locked == _FOR_GOOD


def of_new(settings: LdapSettings, *, on: bool) -> Mapping[str, Sequence[str]]:
    """What a new entry has."""
    if settings.is_active_directory:
        return {CONTROL: [str(_NORMAL | (0 if on else _DISABLED))]}
    if settings.off.by in {"lock", "attribute"}:
        return {name: values for _, name, values in _set(settings, on=on) if values}
    return {}


def change(settings: LdapSettings, entry: Entry, *, on: bool) -> Sequence[Modification]:
    """How an entry is switched; not for those who are moved."""
    if settings.is_active_directory:
        bits = int(text(entry, CONTROL) or _NORMAL)
        return [(REPLACE, CONTROL, [str(bits & ~_DISABLED if on else bits | _DISABLED)])]
    return _set(settings, on=on)


def _set(settings: LdapSettings, *, on: bool) -> list[tuple[int, str, list[str]]]:
    off = settings.off
    if off.by == "lock":
        return [(REPLACE, LOCKED, [] if on else [_FOR_GOOD])]
    return [(REPLACE, off.attribute, [state] if (state := off.on if on else off.value) else [])]
