"""How the console looks in this browser, and the page that shows all of its components."""

from __future__ import annotations

from decimal import Decimal

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from tenure.console import charts, look
from tenure.console.look import Mark
from tenure.console.page import THEMES, ConsoleRequest, render, signed_in
from tenure.console.waiting_item import Item

#: Where each component is shown, and what it is called.
_PARTS = (
    ("colours", "Colours"),
    ("type", "Type"),
    ("badges", "Badges"),
    ("monograms", "Monograms"),
    ("buttons", "Buttons"),
    ("table", "Table"),
    ("filter-bar", "Filter bar"),
    ("fields", "Fields"),
    ("code-field", "Code field"),
    ("notes", "Notes"),
    ("diff", "Diff"),
    ("timeline", "Timelines"),
    ("charts", "Charts"),
    ("waits", "What waits"),
    ("credential", "Credentials"),
    ("progress", "Progress"),
    ("steps", "Wizard steps"),
    ("empty", "Empty state"),
    ("dialog-part", "Dialog, palette, toast"),
)
_YEAR = 365 * 24 * 3600


@require_POST
@signed_in(anybody_may_post=True)
def appearance(request: ConsoleRequest) -> HttpResponse:
    """Light, dark, or as the system says."""
    back = request.POST.get("back", "")
    ours = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    # Anything but a path would be taken for the name of a page.
    back = back if ours and back.startswith("/") else ""
    response = redirect(back or "console:overview")
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        response.set_cookie(
            "theme", theme, max_age=_YEAR, samesite="Lax", httponly=True, secure=request.is_secure()
        )
    return response


@require_safe
@signed_in()
def design(request: ConsoleRequest) -> HttpResponse:
    """Every component, once."""
    context = {
        "palette": [(f"app-{i}", colour) for i, colour in enumerate(look.PALETTE)],
        "people": list(look.PERSON.values()),
        "operations": list(look.OPERATION.values()),
        "kinds": list(look.KINDS),
        "hues": range(look.HUES),
        "parts": _PARTS,
        "bars": charts.costs(
            [
                (name, "#charts", None, Decimal(amount), Decimal(wasted))
                for name, amount, wasted in (
                    ("CRM", 5400, 300),
                    ("Mail", 1380, 0),
                    ("Chat", 609, 29),
                )
            ]
        ),
        "split": charts.split(
            [
                ("Active", 82, "make", "#charts", True),
                ("Upcoming", 7, "wait", "#charts", True),
                ("On leave", 2, "change", "#charts", True),
                ("Left", 11, "quiet", "#charts", False),
            ]
        ),
        "waits": [
            Item(Mark("Held", "wait"), "9 removals in Slack", "More than 3 %.", "#waits", "Review"),
            Item(Mark("Failed", "remove"), "1 run failed", "No answer.", "#waits", "Look"),
        ],
        "ask": request.GET.get("ask", ""),
    }
    return render(request, "console/design.html", context)
