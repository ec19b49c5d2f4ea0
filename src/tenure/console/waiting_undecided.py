"""Of what waits: people for whom nothing can be decided in an application."""

from __future__ import annotations

from django.urls import reverse
from django.utils.http import urlencode

from tenure.console.look import Mark
from tenure.console.waiting_item import Item, plural
from tenure.provisioning.questions.undecided import undecided


def undecided_items() -> list[Item]:
    """One for each application: whoever joins has no account there meanwhile."""
    return [
        Item(
            Mark("Problem", "remove"),
            f"{one.name} cannot be planned for {plural(one.count, 'person', 'people')}",
            f"{one.who}: their account there is not made, or stays as it is. {one.why}",
            f"{reverse('console:plan')}?{urlencode({'application': one.application})}",
            "Look",
        )
        for one in undecided()
    ]
