"""Of what waits: protected accounts of people who have left."""

from __future__ import annotations

from django.urls import reverse

from tenure.console.look import Mark
from tenure.console.waiting_item import Item
from tenure.provisioning.questions.kept_open import kept_open


def kept_open_items() -> list[Item]:
    """One for each: they are few, and each is somebody's way in."""
    return [
        Item(
            Mark("Still open", "remove"),
            f"{row.account.person} has left and can still use {row.account.application.name}",
            f"{row.account} is not touched ({row.why}). {row.way_out}",
            reverse("console:account", args=[row.account.application.slug, row.account.pk]),
            "Look",
        )
        for row in kept_open()
    ]
