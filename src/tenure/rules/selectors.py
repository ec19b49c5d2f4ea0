"""Reading access rules."""

from __future__ import annotations

from tenure.rules.models import AccessRule


def rules() -> list[AccessRule]:
    """All rules, enabled or not, in their order."""
    return list(AccessRule.objects.all())


def rules_for(application: str) -> list[AccessRule]:
    """The rules that give something in an application, by slug."""
    return list(AccessRule.objects.filter(gives__has_key=application))
