"""One account in an application: what was last seen of it, why it is in its situation, the proof
that it is gone; and what a person decides about it."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from tenure.applications import selectors as applications
from tenure.applications.models import Account, Application
from tenure.audit import selectors as audit
from tenure.console.page import ConsoleRequest, signed_in
from tenure.console.views import application_pages as pages
from tenure.core.model import Situation
from tenure.people import selectors as people
from tenure.people.services import find_person
from tenure.provisioning.decisions import ownership
from tenure.provisioning.questions import selectors as provisioning
from tenure.provisioning.records import veiling
from tenure.signin.permissions import Ability

_DECISIONS: Final[MappingProxyType[str, tuple[Callable[..., None], str]]] = MappingProxyType(
    {
        "unlink": (ownership.unlink, "It is nobody's now, and no rule ties it to them again."),
        "ignore": (ownership.ignore, "It is left alone: no rule looks for its owner."),
        "protect": (ownership.protect, "It is never changed, closed or deleted by us."),
        "release": (ownership.release, "It is an account like any other again."),
        "again": (ownership.again, "It is made again if the rules give it: see the plan."),
    }
)


@require_safe
@signed_in()
def account(request: ConsoleRequest, slug: str, pk: int) -> HttpResponse:
    """The account."""
    there = pages.account_there(request, slug, pk)
    if isinstance(there, HttpResponse):
        return there
    return _page(request, *there)


def _page(
    request: ConsoleRequest,
    application: Application,
    found: Account,
    refused: dict[str, str] | None = None,
) -> HttpResponse:
    """`refused`: the `field` to correct, why (`error`), and what was typed."""
    candidates = people.people_by_key(found.candidates)
    context = {
        "account": found,
        "seen": veiling.shown(found),
        "candidates": list(candidates.values()),
        "rivals": applications.rivals(found),
        "history": audit.events_of("account", str(found.pk), limit=20),
        "operations": provisioning.operations_on(found, limit=10),
        "gone": found.situation == Situation.DELETED.value,
        "refused": refused or {},
    }
    status = 422 if refused else 200
    return pages.show(request, application, "account", context, status=status)


@require_POST
@signed_in(needs=Ability.ACCOUNTS)
def decide(request: ConsoleRequest, slug: str, pk: int) -> HttpResponse:
    """Whose it is, or that it is nobody's, or that it is never touched."""
    there = pages.account_there(request, slug, pk)
    if isinstance(there, HttpResponse):
        return there
    application, found = there
    reason = request.POST.get("reason", "").strip()[:1000]
    typed = {"reason": reason, "person": request.POST.get("person", "").strip()[:200]}
    if not reason:
        wrong = {"field": "reason", "error": "Nothing was decided: say why. The reason is kept."}
        return _page(request, application, found, typed | wrong)
    try:
        said = _decided(request, found, reason)
    except LookupError as error:
        found.refresh_from_db()
        if found.situation == Situation.DELETED.value:
            messages.error(request, str(error))
            return redirect("console:account", slug, pk)
        named = request.POST.get("do") == "link" and found.situation != Situation.LINKED.value
        field = "person" if named else "reason"
        return _page(request, application, found, typed | {"field": field, "error": str(error)})
    messages.success(request, said)
    return redirect("console:account", slug, pk)


def _decided(request: ConsoleRequest, found: Account, reason: str) -> str:
    """Carry it out. Returns what to say; raises `LookupError`."""
    wanted = request.POST.get("do", "")
    if wanted == "link":
        text = request.POST.get("person", "").strip()[:200]
        if not text:
            raise LookupError("Nothing was decided: say whose it is.")
        person = people.person_by_uid(text) or find_person(text)
        ownership.link(found, person, reason=reason)
        return f"It is {person.display_name}'s."
    if wanted not in _DECISIONS:
        raise LookupError("Nothing was decided: this form is not of this page. Try again.")
    carry_out, words = _DECISIONS[wanted]
    carry_out(found, reason=reason)
    return words
