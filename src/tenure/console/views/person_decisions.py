"""What administrators decide about one person: suspended or not, legal hold, a termination taken
back, exceptions to the rules, and their word that access of a leaver is closed. Each is asked for
with a reason, and carried out at once."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from types import MappingProxyType
from typing import Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from tenure.console.page import ConsoleRequest, missing, refused, signed_in
from tenure.console.views.person import RefusedForm, show
from tenure.people import selectors as people
from tenure.people.decisions import DecisionRefused
from tenure.people.models import Person
from tenure.people.services import zone_of
from tenure.provisioning.decisions import byhand, lives
from tenure.provisioning.planning.plans import StoredPlan
from tenure.rules.exceptions import ExceptionRefused
from tenure.signin.permissions import Ability, may

#: What a form asks for -> what it takes, its dialog, what does it, and what is said afterwards.
DECISIONS: Final = MappingProxyType(
    {
        "suspend": (
            Ability.SUSPEND,
            "suspend",
            lives.suspend,
            "{} is suspended: their accounts are closed.",
        ),
        "end_suspension": (
            Ability.SUSPEND,
            "unsuspend",
            lives.end_suspension,
            "{} is back: what is due is opened.",
        ),
        "reinstate": (
            Ability.TERMINATE,
            "reinstate",
            lives.reinstate,
            "The termination of {} is taken back: what is due is opened.",
        ),
        "hold": (
            Ability.LEGAL_HOLD,
            "hold",
            lives.hold,
            "Nothing of {} is deleted until it is released.",
        ),
        "release": (
            Ability.LEGAL_HOLD,
            "release",
            lives.release,
            "The legal hold on {} has ended.",
        ),
    }
)
NO_REASON: Final = "Nothing was decided: say why. The reason is kept."
_TYPED: Final = ("reason", "what", "until")


@require_POST
@signed_in(needs=Ability.SUSPEND)
def decide(request: ConsoleRequest, uid: uuid.UUID) -> HttpResponse:
    """One of the decisions, as the form says."""
    found = people.person_by_uid(str(uid))
    if found is None:
        return missing(request, "person", section="people", back="console:people")
    decision = DECISIONS.get(request.POST.get("do", ""))
    if decision is None:
        messages.error(request, "Nothing was decided: this form is not of this page. Try again.")
        return _back(found)
    needs, dialog, carry_out, words = decision
    if not may(request.administrator, needs):
        return refused(request, needs)
    if not request.POST.get("reason", "").strip():
        return _to_correct(request, found, dialog, "reason", NO_REASON)
    return _carried_out(request, found, carry_out, words.format(found.display_name))


def _carried_out(
    request: ConsoleRequest, found: Person, carry_out: Callable[..., StoredPlan], words: str
) -> HttpResponse:
    reason = request.POST.get("reason", "").strip()[:1000]
    try:
        stored = carry_out(found, reason=reason)
    except DecisionRefused as error:
        messages.error(request, str(error))
        return _back(found)
    messages.success(request, words)
    if stored.released or stored.held:
        return redirect("console:run", stored.run.pk)
    return _back(found)


@require_POST
@signed_in(needs=Ability.TASKS)
def removed(request: ConsoleRequest, uid: uuid.UUID, pk: int) -> HttpResponse:
    """Somebody says that they closed what could not be closed from here."""
    found = people.person_by_uid(str(uid))
    if found is None:
        return missing(request, "person", section="people", back="console:people")
    which = {one.number: one for one in byhand.failing(person=found)}.get(pk)
    try:
        if which is None or which.again is None:
            raise LookupError
        byhand.done(pk, note=request.POST.get("reason", "").strip()[:1000])
    except LookupError:
        messages.info(request, "Nothing was noted: it is settled already, or being tried just now.")
    except byhand.TaskRefused as error:
        why = f"Nothing was noted. {error}"
        return _to_correct(request, found, f"removed-{pk}", "reason", why)
    else:
        said = "Noted as your word. It counts as closed until {} is read, which is asked for now."
        messages.success(request, said.format(which.application_name))
    return _back(found)


@require_POST
@signed_in(needs=Ability.EXCEPT)
def exception(request: ConsoleRequest, uid: uuid.UUID) -> HttpResponse:
    """Give or withhold something, whatever the rules say; or let the rules alone decide again."""
    found = people.person_by_uid(str(uid))
    if found is None:
        return missing(request, "person", section="people", back="console:people")
    if request.POST.get("do") == "end":
        return _ended(request, found, request.POST.get("exception", ""))
    reason = request.POST.get("reason", "").strip()[:1000]
    if not reason:
        return _to_correct(request, found, "except", "reason", NO_REASON)
    application, _, entitlement = request.POST.get("what", "")[:500].partition("/")
    try:
        lives.decide_exception(
            found,
            application=application,
            entitlement=entitlement,
            gives=request.POST.get("do") == "give",
            reason=reason,
            until=_until(request.POST.get("until", ""), found),
        )
    except LookupError as error:
        return _to_correct(request, found, "except", "what", str(error))
    except (ExceptionRefused, ValueError) as error:
        return _to_correct(request, found, "except", "until", str(error))
    messages.success(request, "Decided. What follows from it is on its way.")
    return _back(found)


def _ended(request: ConsoleRequest, found: Person, number: str) -> HttpResponse:
    """The rules alone decide again."""
    reason = request.POST.get("reason", "").strip()[:1000]
    if not reason:
        return _to_correct(request, found, f"exception-{number}", "reason", NO_REASON)
    try:
        lives.end_exception(int(number) if number.isdecimal() else 0, reason=reason)
    except LookupError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The rules alone decide again.")
    return _back(found)


def _until(text: str, person: Person) -> datetime | None:
    """When it ends, as a browser writes it, in the person's own time zone."""
    if not text.strip():
        return None
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no time. Such as 2026-11-30T18:00.") from None
    return at if at.tzinfo else at.replace(tzinfo=zone_of(person))


def _back(person: Person) -> HttpResponse:
    return redirect(reverse("console:person", args=[person.uid]))


def _to_correct(
    request: ConsoleRequest, found: Person, dialog: str, field: str, error: str
) -> HttpResponse:
    """Their page with the form open as it was sent, and what is wrong beside its field."""
    typed = {name: request.POST.get(name, "")[:1000] for name in _TYPED}
    return show(request, found, RefusedForm(dialog, field, error, typed))
