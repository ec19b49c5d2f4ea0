"""Settings: tokens by which other systems come in to bring people, by SCIM or as JSON. One is shown
when it is made, in the answer to the form itself, and stored nowhere."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from tenure.console.page import ConsoleRequest, Fresh, render, signed_in
from tenure.infra.clock import now
from tenure.readers.registry import PUSH, UPLOAD
from tenure.scim_server import tokens as push
from tenure.scim_server.models import PushToken, Scope
from tenure.signin.permissions import Ability
from tenure.sources.models import Source

#: How long a token may be good for, as it is offered.
_DAYS = (30, 90, 365, 730)
_USUAL = 365
#: A token that ends sooner is marked.
_SOON = timedelta(days=21)


@require_safe
@signed_in()
def tokens(request: ConsoleRequest) -> HttpResponse:
    """Who may come in, how, until when, and when they last did."""
    return _page(request)


@require_POST
@signed_in(needs=Ability.CONFIGURE, fresh=Fresh.FORM)
def change(request: ConsoleRequest) -> HttpResponse:
    """Make a token, or let one in no more."""
    given = request.POST
    source, name = given.get("source", ""), given.get("name", "").strip()[:100]
    try:
        if given.get("do") == "revoke":
            push.revoke(source, name=name)
            messages.success(request, f"{name} lets nobody in any more.")
            return redirect("console:tokens")
        typed = {"source": source, "name": name}
        typed |= {"scope": given.get("scope", ""), "days": given.get("days", "")}
        made = _made(typed)
    except LookupError as error:
        messages.error(request, str(error))
        return redirect("console:tokens")
    except ValueError as error:
        return _page(request, typed=typed, error=str(error))
    return _page(request, made=made)


def address_of(source: Source) -> str:
    """Where people of this source are brought."""
    if source.reader == PUSH:
        path = reverse("scim_server:root")
    else:
        upload = source.reader == UPLOAD
        path = reverse("receiving:upload" if upload else "receiving:hook", args=[source.slug])
    return f"{settings.TENURE_URL}{path}".rstrip("/")


def _made(typed: dict[str, str]) -> dict[str, str]:
    if typed["scope"] not in Scope.values:
        raise ValueError("Say whether it may only read, or write too.")
    if typed["days"] not in [str(days) for days in _DAYS]:
        raise ValueError(f"Say for how many days it is good: {', '.join(map(str, _DAYS))}.")
    source = Source.objects.filter(slug=typed["source"]).first()
    valid = timedelta(days=int(typed["days"]))
    if source is not None and source.reader not in (PUSH, UPLOAD):
        secret = push.issue_hook(source.slug, name=typed["name"], valid=valid)
        address = address_of(source)
        return {"name": typed["name"], "token": secret, "address": address, "hook": "yes"}
    token = push.issue(
        typed["source"], name=typed["name"], scope=Scope(typed["scope"]), valid=valid
    )
    source = Source.objects.get(slug=typed["source"])
    return {
        "name": typed["name"],
        "token": token,
        "address": address_of(source),
        "scim": "yes" if source.reader == PUSH else "",
    }


def _page(
    request: ConsoleRequest,
    *,
    made: dict[str, str] | None = None,
    typed: dict[str, str] | None = None,
    error: str = "",
) -> HttpResponse:
    context = {
        "tab": "tokens",
        "rows": [(row, address_of(row.source), _state(row)) for row in push.tokens()],
        "sources": Source.objects.filter(reader__in=[PUSH, UPLOAD]).order_by("name", "slug"),
        "read": Source.objects.exclude(reader__in=[PUSH, UPLOAD]).order_by("name", "slug"),
        "scopes": [(scope.value, scope.label) for scope in (Scope.WRITE, Scope.READ)],
        "days": [str(days) for days in _DAYS],
        "typed": typed or {"scope": Scope.WRITE.value, "days": str(_USUAL), "source": ""},
        "error": error,
        "made": made,
    }
    status = 422 if error else 200
    return render(request, "console/tokens.html", context, section="settings", status=status)


def _state(row: PushToken) -> tuple[str, str]:
    """Word and meaning."""
    left = row.expires_at - now()
    if left <= timedelta():
        return "Ended", "remove"
    return ("Ends soon", "change") if left < _SOON else ("Good", "make")
