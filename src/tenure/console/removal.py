"""Why an application cannot be removed now, and where each of that is put right."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from tenure.applications.models import Account, Application
from tenure.console.waiting_item import plural
from tenure.rules import selectors as rules


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that is in the way. `why`: a sentence; `ask`: what the link to it says."""

    why: str
    url: str
    ask: str


def in_the_way(application: Application) -> list[Obstacle]:
    """In the order in which it is done; nothing: it can be removed."""
    found = [
        Obstacle(
            f"The access rule {rule.name} gives it.",
            reverse("console:rule", args=[rule.slug]),
            "Take it out there",
        )
        for rule in rules.rules_for(application.slug)
    ]
    found += [
        Obstacle(
            f"{other.name} needs an account here first.",
            reverse("console:application_settings", args=[other.slug]),
            "Applications that come first",
        )
        for other in Application.objects.filter(requires__contains=[application.slug])
    ]
    if count := Account.objects.filter(application=application).count():
        found.append(
            Obstacle(
                f"It has, or had, {plural(count, 'account')}: what is stored of them is the proof "
                "that they are gone, and stays. In report mode, without rules, it does nothing.",
                reverse("console:application_accounts", args=[application.slug]),
                "Accounts",
            )
        )
    return found
