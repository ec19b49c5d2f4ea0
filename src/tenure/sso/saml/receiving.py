"""A message that came from an application, by whichever way, to one that may be believed."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from lxml.etree import _Element

from tenure.infra.clock import now
from tenure.saml import checks, requests
from tenure.saml.bindings import Field, Received, from_form, from_query
from tenure.saml.errors import NotTrusted
from tenure.saml.names import POST, REDIRECT, SOAP_BINDING
from tenure.saml.parsing import parse_message
from tenure.saml.requests import Head
from tenure.sso.saml import identity, seen
from tenure.sso.saml.registered import Registered, by_entity_id


@dataclass(frozen=True, slots=True)
class Message:
    """`signed`: by a key that is registered for its sender."""

    root: _Element
    head: Head
    known: Registered
    signed: bool
    relay_state: str
    binding: str


def from_browser(request: HttpRequest, field: Field) -> tuple[_Element, Received, str]:
    """The message, and the way that it came. Raises `NotTrusted`."""
    if request.method == "POST":
        received = from_form(request.POST.get(field, ""), request.POST.get("RelayState", ""), field)
        return parse_message(received.xml), received, POST
    received = from_query(request.META.get("QUERY_STRING", ""), field)
    return parse_message(received.xml), received, REDIRECT


def believed(
    root: _Element,
    received: Received,
    binding: str,
    *,
    place: str,
    needed: bool | None = None,
    once: bool = True,
) -> Message:
    """The message is from a registered application, for this place of ours, made a short while
    ago, signed where it has to be (`needed` None: as is set for the application), and, where it is
    taken `once`, not seen before. Raises `NotTrusted`."""
    head = requests.head_of(root)
    known = by_entity_id(head.issuer)
    must = known.service.signed_requests if needed is None else needed
    signed = checks.signed_as_needed(root, received, known.service, needed=must)
    checks.is_for_us_now(head, {place}, signed=signed, at=now())
    if once:
        seen.take(known.application, head.id)
    return Message(root, head, known, signed, received.relay_state, binding)


def from_soap(root: _Element, body: bytes) -> Message:
    """A request without a browser: nobody is there who could have been led, so the signature alone
    says who asks. Raises `NotTrusted`."""
    place = identity.places().log_out_soap
    message = believed(root, Received(body), SOAP_BINDING, place=place, needed=True)
    if not message.signed:
        raise NotTrusted("The message is not signed.")
    return message
