"""Inviting a person, and deciding who somebody is whose claims were not what HR has."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from tenure.console.page import ConsoleRequest, Fresh, missing, render, signed_in
from tenure.people import selectors as people
from tenure.signin import endings, identity, invitations, passkeys
from tenure.signin.invitations import CannotInvite
from tenure.signin.permissions import Ability
from tenure.signin.places import place_of
from tenure.sso import endings as applications


@require_POST
@signed_in(needs=Ability.INVITE, fresh=Fresh.FORM)
def invite(request: ConsoleRequest, uid: uuid.UUID) -> HttpResponse:
    """Send an invitation, send it again, or withdraw it; end sessions, remove a passkey."""
    person = people.person_by_uid(str(uid))
    if person is None:
        return missing(request, "person", section="people", back="console:people")
    reason = request.POST.get("reason", "").strip()[:1000]
    wanted = request.POST.get("do", "")
    try:
        if wanted == "invite":
            row = invitations.invite(person=person, reason=reason)
            messages.success(request, f"An invitation goes to {row.sent_to}.")
        elif wanted == "withdraw":
            done = invitations.withdraw(person=person, reason=reason or "withdrawn by hand")
            words = "The invitation works no longer." if done else "There was none to withdraw."
            messages.success(request, words)
        elif wanted == "end_sessions":
            count = endings.end_sessions(person, because="ended by an administrator")
            count += applications.end_people([person], "ended by an administrator")
            endings.tell_ended(person, count, reason=reason)
            messages.success(request, f"{count} session{'s' if count != 1 else ''} ended.")
        elif wanted == "remove_passkey" and request.POST.get("which", "").isdigit():
            pk = int(request.POST["which"][:18])
            because = reason or "removed by an administrator"
            key = passkeys.remove(person, pk, because=because, by_them=False)
            messages.success(request, f"The passkey {key.name} lets nobody in any more.")
    except (CannotInvite, LookupError, ValueError) as error:
        messages.error(request, str(error))
    return redirect(reverse("console:person", args=[person.uid]) + "#access")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.VOUCH, fresh=Fresh.FORM)
def review(request: ConsoleRequest, pk: int) -> HttpResponse:
    """What was typed beside what HR has, and the decision."""
    row = identity.review_by_pk(pk)
    if row is None:
        return missing(request, "open question", section="people", back="console:overview")
    reason, error = request.POST.get("reason", "").strip()[:1000], ""
    if request.method == "POST":
        try:
            if request.POST.get("do") == "approve":
                identity.approve(review=row, reason=reason)
                words = f"{row.person.display_name} gets a new invitation that does not ask again."
                messages.success(request, words)
            else:
                identity.reject(review=row, reason=reason)
                messages.success(request, "The invitation works no longer.")
            return redirect("console:person", row.person.uid)
        except ValueError as problem:
            error = str(problem)
    context = {
        "review": row,
        "person": row.person,
        "lines": identity.compared(row),
        "place": place_of(row.address),
        "reason": reason,
        "error": error,
    }
    status = 422 if error else 200
    return render(request, "console/review.html", context, section="people", status=status)
