"""Whether a request may be answered, and where: pure, over what was read and what is registered.
The instant is an argument; whether an id was seen before is asked by whoever keeps the table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lxml.etree import _Element

from tenure.saml.bindings import Received, verify_beside
from tenure.saml.errors import Answered, NotTrusted
from tenure.saml.names import (
    ENCRYPTED_NAME_ID,
    NAME_ID_FORMATS,
    POST,
    Status,
)
from tenure.saml.requests import AuthnRequest, Head
from tenure.saml.service import Consumer, ServiceProvider
from tenure.saml.signing import signature_in, verify

#: A request that is older was kept by somebody.
OLDEST: Final = timedelta(minutes=10)
#: How far two clocks may be apart.
SKEW: Final = timedelta(minutes=3)
#: So long an id has to be remembered so that it is not taken twice.
REMEMBERED: Final = OLDEST + 2 * SKEW


@dataclass(frozen=True, slots=True)
class Answer:
    """How a good request is answered."""

    consumer: Consumer
    format: str


def signed_as_needed(
    root: _Element, received: Received, service: ServiceProvider, *, needed: bool
) -> bool:
    """Whether the message is signed by the application. A signature that is there is checked
    wherever a certificate is registered, needed or not. Raises `NotTrusted`."""
    inside = signature_in(root) is not None
    if not inside and received.beside is None:
        if needed:
            raise NotTrusted(
                f"{service.entity_id} has to sign its requests, and this one is not signed. Turn "
                "signing on there, or the requirement off here."
            )
        return False
    if not service.verify_with:
        if needed:
            raise NotTrusted(
                f"{service.entity_id} has to sign its requests, but no certificate of it is "
                "registered here. Upload its metadata, or its certificate."
            )
        return False
    if received.beside is not None:
        verify_beside(received.beside, service.verify_with)
    if inside:
        verify(root, service.verify_with)
    return True


def is_for_us_now(head: Head, places: Collection[str], *, signed: bool, at: datetime) -> None:
    """The message was sent to one of these addresses of ours, a short while ago. Raises
    `NotTrusted`."""
    if head.destination and head.destination not in places:
        raise NotTrusted(
            f"The message is for {head.destination[:200]}, not for here. Expected "
            f"{' or '.join(sorted(places))}: correct the sign-on address in the application."
        )
    if signed and not head.destination:
        # Bindings 2.0, sections 3.4.5.2 and 3.5.5.2: what is signed says where it goes.
        raise NotTrusted("The message is signed, but does not say for whom: it has no Destination.")
    if head.issued_at < at - OLDEST - SKEW:
        raise NotTrusted(
            f"The message was made at {head.issued_at:%H:%M:%S} UTC, which is too long ago. Open "
            "the application again; if that helps nobody, its clock is wrong."
        )
    if head.issued_at > at + SKEW:
        raise NotTrusted(
            f"The message was made at {head.issued_at:%Y-%m-%d %H:%M:%S} UTC, which is to come. "
            "The application's clock is wrong."
        )


def consumer_for(request: AuthnRequest, service: ServiceProvider) -> Consumer:
    """Where the request is answered: only at an address that is registered. Raises `NotTrusted`."""
    if request.consumer:
        for place in service.consumers:
            if place.location == request.consumer:
                return place
        raise NotTrusted(
            f"The request wants its answer at {request.consumer[:300]}, which is not registered "
            f"for {service.entity_id}. Registered: "
            f"{', '.join(place.location for place in service.consumers)}."
        )
    if request.consumer_index is not None:
        for place in service.consumers:
            if place.index == request.consumer_index:
                return place
        raise NotTrusted(
            f"The request wants its answer at the address number {request.consumer_index}, and "
            f"{service.entity_id} has none with that number."
        )
    return service.consumer


def answer_for(request: AuthnRequest, service: ServiceProvider) -> Answer:
    """How to answer. Raises `NotTrusted`, or `Answered` where the application is to be told."""
    place = consumer_for(request, service)
    if request.binding and request.binding != POST:
        raise Answered(
            f"The application asks to be answered by {request.binding[:100]}. Tenure answers by "
            "HTTP-POST.",
            status=Status.RESPONDER,
            detail=Status.UNSUPPORTED_BINDING,
        )
    qualifier = request.policy.qualifier
    if qualifier and qualifier != service.entity_id:
        raise Answered(
            f"The application asks for a name in the space of {qualifier[:200]}, which is not its "
            "own.",
            detail=Status.INVALID_NAME_ID_POLICY,
        )
    return Answer(place, _format_for(request.policy.format, service))


def _format_for(asked: str, service: ServiceProvider) -> str:
    anything = ("", NAME_ID_FORMATS["unspecified"])
    if asked in anything or service.insist:
        return service.usual_format
    if asked == ENCRYPTED_NAME_ID or asked not in NAME_ID_FORMATS.values():
        raise Answered(
            f"The application asks for the name as {asked[:120]}, which Tenure does not have.",
            detail=Status.INVALID_NAME_ID_POLICY,
        )
    if service.name_id is not None and asked != service.usual_format:
        known = {uri: name for name, uri in NAME_ID_FORMATS.items()}
        raise Answered(
            f"The application asks for the name as {known[asked]}, and here it is set to "
            f"{service.name_id}. Make them the same, or let the setting here stand whatever is "
            "asked (`insist`).",
            detail=Status.INVALID_NAME_ID_POLICY,
        )
    return asked
