"""Where in the directory an account stands: a path of units, or the DN of what it is under.

`ou` is a path below `people_dn` from the top, as in `Europe/Sales`; `dn_parent` is a whole DN. Both
are shown as the directory spells them, so that what is wanted and what is there can be compared. It
must not know requests.
"""

from __future__ import annotations

from collections.abc import Mapping

from tenure.connectors.base import Rejected
from tenure.connectors.ldap import names
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


def spelled(settings: LdapSettings, parent: str, there: str, *, exact: bool) -> None:
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
