"""Tasks: what an application cannot do, for a person to do by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from tenure.applications import selectors as applications
from tenure.console.page import ConsoleRequest, render, signed_in
from tenure.people import selectors as people
from tenure.provisioning.decisions import byhand
from tenure.provisioning.questions import selectors as provisioning
from tenure.signin.permissions import Ability
from tenure.sso import by_hand

_SETTLED = "That task is settled already, or not due any more."
#: In the address: tasks to sign people out, and not those of accounts.
_SESSIONS = "sessions"


@require_safe
@signed_in()
def tasks(request: ConsoleRequest) -> HttpResponse:
    """What waits to be done, the oldest first."""
    return _page(request)


def _page(
    request: ConsoleRequest, refused: Mapping[str, object] | None = None, *, signs_out: bool = False
) -> HttpResponse:
    """`refused`: the `key` of the task that could not be settled, why, and what was typed."""
    names = applications.application_names()
    only = request.GET.get("application", "")
    if only not in names:
        only = ""
    counts = _counts(only)
    signs_out = signs_out or request.GET.get("what") == _SESSIONS
    # Whoever comes by a link to all of them sees some, if there are any.
    signs_out = signs_out or ("what" not in request.GET and not counts[0] and bool(counts[1]))
    of: Any = by_hand if signs_out else byhand
    found, page = of.tasks_page(application=only or None, cursor=request.GET.get("at", ""))
    context: dict[str, Any] = {
        "tasks": found,
        "page": page,
        "only": names.get(only, ""),
        "slug": only,
        "signs_out": signs_out,
        "of_accounts": counts[0],
        "of_sessions": counts[1],
        "whose": byhand.whose(found),
        "uids": people.uids(task.person_id for task in found if task.person_id),
        "refused": refused or {},
    }
    shown = any(task.key == context["refused"].get("key") for task in found)
    if refused and not shown:
        messages.error(request, str(refused["error"]))
    status = 422 if refused else 200
    return render(request, "console/tasks.html", context, section="tasks", status=status)


def _counts(only: str) -> tuple[int, int]:
    """Of accounts and of sessions, in one application or in all."""
    of_accounts = {one.application: one.count for one in provisioning.by_hand()}
    of_sessions = {one.application.slug: one.count for one in by_hand.by_application()}
    if only:
        return of_accounts.get(only, 0), of_sessions.get(only, 0)
    return sum(of_accounts.values()), sum(of_sessions.values())


@require_POST
@signed_in(needs=Ability.TASKS)
def settle(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Somebody did it, or cannot."""
    note = request.POST.get("note", "").strip()[:1000]
    account = request.POST.get("account", "").strip()[:300]
    try:
        if request.POST.get("do") == "cannot":
            byhand.cannot(pk, note=note)
            messages.warning(request, "It is listed as failed. Trying again makes it a task again.")
        elif request.POST.get("do") == "none":
            byhand.none_there(pk, note=note)
            messages.success(request, "Noted: there is none, and nothing is left to close.")
        else:
            byhand.done(pk, note=note, account=account)
            messages.success(request, "Done. It counts as so until the application is read.")
    except LookupError:
        messages.info(request, _SETTLED)
    except byhand.TaskRefused as error:
        typed = {"key": str(pk), "error": str(error), "note": note, "account": account}
        return _page(request, typed)
    return redirect("console:tasks")


@require_POST
@signed_in(needs=Ability.TASKS)
def settle_sign_out(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Somebody has signed a person out, or cannot."""
    note = request.POST.get("note", "").strip()[:1000]
    try:
        if request.POST.get("do") == "cannot":
            by_hand.cannot(pk, note=note)
            messages.warning(request, "Noted. It stays here, for whoever finds a way.")
        else:
            by_hand.done(pk, note=note)
            messages.success(request, "Noted as your word, in the evidence of their leaving.")
    except LookupError:
        messages.info(request, _SETTLED)
    except byhand.TaskRefused as error:
        typed = {"key": f"S{pk}", "error": str(error), "note": note}
        return _page(request, typed, signs_out=True)
    return redirect(f"{reverse('console:tasks')}?what={_SESSIONS}")
