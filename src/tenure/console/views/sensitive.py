"""Sensitive values of one person in clear: shown once, to whoever may see them and says why. That
they were looked at is recorded before anything is shown."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from tenure.console.page import ConsoleRequest, Fresh, missing, render, signed_in
from tenure.people import selectors as people
from tenure.provisioning.records import sensitive_values
from tenure.signin.permissions import Ability


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.SEE, fresh=Fresh.FORM)
def sensitive(request: ConsoleRequest, uid: uuid.UUID) -> HttpResponse:
    """What there is, without values; with them once a reason is given."""
    found = people.person_by_uid(str(uid))
    if found is None:
        return missing(request, "person", section="people", back="console:people")
    reason = request.POST.get("reason", "").strip()[:1000]
    asked = request.method == "POST"
    groups = (
        sensitive_values.looked_at(found, reason=reason, where="console")
        if asked and reason
        else sensitive_values.there_are(found)
    )
    context = {
        "person": found,
        "groups": groups,
        "shown": asked and bool(reason),
        "reason": reason,
        "problem": "Say why: the reason is kept." if asked and not reason else "",
    }
    status = 422 if context["problem"] else 200
    return render(request, "console/sensitive.html", context, section="people", status=status)
