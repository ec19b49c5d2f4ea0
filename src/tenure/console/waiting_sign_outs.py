"""What waits for a person: to sign somebody out whose access has ended, where we cannot."""

from __future__ import annotations

from typing import Final

from django.urls import reverse
from django.utils.http import urlencode

from tenure.console.look import Mark
from tenure.console.waiting_item import Item, plural
from tenure.sso import by_hand

_NAMED: Final = 3


def sign_out_items() -> list[Item]:
    """One for each application in which somebody who is to be out may be signed in."""
    found = []
    for row, tasks in by_hand.by_application():
        count = len(tasks)
        names = ", ".join(task.person for task in tasks[:_NAMED])
        more = f" and {count - _NAMED:,} more" if count > _NAMED else ""
        which = urlencode({"what": "sessions", "application": row.slug})
        undone = sum(bool(task.could_not) for task in tasks)
        but = f" {undone:,} could not be." if undone else ""
        found.append(
            Item(
                Mark("By hand", "wait"),
                f"{plural(count, 'person', 'people')} to be signed out of {row.name}",
                f"{names}{more}: their access has ended, and they may be in there still.{but}",
                f"{reverse('console:tasks')}?{which}",
                "Open",
            )
        )
    return found
