"""Where one can go and what one can do, for the palette and for single keys: every page, and what
is asked for most, as far as a role allows it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from tenure.people.searching import words
from tenure.signin.permissions import Ability


@dataclass(frozen=True, slots=True)
class Command:
    """One line of the palette. `keys` is how it is typed, `g p`; `also` are other words for it."""

    label: str
    url: str
    icon: str
    keys: str = ""
    also: str = ""


_COMPANY: Final = "name domain time zone e-mail addresses format names plan automatic retention"
_JOINING: Final = "invitations onboarding passkeys welcome verify"
_TOLD: Final = "webhooks alerts e-mail letters told"
#: Name of the address, words, icon, key after `g`, other words, what it takes to open it.
_PAGES: Final[tuple[tuple[str, str, str, str, str, Ability | None], ...]] = (
    ("overview", "Overview", "layout-dashboard", "o", "home waiting", None),
    ("people", "People", "users", "p", "persons employees staff terminate suspend invite", None),
    ("matches", "Who may be the same", "users", "m", "match duplicates twice rehire merge", None),
    ("applications", "Applications", "blocks", "a", "apps reconcile accounts", None),
    ("catalogue", "Catalogue", "layout-grid", "c", "connect integrations", None),
    ("rules", "Access rules", "key-round", "r", "policies birthright", None),
    ("groups", "Groups of people", "users", "", "rules teams sets", None),
    ("plan", "Plan", "list-checks", "l", "changes held approve reject apply diff preview", None),
    ("tasks", "Tasks", "hand", "t", "by hand manual", None),
    ("requests", "Requests", "inbox", "q", "access approve reject", None),
    ("runs", "Runs", "activity", "u", "progress failures failed retry again", None),
    ("sources", "Sources", "database", "s", "hr import", None),
    ("licences", "Licences", "receipt-text", "i", "cost seats licenses price", None),
    ("signals", "Signals", "radio", "", "shared signals caep ssf streams", None),
    ("audit", "Audit trail", "scroll-text", "h", "history log events", None),
    ("attributes", "Attributes", "settings", "e", "settings schema fields custom", None),
    ("company", "Company", "settings", "", f"settings {_COMPANY}", None),
    ("joining", "Joining", "settings", "", f"settings {_JOINING}", None),
    ("wallet", "Wallets", "settings", "", "settings eudi identity credentials", None),
    ("guards", "Guards", "settings", "", "settings limits mass", None),
    ("administrators", "Administrators and roles", "settings", "", "settings users owners", None),
    ("tokens", "API tokens", "settings", "", "settings scim push bearer", None),
    ("mail", "Mail server", "settings", "", "settings smtp e-mail letters", None),
    ("notifications", "Notifications", "settings", "", f"settings {_TOLD}", None),
    ("start", "First steps", "compass", "", "guide start wizard sample", Ability.CONFIGURE),
    ("security", "Your security", "shield", "", "passkeys sessions recovery codes", None),
    ("design", "Components", "swatch-book", "", "design system", None),
)
_ACTIONS: Final = (
    ("rule_new", "Write an access rule", "plus", Ability.CONFIGURE, "new add"),
    ("source_new", "Add a source of people", "plus", Ability.CONFIGURE, "new hr csv connect"),
    ("catalogue", "Add an application", "plus", Ability.CONFIGURE, "new connect"),
    ("add_person", "Add a person by hand", "user-plus", Ability.EDIT_PEOPLE, "new contractor"),
    ("writes", "Stop or resume all writes", "octagon-pause", Ability.STOP, "emergency panic halt"),
    ("export_people", "Everybody as CSV", "download", None, "export download"),
    ("export_audit", "The audit trail as CSV", "download", None, "export download"),
)


def pages(abilities: Collection[Ability]) -> list[Command]:
    """Every page with a place of its own that these abilities open."""
    return [
        Command(label, reverse(f"console:{name}"), icon, f"g {key}" if key else "", also)
        for name, label, icon, key, also, needs in _PAGES
        if needs is None or needs in abilities
    ]


def actions(abilities: Collection[Ability]) -> list[Command]:
    """What may be done by whoever has these abilities."""
    return [
        Command(label, reverse(f"console:{name}"), icon, also=also)
        for name, label, icon, needs, also in _ACTIONS
        if needs is None or needs in abilities
    ]


def fitting(commands: Collection[Command], search: str) -> list[Command]:
    """Those of which words begin with every word that is typed; all of them for none."""
    wanted = words(search)
    return [command for command in commands if _fits(wanted, command)]


def _fits(wanted: list[str], command: Command) -> bool:
    have = words(f"{command.label} {command.also}")
    return all(any(word.startswith(w) for word in have) for w in wanted)
