"""The pages of the console with their addresses, for whoever wants to open them all."""

from __future__ import annotations

from django.urls import reverse

from tests.console.company import Sample


def pages_of(sample: Sample | None) -> list[tuple[str, str]]:
    """(name, path) of every page that can be opened, of lists only if there is no company."""
    names = ("overview", "find", "people", "applications", "rules", "plan", "runs", "sources")
    found = [(name, reverse(f"console:{name}")) for name in names]
    names = ("audit", "writes", "design", "security")
    found += [(name, reverse(f"console:{name}")) for name in names]
    if sample is None:
        return found
    anna, left = sample.people[0], sample.people[33]
    return [
        *found,
        ("nothing found", reverse("console:people") + "?q=zzzz"),
        ("found", reverse("console:find") + "?q=an"),
        ("person", reverse("console:person", args=[anna.uid])),
        ("who has left", reverse("console:person", args=[left.uid])),
        ("without an address", reverse("console:person", args=[sample.people[12].uid])),
        ("terminate", reverse("console:terminate", args=[anna.uid])),
        ("application", reverse("console:application", args=["workspace"])),
        ("stopped application", reverse("console:application", args=["meet"])),
        ("disputed", reverse("console:application", args=["crm"]) + "?situation=disputed"),
        ("held", reverse("console:plan") + "?application=crm"),
        ("run", reverse("console:run", args=[sample.executed.pk])),
        ("held import", reverse("console:run", args=[sample.imported.pk])),
    ]
