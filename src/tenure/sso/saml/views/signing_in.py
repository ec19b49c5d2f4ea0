"""Where applications send people to sign in, and what they read of us."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from tenure.saml import checks, requests
from tenure.saml.errors import Answered, NotTrusted
from tenure.saml.metadata_out import MEDIA_TYPE
from tenure.sso import pages, pending
from tenure.sso.models import Protocol
from tenure.sso.saml import identity, receiving
from tenure.sso.saml.answering import Wanted, turned_down
from tenure.sso.saml.posting import posted
from tenure.sso.saml.refusals import note


@never_cache
# An application posts here from its own page, and has no token of ours; what it sends is checked by
# its own rules, and changes nothing.
@csrf_exempt
@require_http_methods(["GET", "POST"])
def sign_on(request: HttpRequest) -> HttpResponse:
    """An AuthnRequest, by Redirect or POST. It is checked, kept, and gone on with at an address of
    our own, where the browser brings its cookies along (a POST from elsewhere has none)."""
    try:
        root, received, binding = receiving.from_browser(request, "SAMLRequest")
        asked = requests.read_authn_request(root)
        message = receiving.believed(root, received, binding, place=identity.places().sign_on)
        known = message.known
        consumer = checks.consumer_for(asked, known.service)
    except NotTrusted as error:
        note(request, str(error))
        return pages.wrong(request, str(error))
    try:
        answer = checks.answer_for(asked, known.service)
    except Answered as error:
        note(request, str(error), known.application)
        refusal = turned_down(
            known,
            consumer=consumer.location,
            id=asked.head.id,
            relay_state=message.relay_state,
            error=error,
        )
        return posted(request, refusal, known.application)
    wanted = Wanted.of(
        asked,
        known,
        consumer=answer.consumer.location,
        form=answer.format,
        relay=message.relay_state,
    )
    return redirect(pending.keep(Protocol.SAML, wanted.as_json()))


@require_safe
def metadata(request: HttpRequest) -> HttpResponse:
    """Our metadata. `?download`: as a file."""
    response = HttpResponse(identity.metadata(), content_type=MEDIA_TYPE)
    if "download" in request.GET:
        response["Content-Disposition"] = 'attachment; filename="tenure-metadata.xml"'
    return response


@require_safe
def certificate(request: HttpRequest, kid: str = "") -> HttpResponse:
    """The certificate by which we sign, or the one of that key, as a file."""
    ours = identity.our_keys()
    found = next((key for key in ours if not kid or key.row.kid == kid), None)
    if found is None:
        return HttpResponse("There is no such key.", status=404, content_type="text/plain")
    response = HttpResponse(found.certificate.pem, content_type="application/x-pem-file")
    response["Content-Disposition"] = 'attachment; filename="tenure-saml.pem"'
    return response
