"""Where in the directory an account stands: a path of units, or the DN of what it is under.

`ou` is a path below `people_dn` from the top, as in `Europe/Sales`; `dn_parent` is a whole DN. Both
are shown as the directory spells them, so that what is wanted and what is there can be compared. It
must not know accounts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from tenure.connectors.base import AlreadyExists, Rejected
from tenure.connectors.ldap import names
from tenure.connectors.ldap.directory import BASE, Directory
from tenure.connectors.ldap.filters import present
from tenure.connectors.ldap.settings import PARENT, UNIT, LdapSettings
from tenure.core.model import Value


def parent_of(dn: str) -> str:
    """The DN that an entry stands under."""
    return names.written(names.parse(dn)[1:])


def wanted_parent(settings: LdapSettings, attributes: Mapping[str, Value | None]) -> str | None:
    """The DN to stand under by `ou` or `dn_parent`; None where neither is named.

    Raises `Rejected` for what is no such path or name."""
    if PARENT in attributes:
        given = str(attributes[PARENT] or settings.people_dn)
        try:
            parts = names.parse(given)
        except ValueError as error:
            raise Rejected(f"{PARENT}: {error}. Give a DN, or map ou instead.", [PARENT]) from None
        if not names.below(parts, names.parse(settings.people_dn)):
            raise Rejected(
                f"{PARENT}: {given!r} is not under {settings.people_dn} (people_dn): an account "
                "would be lost sight of there.",
                [PARENT],
            )
        return given
    if UNIT in attributes:
        steps = [step.strip() for step in str(attributes[UNIT] or "").split("/")]
        units = tuple((("ou", step),) for step in reversed(steps) if step)
        return names.written(units + names.parse(settings.people_dn))
    return None


def shown_unit(settings: LdapSettings, dn: str) -> str | None:
    """The path of units that an entry stands in; None directly under `people_dn`, or elsewhere."""
    steps = _between(settings, dn)
    if not steps or any(len(rdn) != 1 or rdn[0][0].casefold() != "ou" for rdn in steps):
        return None
    return _path(steps)


async def unit(settings: LdapSettings, directory: Directory, parent: str, *, exact: bool) -> str:
    """The unit with this DN as the directory spells it; made, where that is allowed.

    `exact`: it is from `dn_parent`, so all of the DN is compared. Raises `Rejected`."""
    found = await directory.search(parent, present("objectClass"), ["1.1"], scope=BASE)
    if found:
        _must_be_spelled(settings, parent, found[0].dn, exact=exact)
        return found[0].dn
    if not settings.create_units or names.same(parent, settings.people_dn):
        raise Rejected(
            f"{parent} is not in the directory: make it there, or switch on create_units.",
            [PARENT if exact else UNIT],
        )
    ((kind, value), *_), *_ = names.parse(parent)
    if kind.casefold() != "ou":
        raise Rejected(f"{parent} is not in the directory, and only units are made.", [PARENT])
    above = await unit(settings, directory, parent_of(parent), exact=exact)
    dn = f"{names.rdn(kind, value)},{above}"
    # Another account may have needed it at the same moment.
    with contextlib.suppress(AlreadyExists):
        await directory.add(dn, {"objectClass": ["organizationalUnit"], "ou": [value]})
    return dn


def _must_be_spelled(settings: LdapSettings, parent: str, there: str, *, exact: bool) -> None:
    """Raises `Rejected` where a unit is there, but spelled in another way: it would seem to differ
    for ever. `exact`: the whole DN has to be the same, as `dn_parent` is compared by it."""
    given = parent if exact else _path(_steps(settings, parent))
    known = there if exact else _path(_steps(settings, there))
    if given != known:
        raise Rejected(
            f"The unit is spelled {known!r} in the directory, and {given!r} by the mapping: write "
            "it in the same way.",
            [PARENT if exact else UNIT],
        )


def _path(steps: names.Parts) -> str:
    return "/".join(rdn[0][1] for rdn in reversed(steps))


def _between(settings: LdapSettings, dn: str) -> names.Parts:
    """The steps between an entry and `people_dn`."""
    return _steps(settings, parent_of(dn))


def _steps(settings: LdapSettings, dn: str) -> names.Parts:
    parts, base = names.parse(dn), names.parse(settings.people_dn)
    return parts[: len(parts) - len(base)] if names.below(parts, base) else ()
