"""Tasks: what an application cannot do, for a person to do by hand."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from tenure.applications import selectors as applications
from tenure.console.page import ConsoleRequest, render, signed_in
from tenure.people import selectors as people
from tenure.provisioning.decisions import byhand
from tenure.signin.permissions import Ability


@require_safe
@signed_in()
def tasks(request: ConsoleRequest) -> HttpResponse:
    """What waits to be done, the oldest first."""
    return _page(request)


def _page(request: ConsoleRequest, refused: dict[str, object] | None = None) -> HttpResponse:
    """`refused`: the `number` of the task that could not be settled, why, and what was typed."""
    names = applications.application_names()
    only = request.GET.get("application", "")
    if only not in names:
        only = ""
    found, page = byhand.tasks_page(application=only or None, cursor=request.GET.get("at", ""))
    context: dict[str, Any] = {
        "tasks": found,
        "page": page,
        "only": names.get(only, ""),
        "whose": byhand.whose(found),
        "uids": people.uids(task.person_id for task in found if task.person_id),
        "refused": refused or {},
    }
    shown = any(task.number == context["refused"].get("number") for task in found)
    if refused and not shown:
        messages.error(request, str(refused["error"]))
    status = 422 if refused else 200
    return render(request, "console/tasks.html", context, section="tasks", status=status)


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
        messages.info(request, "That task is settled already, or not due any more.")
    except byhand.TaskRefused as error:
        typed = {"number": pk, "error": str(error), "note": note, "account": account}
        return _page(request, typed)
    return redirect("console:tasks")
