"""The connection check of a directory: what an administrator sees before anything runs.

Only reads, and never raises for what a directory does. It must not know accounts.
"""

from __future__ import annotations

from tenure.connectors.base import Check, ConnectorError
from tenure.connectors.ldap.directory import BASE, Directory, text
from tenure.connectors.ldap.filters import Filter, equal, present
from tenure.connectors.ldap.groups import group_filter
from tenure.connectors.ldap.settings import LdapSettings
from tenure.connectors.ldap.switching import LOCKED

AD = b"1.2.840.113556.1.4.800"


async def checked(directory: Directory, settings: LdapSettings, people: Filter) -> list[Check]:
    """Lines named Sign-in, Kind, Accounts, Switched off, Groups; the first one that shows that
    nothing can work is the last."""
    try:
        root = await directory.root()
    except ConnectorError as error:
        return [Check("Sign-in", False, str(error))]
    how = "Without encryption" if settings.plain else "Encrypted"
    lines = [Check("Sign-in", True, f"{how}, as {settings.bind_dn}.")]
    is_ad = AD in root.attributes.get("supportedcapabilities", ())
    if is_ad != settings.is_active_directory:
        told = "is Active Directory" if is_ad else "is not Active Directory"
        wanted = "active_directory" if is_ad else "openldap"
        lines.append(Check("Kind", False, f"The directory {told}: set kind: {wanted}."))
        return lines
    lines.append(Check("Kind", True, text(root, "vendorName") or settings.kind))
    lines.append(await _listed(directory, "Accounts", settings.people_dn, people))
    if not settings.is_active_directory:
        lines.append(await _off(directory, settings, text(root, "subschemaSubentry")))
    if settings.groups:
        base = settings.groups_dn or settings.people_dn
        lines.append(await _listed(directory, "Groups", base, group_filter(settings)))
    return lines


async def _listed(directory: Directory, what: str, base: str, wanted: Filter) -> Check:
    try:
        if not await directory.search(base, present("objectClass"), ["1.1"], scope=BASE):
            return Check(what, False, f"{base} is not there, or not to be seen: correct the DN.")
        found = await directory.search(base, wanted, ["1.1"], most=1)
    except ConnectorError as error:
        return Check(what, False, str(error))
    return Check(what, True, f"Can be read under {base}." if found else f"None under {base} yet.")


async def _off(directory: Directory, settings: LdapSettings, schema: str) -> Check:
    what, off = "Switched off", settings.off
    try:
        if off.by == "move":
            if await directory.search(off.unit, present("objectClass"), ["1.1"], scope=BASE):
                return Check(what, True, f"By moving to {off.unit}.")
            return Check(what, False, f"The unit {off.unit} (off) is not there: make it.")
        if off.by == "none":
            return Check(what, True, "Cannot be, by the settings: a person does it.")
        name = LOCKED if off.by == "lock" else off.attribute
        wanted = equal("objectClass", "subschema")
        found = await directory.search(schema, wanted, ["attributeTypes"], scope=BASE)
    except ConnectorError as error:
        return Check(what, False, str(error))
    types = [
        value.decode(errors="replace")
        for one in found
        for value in one.attributes.get("attributetypes", ())
    ]
    if not types or any(f"'{name}'".casefold() in one.casefold() for one in types):
        return Check(what, True, f"By {name}.")
    if off.by == "lock":
        return Check(
            what,
            False,
            f"The directory has no {LOCKED}: load its overlay ppolicy, or set off: {{by: attribute"
            " ...} or {by: move ...}.",
        )
    return Check(what, False, f"The directory's schema has no {name} (off): correct it.")
