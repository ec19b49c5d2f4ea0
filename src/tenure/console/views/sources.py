"""Sources: where people come from, and how the last import of each went."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from tenure.console.page import ConsoleRequest, render, signed_in
from tenure.sources import selectors


@require_safe
@signed_in()
def sources(request: ConsoleRequest) -> HttpResponse:
    """All sources in the order of their precedence."""
    context = {"rows": selectors.sources()}
    return render(request, "console/sources.html", context, section="sources")
