"""Where applications send people who sign out, and where people who sign out here begin."""

from __future__ import annotations

from xml.sax.saxutils import escape

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenure.infra.clock import now
from tenure.people.services import company
from tenure.saml import logout
from tenure.saml.errors import NotTrusted
from tenure.saml.names import SOAP_BINDING, Status
from tenure.saml.requests import LogoutRequest, read_logout_request, read_logout_response
from tenure.signin import sessions
from tenure.sso import pages
from tenure.sso.saml import identity, leaving, notices, receiving
from tenure.sso.saml.leaving import AtHome, Hop
from tenure.sso.saml.models import Logout
from tenure.sso.saml.posting import posted
from tenure.sso.saml.receiving import Message
from tenure.sso.saml.refusals import note

_LONGEST_TOKEN = 100


@never_cache
@csrf_exempt  # See `signing_in.sign_on`; a request that is not signed asks the person first.
@require_http_methods(["GET", "POST"])
def log_out(request: HttpRequest) -> HttpResponse:
    """A LogoutRequest of an application, or its answer to ours."""
    given = request.POST if request.method == "POST" else request.GET
    try:
        if "SAMLResponse" in given:
            return _answered(request)
        return _asked(request)
    except NotTrusted as error:
        note(request, str(error))
        return pages.wrong(request, str(error))


@never_cache
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """The button "Sign out": of here, and of whatever was gone on to from here."""
    row = sessions.person_session(request)
    with transaction.atomic():
        begun = leaving.begin([row.pk]) if row is not None else None
        with notices.told_otherwise(leaving.told_by_browser(begun[0]) if begun else []):
            sessions.end(request)
    if begun is None:
        return redirect(f"{reverse('signin:index')}?out")
    # A page in between: what a form leads to is bound by the policy of the page that it is on.
    return redirect("saml:leaving", begun[1])


@never_cache
@require_safe
def leaving_page(request: HttpRequest, token: str) -> HttpResponse:
    """On to the first application, by itself or by the button."""
    if not leaving.is_open(token):
        return redirect(f"{reverse('signin:index')}?out")
    context = {"token": token, "company": company()}
    return render(request, "saml/leaving.html", context)


@never_cache
@require_safe
def on(request: HttpRequest, token: str) -> HttpResponse:
    """The next application, or the end."""
    with transaction.atomic():
        run = leaving.find(token)
        if run is None:
            return redirect(f"{reverse('signin:index')}?out")
        return _next(request, run, token)


@csrf_exempt  # No browser comes here.
@require_POST
def log_out_soap(request: HttpRequest) -> HttpResponse:
    """A LogoutRequest without a browser."""
    try:
        root = logout.from_envelope(request.body)
        message = receiving.from_soap(root, request.body)
        asked = _read(message)
    except NotTrusted as error:
        note(request, str(error))
        return HttpResponse(_fault(str(error)), status=500, content_type="text/xml")
    known, everywhere, status, detail = message.known, False, Status.SUCCESS, ""
    try:
        leaving.asked_by_application(
            known, asked, binding=SOAP_BINDING, relay_state="", browser=False, signed=True
        )
    except NotTrusted:
        status, detail = Status.REQUESTER, Status.UNKNOWN_PRINCIPAL
    made = logout.answer(
        in_response_to=asked.head.id,
        issuer=identity.places().entity_id,
        destination="",
        at=now(),
        pair=identity.pair_for(known.saml.key),
        everywhere=everywhere,
        status=status,
        detail=detail,
    )
    return HttpResponse(logout.enveloped(made.xml), content_type="text/xml")


def _asked(request: HttpRequest) -> HttpResponse:
    """Raises `NotTrusted`."""
    root, received, binding = receiving.from_browser(request, "SAMLRequest")
    # Asked twice it is the same: nothing is lost by it, and one that is confirmed comes twice.
    message = receiving.believed(
        root, received, binding, place=identity.places().log_out, needed=False, once=False
    )
    asked = _read(message)
    if not message.signed:
        if message.known.service.verify_with:
            raise NotTrusted(
                f"{message.known.service.entity_id} asks to sign somebody out, and the request is "
                "not signed. Turn signing of logout requests on there."
            )
        if not _is_theirs(request, message, asked):
            raise NotTrusted(
                "The request to sign out is not signed, and is not about whoever is signed in "
                "in this browser."
            )
    run, token = leaving.asked_by_application(
        message.known,
        asked,
        binding=binding,
        relay_state=message.relay_state,
        browser=True,
        signed=message.signed,
    )
    return _next(request, run, token)


def _is_theirs(request: HttpRequest, message: Message, asked: LogoutRequest) -> bool:
    """Whether the request is about the very session of this browser, so that whoever sent it can do
    no more than the application's own button. A POST from elsewhere brings no cookie, so it never
    is."""
    row = sessions.person_session(request)
    named = leaving.sessions_named(message.known, asked)
    return row is not None and any(found.portal_session_id == row.pk for found in named)


def _answered(request: HttpRequest) -> HttpResponse:
    """Raises `NotTrusted`."""
    root, received, binding = receiving.from_browser(request, "SAMLResponse")
    message = receiving.believed(
        root, received, binding, place=identity.places().log_out, needed=False, once=False
    )
    token = message.relay_state
    with transaction.atomic():
        run = leaving.find(token) if 0 < len(token) <= _LONGEST_TOKEN else None
        if run is None:
            return redirect(f"{reverse('signin:index')}?out")
        answer = read_logout_response(root)
        leaving.came_back(run, message.known, answer, signed=message.signed)
        return _next(request, run, token)


def _read(message: Message) -> LogoutRequest:
    asked = read_logout_request(message.root)
    if asked.not_after is not None and asked.not_after <= now():
        raise NotTrusted("The request to sign out is over (NotOnOrAfter).")
    return asked


def _next(request: HttpRequest, run: Logout, token: str) -> HttpResponse:
    hop = leaving.next_hop(run, token)
    if isinstance(hop, AtHome):
        unconfirmed = hop.unconfirmed
        answer = leaving.answer_to(run, everywhere=not unconfirmed)
        if answer is None:
            if unconfirmed:
                context = {"unconfirmed": unconfirmed, "company": company()}
                return render(request, "saml/left.html", context)
            return redirect(f"{reverse('signin:index')}?out")
        hop = answer
    return _follow(request, hop)


def _follow(request: HttpRequest, hop: Hop) -> HttpResponse:
    if hop.form is not None:
        assert hop.at is not None
        return posted(request, hop.form, hop.at.application, leaving=True)
    return redirect(hop.address)


def _fault(why: str) -> bytes:
    return logout.enveloped(
        b'<S:Fault xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><faultcode>S:Client'
        b"</faultcode><faultstring>" + escape(why).encode() + b"</faultstring></S:Fault>"
    )
