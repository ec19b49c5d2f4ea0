"""Of what waits: what the sources have of people who are here, and could not be read."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse

from tenure.console.look import Mark
from tenure.console.waiting_item import Item, plural
from tenure.sources.selectors import SourceRow
from tenure.sources.unread import unread


def unread_items(imports: Sequence[SourceRow]) -> list[Item]:
    """People by name: if they have left, they are still in."""
    runs = {row.source.slug: row.whole or row.last for row in imports}
    found = []
    for one in unread():
        run = runs.get(one.source.slug)
        url = reverse("console:source", args=[one.source.slug])
        found.append(
            Item(
                Mark("Not read", "remove"),
                f"{one.source.name} could not be read for "
                f"{plural(one.count, 'person', 'people')} who {'is' if one.count == 1 else 'are'} "
                "here",
                f"{one.names}: if they have left, their accounts stay open. {one.why}",
                f"{reverse('console:run', args=[run.pk])}#issues" if run is not None else url,
                "Look",
            )
        )
    return found


def bad_rows(imports: Sequence[SourceRow]) -> list[Item]:
    """Rows by their number, whosever they are."""
    return [
        Item(
            Mark("Problem", "change"),
            f"{plural(row.errors, 'row')} of {row.source.name} could not be read",
            "The other rows were taken. Each is listed with its line and what to correct.",
            f"{reverse('console:run', args=[(row.whole or row.last).pk])}#issues",
            "Look",
        )
        for row in imports
        if row.errors and row.last is not None
    ]
