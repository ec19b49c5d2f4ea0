"""Of what waits: runs that somebody paused and has to resume."""

from __future__ import annotations

from django.urls import reverse

from tenure.console.look import Mark
from tenure.console.waiting_item import Item, plural
from tenure.provisioning.questions.pausing import paused


def paused_items() -> list[Item]:
    """One for each run of which something waits."""
    return [
        Item(
            Mark("Paused", "wait"),
            f"{plural(one.count, 'operation')} of run {one.run} "
            f"{'waits' if one.count == 1 else 'wait'}",
            f"{one.said} Nothing of it is sent before it is resumed.",
            reverse("console:run", args=[one.run]),
            "Resume",
        )
        for one in paused()
    ]
