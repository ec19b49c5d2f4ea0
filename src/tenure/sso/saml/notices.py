"""Telling applications, without a browser, that a session has ended: a LogoutRequest by SOAP where
they take it; else posted or asked for as a browser would, which works with those that know sessions
by name, and says so. The proof is their LogoutResponse.

An assertion that was given a moment before may still be in somebody's hands: posted after the
LogoutRequest it would begin a session that nobody ends (Profiles 2.0, section 4.1.4.2, has it good
until NotOnOrAfter). So the application is told once more when it cannot be used any longer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from lxml import etree, html
from lxml.etree import _Element

from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.infra.clock import now
from tenure.saml import logout
from tenure.saml.assertions import SPENT_AFTER
from tenure.saml.bindings import from_form, from_query, to_address, to_form, verify_beside
from tenure.saml.errors import NotTrusted, SamlError
from tenure.saml.keys import Certificate
from tenure.saml.names import POST, REDIRECT, SOAP_BINDING, Status
from tenure.saml.parsing import parse_message
from tenure.saml.requests import LogoutResponse, Subject, read_logout_response
from tenure.saml.service import LogoutPlace, ServiceProvider
from tenure.saml.signing import signature_in, verify
from tenure.sso import outbox
from tenure.sso.models import ApplicationSession, Notice
from tenure.sso.outbox import Prepared, Reply
from tenure.sso.policies import NotConfigured
from tenure.sso.saml import identity
from tenure.sso.saml.answering import is_pairwise
from tenure.sso.saml.registered import NotReady, registered

KIND: Final = "saml.logout"
#: The best way first: what needs no browser.
_ORDER: Final = (SOAP_BINDING, POST, REDIRECT)
_SOAP_ACTION: Final = '"http://www.oasis-open.org/committees/security"'
#: Sessions that somebody's browser, or the application itself, takes care of.
_elsewhere: ContextVar[frozenset[int]] = ContextVar("saml_logout_elsewhere", default=frozenset())


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is told: what it calls itself, which of our keys it knows, and its own."""

    entity_id: str
    key: str
    verify_with: tuple[Certificate, ...]


@contextmanager
def told_otherwise(sessions: Sequence[ApplicationSession]) -> Iterator[None]:
    """Of these sessions no notice is written when they end in here."""
    token = _elsewhere.set(_elsewhere.get() | {row.pk for row in sessions})
    try:
        yield
    finally:
        _elsewhere.reset(token)


def tell(sessions: Sequence[ApplicationSession]) -> int:
    """Write a notice for each session whose application can be told, in the caller's transaction.
    Returns how many."""
    told = [row for row in sessions if row.pk not in _elsewhere.get() and _post(row)]
    tell_once_more(told)
    return len(told)


def tell_once_more(sessions: Sequence[ApplicationSession]) -> None:
    """Where an assertion that was given for one of these sessions may still be used, have its
    application told again after that; once for each."""
    at = now()
    fresh = [row for row in sessions if row.used_at + SPENT_AFTER > at]
    rows = Notice.objects.filter(
        session__in=[row.pk for row in fresh], payload__has_key=outbox.ONCE_MORE
    )
    known = set(rows.values_list("session_id", flat=True))
    for row in fresh:
        if row.pk not in known:
            _post(row, not_before=row.used_at + SPENT_AFTER)


def confirmed(session: ApplicationSession, answer: LogoutResponse, *, asked_at: datetime) -> None:
    """Keep what the application has answered by somebody's browser, as where it was told without
    one."""
    record(
        Action.NOTICE_DELIVERED,
        subject_kind="notice",
        subject_key=session.sid,
        subject_label=KIND,
        application=session.application.slug,
        person=str(session.person.uid),
        after={
            "answer": f"by their browser, {_statuses(answer)}",
            "tries": 1,
            "written_at": asked_at.isoformat(),
            outbox.ENDS: outbox.Ends.SESSION.value,
            outbox.SESSION: session.sid,
        },
    )


def _statuses(answer: LogoutResponse) -> str:
    names = ", ".join(one.rpartition(":")[2][:60] for one in answer.statuses)
    return f"LogoutResponse: {names}{f': {answer.message}' if answer.message else ''}"


def _post(session: ApplicationSession, *, not_before: datetime | None = None) -> bool:
    """Whether the application can be told."""
    try:
        known = registered(session.application)
    except (NotConfigured, NotReady):
        return False
    place = place_without_browser(known.service)
    if place is None:
        return False
    outbox.post(
        KIND,
        address=place.location,
        # As it is set up now: it may be changed, or turned off, before this is sent.
        payload={
            "binding": place.binding,
            "entity_id": known.service.entity_id,
            "key": known.saml.key,
            "certificates": [one.der_base64 for one in known.service.verify_with],
            **({outbox.ONCE_MORE: True} if not_before is not None else {}),
        },
        application=session.application,
        person=session.person,
        session=session,
        not_before=not_before,
    )
    return True


