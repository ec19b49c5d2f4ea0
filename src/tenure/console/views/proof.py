"""A leaver's receipt as a page to print, and as a file."""

from __future__ import annotations

import json
import uuid

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from tenure.console import proofs
from tenure.console.page import ConsoleRequest, missing, render, signed_in
from tenure.people import selectors as people
from tenure.sso.receipt import receipt_of


@require_safe
@signed_in()
def proof(request: ConsoleRequest, uid: uuid.UUID) -> HttpResponse:
    """For everybody: it shows nothing that the person's page does not."""
    found = people.person_by_uid(str(uid))
    if found is None:
        return missing(request, "person", section="people", back="console:people")
    made = receipt_of(found)
    context = {"person": found, "receipt": made, "proof": proofs.shown(made)}
    return render(request, "console/proof.html", context, section="people")


@require_safe
@signed_in()
def proof_file(request: ConsoleRequest, uid: uuid.UUID) -> HttpResponse:
    """The same as JSON, for whoever keeps it."""
    found = people.person_by_uid(str(uid))
    if found is None:
        return missing(request, "person", section="people", back="console:people")
    text = json.dumps(
        receipt_of(found).as_json(), ensure_ascii=False, indent=2, cls=DjangoJSONEncoder
    )
    response = HttpResponse(text, content_type="application/json; charset=utf-8")
    name = f"access-ended-{found.employee_number or found.uid}"
    safe = "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in name)
    response["Content-Disposition"] = f'attachment; filename="{safe}.json"'
    return response
