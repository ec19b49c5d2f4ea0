"""What waits for a person: to sign somebody out whose access has ended, where we cannot."""

from __future__ import annotations

from django.urls import reverse
from django.utils.http import urlencode

from tenure.console.look import Mark
from tenure.console.waiting_item import Item, plural
from tenure.sso import by_hand


def sign_out_items() -> list[Item]:
    """One for each application in which somebody who is to be out may be signed in."""
    found = []
    for row in by_hand.by_application():
        left = row.count - len(row.first)
        names = ", ".join(row.first) + (f" and {left:,} more" if left else "")
        which = urlencode({"what": "sessions", "application": row.application.slug})
        but = f" {row.undone:,} could not be." if row.undone else ""
        found.append(
            Item(
                Mark("By hand", "wait"),
                f"{plural(row.count, 'person', 'people')} to be signed out of "
                f"{row.application.name}",
                f"{names}: their access has ended, and they may be in there still.{but}",
                f"{reverse('console:tasks')}?{which}",
                "Open",
            )
        )
    return found