def place_without_browser(service: ServiceProvider) -> LogoutPlace | None:
    """The best place to tell it; None where it takes no logouts."""
    by_binding = {place.binding: place for place in reversed(service.logout)}
    return next((by_binding[binding] for binding in _ORDER if binding in by_binding), None)


def subject_of(session: ApplicationSession, entity_id: str) -> Subject:
    """The person as the application was told."""
    form = str(session.details.get("format", ""))
    pairwise = is_pairwise(form)
    return Subject(
        session.subject,
        form,
        identity.places().entity_id if pairwise else "",
        entity_id if pairwise else "",
    )


class LogoutSender:
    """See `outbox.Sender`."""

    def prepare(self, notice: Notice) -> Prepared:
        peer, session = _peer(notice), notice.session
        assert session is not None
        binding = str(notice.payload["binding"])
        pair = identity.pair_for(peer.key)
        made = logout.request(
            subject_of(session, peer.entity_id),
            [session.sid],
            issuer=identity.places().entity_id,
            destination=notice.address,
            at=now(),
            pair=None if binding == REDIRECT else pair,
            by_themselves=False,
            id=_id(notice),
        )
        if binding == SOAP_BINDING:
            headers = {"SOAPAction": _SOAP_ACTION}
            return Prepared(logout.enveloped(made.xml), "text/xml; charset=utf-8", headers)
        if binding == POST:
            body = urlencode({"SAMLRequest": to_form(made.xml), "RelayState": "none"})
            return Prepared(body.encode(), "application/x-www-form-urlencoded")
        address = to_address(notice.address, "SAMLRequest", made.xml, relay_state="none", pair=pair)
        return Prepared(b"", "", address=address, method="GET")

    def arrived(self, notice: Notice, reply: Reply) -> bool:
        """Only a LogoutResponse to this very request is proof. "No such session" is one too: when
        it is told once more, however the application says that it is the request that is at fault
        (Core, section 3.2.2.2)."""
        try:
            found = _response(notice, reply)
        except SamlError:
            return False
        if logout.went_well(found) or Status.UNKNOWN_PRINCIPAL in found.statuses:
            return True
        return outbox.ONCE_MORE in notice.payload and found.statuses[:1] == (Status.REQUESTER,)

    def said(self, notice: Notice, reply: Reply) -> str:
        """The statuses of the LogoutResponse, by their own names."""
        try:
            return _statuses(_response(notice, reply))
        except SamlError:
            return ""

    def hopeless(self, notice: Notice, reply: Reply) -> bool:
        """An answer that is none is the same next time; a server in trouble may recover."""
        return reply.status < 500 and reply.status != 429


def _response(notice: Notice, reply: Reply) -> LogoutResponse:
    """Raises `SamlError`."""
    peer = _peer(notice)
    root = _message(reply, peer)
    if signature_in(root) is not None and peer.verify_with:
        verify(root, peer.verify_with)
    found = read_logout_response(root)
    if found.in_response_to != _id(notice) or found.head.issuer != peer.entity_id:
        raise NotTrusted("The answer is to something else.")
    return found


def _message(reply: Reply, peer: Peer) -> _Element:
    """The LogoutResponse in an envelope, in the address that a browser would be sent to, or in the
    form that it would post. Raises `NotTrusted`."""
    body = reply.body.encode()
    if reply.location:
        try:
            query = urlsplit(reply.location).query
        except ValueError as error:
            raise NotTrusted("It leads to no address.") from error
        received = from_query(query, "SAMLResponse")
        if received.beside is not None and peer.verify_with:
            verify_beside(received.beside, peer.verify_with)
        return parse_message(received.xml)
    if b"SAMLResponse" in body and b"<form" in body.lower():
        return parse_message(from_form(_field(body), "", "SAMLResponse").xml)
    return logout.from_envelope(body)


def _field(body: bytes) -> str:
    try:
        page = html.fromstring(body)
    except (etree.ParserError, ValueError) as error:
        raise NotTrusted("The page cannot be read.") from error
    for element in page.iter("input"):
        if element.get("name") == "SAMLResponse":
            return element.get("value") or ""
    raise NotTrusted("There is no SAMLResponse in the page.")


def _peer(notice: Notice) -> Peer:
    said = notice.payload
    if "entity_id" in said:
        certificates = tuple(Certificate(str(text)) for text in said["certificates"])
        return Peer(str(said["entity_id"]), str(said["key"]), certificates)
    # Written by an earlier version.
    assert notice.application is not None
    known = registered(notice.application)
    return Peer(known.service.entity_id, known.saml.key, known.service.verify_with)


def _id(notice: Notice) -> str:
    """The same at every question about the same try, so that the answer can be told by it."""
    text = f"{notice.pk}.{notice.tries}".encode()
    found = hmac.new(settings.SECRET_KEY.encode(), b"saml.logout." + text, hashlib.sha256)
    return f"_{base64.b16encode(found.digest()[:20]).decode().lower()}"
