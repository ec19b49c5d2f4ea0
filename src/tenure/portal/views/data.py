"""One's own data: the page, and all of it as a file."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import orjson
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from tenure.audit.models import Action
from tenure.infra.clock import now
from tenure.portal import mydata
from tenure.portal.page import PortalRequest, render, signed_in
from tenure.signin import sessions
from tenure.signin.owners import has_way_in, told

#: The file has what the page keeps private: their passkey was used no longer ago than this.
_FRESH: Final = timedelta(minutes=15)


@require_safe
@signed_in()
def data(request: PortalRequest) -> HttpResponse:
    """What is held of the person, from where, and where it went."""
    context = {
        "facts": mydata.facts(request.person),
        "went": mydata.went(request.person),
        "sign_ins": mydata.sign_ins(request.person),
    }
    return render(request, "portal/data.html", context, section="profile")


@require_safe
@signed_in()
def file(request: PortalRequest) -> HttpResponse:
    """All of it, as JSON. The passkey first, unless it was used just now."""
    session, at = sessions.person_session(request), now()
    proved = session.passkey_at or session.began_at if session is not None else None
    if has_way_in(request.person) and (proved is None or at - proved > _FRESH):
        back = {"next": reverse("portal:data_file")}
        return redirect(f"{reverse('signin:confirm')}?{urlencode(back)}")
    found = mydata.everything(request.person, at)
    told(Action.OWN_DATA_TAKEN, request.person)
    body = orjson.dumps(found, option=orjson.OPT_INDENT_2, default=str)
    response = HttpResponse(body, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="my-data-{at:%Y-%m-%d}.json"'
    return response
