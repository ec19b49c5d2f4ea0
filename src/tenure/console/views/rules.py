"""Access rules, to read: who meets which condition gets what."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from tenure.applications import selectors as applications
from tenure.applications.models import Application
from tenure.console.page import ConsoleRequest, render, signed_in
from tenure.rules import selectors
from tenure.rules.models import AccessRule


@dataclass(frozen=True, slots=True)
class Gift:
    """What a rule gives in one application, which may not exist yet."""

    slug: str
    application: Application | None
    keys: tuple[str, ...]


@require_safe
@signed_in()
def rules(request: ConsoleRequest) -> HttpResponse:
    """All rules in their order."""
    by_slug = {row.application.slug: row.application for row in applications.applications()}
    rows = [(rule, _gifts(rule, by_slug)) for rule in selectors.rules()]
    return render(request, "console/rules.html", {"rows": rows}, section="rules")


def _gifts(rule: AccessRule, by_slug: dict[str, Application]) -> list[Gift]:
    return [Gift(slug, by_slug.get(slug), tuple(keys)) for slug, keys in rule.gives.items()]
