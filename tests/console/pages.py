"""The pages of the console with their addresses, for whoever wants to open them all."""

from __future__ import annotations

from django.urls import reverse

from tenure.sources.models import RehireQuestion
from tests.console.company import Sample

_ENTRY = ("entry", "entry_single_sign_on", "entry_provisioning", "add_application")


def pages_of(sample: Sample | None) -> list[tuple[str, str]]:
    """(name, path) of every page that can be opened, of lists only if there is no company."""
    names = ("overview", "find", "people", "applications", "catalogue", "rules", "plan", "runs")
    found = [(name, reverse(f"console:{name}")) for name in names]
    found += [
        (name, reverse(f"console:{name}")) for name in ("sources", "signals", "audit", "writes")
    ]
    found += [(name, reverse(f"console:{name}", args=["gitlab"])) for name in _ENTRY]
    found += [
        ("design", reverse("console:design")),
        ("security", reverse("console:security")),
        ("new rule", reverse("console:rule_new")),
        ("by hand", reverse("console:entry_provisioning", args=["box"])),
        ("in no catalogue", reverse("console:catalogue") + "?q=zzzz&can=saml"),
    ]
    if sample is None:
        return found
    anna, left = sample.people[0], sample.people[33]
    return [
        *found,
        ("nothing found", reverse("console:people") + "?q=zzzz"),
        ("found", reverse("console:find") + "?q=an"),
        ("a rehire", reverse("console:rehire", args=[RehireQuestion.objects.get().pk])),
        ("person", reverse("console:person", args=[anna.uid])),
        ("who has left", reverse("console:person", args=[left.uid])),
        ("without an address", reverse("console:person", args=[sample.people[12].uid])),
        ("terminate", reverse("console:terminate", args=[anna.uid])),
        ("application", reverse("console:application", args=["workspace"])),
        ("connection", reverse("console:connection", args=["workspace"])),
        ("never tested", reverse("console:connection", args=["crm"])),
        ("asking", reverse("console:connection", args=["crm"]) + "?try=1"),
        ("stopped application", reverse("console:application", args=["meet"])),
        ("disputed", reverse("console:application", args=["crm"]) + "?situation=disputed"),
        ("rule", reverse("console:rule", args=["designers"])),
        ("remove a rule", reverse("console:rule_remove", args=["sales-tools"])),
        ("who gets it", reverse("console:who_gets", args=["crm"])),
        ("who meets it", reverse("console:who_meets") + "?when=has(user.department)"),
        ("held", reverse("console:plan") + "?application=crm"),
        ("run", reverse("console:run", args=[sample.executed.pk])),
        ("held import", reverse("console:run", args=[sample.imported.pk])),
    ]
