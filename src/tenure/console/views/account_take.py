"""Taking an account for the person whose it is: what follows is shown first, and needs a reason."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from tenure.console import plan_view
from tenure.console.page import ConsoleRequest, signed_in
from tenure.console.views import application_pages as pages
from tenure.people import selectors as people
from tenure.people.models import Person
from tenure.people.services import find_person
from tenure.provisioning.decisions import taking
from tenure.provisioning.decisions.ownership import CannotDecide
from tenure.signin.permissions import Ability


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.ACCOUNTS)
def take(request: ConsoleRequest, slug: str, pk: int) -> HttpResponse:
    """Say for whom; see what follows; say why; done."""
    there = pages.account_there(request, slug, pk)
    if isinstance(there, HttpResponse):
        return there
    application, account = there
    given = request.POST if request.method == "POST" else request.GET
    wanted, reason = given.get("person", "").strip()[:200], given.get("reason", "").strip()[:1000]
    person, preview, error = None, None, ""
    try:
        person = _person(wanted)
        if request.method == "POST" and person is not None:
            seen = request.POST.get("seen", "")
            taking.take(account=account, person=person, reason=reason, seen=seen)
            messages.success(request, f"It is {person.display_name}'s. The plan has what follows.")
            return redirect("console:account", slug, pk)
    except LookupError as problem:
        error = str(problem)
    if person is not None:
        try:
            preview = taking.preview(account, person)
        except CannotDecide as problem:
            error = str(problem)
    context = {
        "account": account,
        "candidates": list(people.people_by_key(account.candidates).values()),
        "wanted": wanted,
        "person": person,
        "preview": preview,
        "groups": plan_view.groups(preview.plan, most=100) if preview else [],
        "reason": reason,
        "error": error,
    }
    return pages.show(request, application, "account_take", context, status=422 if error else 200)


def _person(wanted: str) -> Person | None:
    """By uid, or by whatever names somebody; None where nothing was said. Raises `LookupError`."""
    return (people.person_by_uid(wanted) or find_person(wanted)) if wanted else None
