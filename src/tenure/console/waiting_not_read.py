"""Of what waits: applications that have not been read for long."""

from __future__ import annotations

from django.urls import reverse

from tenure.console import look
from tenure.console.look import Mark
from tenure.console.waiting_item import Item
from tenure.provisioning.questions.not_read import not_read


def not_read_items() -> list[Item]:
    """Where nobody looks, an account of a leaver that is opened again stays open."""
    return [
        Item(
            Mark("Not read", "change" if one.never else "remove"),
            f"{one.application.name} was last read {look.when(one.since)}",
            f"{one.why} A leaver's account that somebody opened there since then stays open.",
            f"{reverse('console:application_provisioning', args=[one.application.slug])}#reconcile",
            "Look",
        )
        for one in not_read()
    ]
