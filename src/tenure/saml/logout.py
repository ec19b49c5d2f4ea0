"""Messages that end a session: our LogoutRequest to an application, our answer to one, and the
envelope (SOAP 1.1) in which they go without a browser. SAML Profiles 2.0, section 4.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lxml.etree import _Element

from tenure.saml import building
from tenure.saml.building import add, stamp
from tenure.saml.errors import NotTrusted
from tenure.saml.keys import KeyPair
from tenure.saml.names import LOGOUT_BY_ADMIN, LOGOUT_BY_USER, SAML, SAMLP, SOAP, Status, q
from tenure.saml.parsing import child, parse_message
from tenure.saml.requests import LogoutResponse, Subject
from tenure.saml.signing import sign

#: An application that is asked later than this must not believe it any more.
LIVES: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Made:
    """A message, and its id."""

    xml: bytes
    id: str


def request(
    subject: Subject,
    sessions: Sequence[str],
    *,
    issuer: str,
    destination: str,
    at: datetime,
    pair: KeyPair | None,
    by_themselves: bool,
    id: str = "",
) -> Made:
    """Asks an application to end sessions. `pair` None: it is signed beside, in the address."""
    found = id or building.new_id()
    root = building.message(
        "LogoutRequest", issuer=issuer, destination=destination, at=at, id=found
    )
    root.set("NotOnOrAfter", stamp(at + LIVES))
    root.set("Reason", LOGOUT_BY_USER if by_themselves else LOGOUT_BY_ADMIN)
    name_id = add(root, SAML, "NameID", subject.value, Format=subject.format)
    if subject.qualifier:
        name_id.set("NameQualifier", subject.qualifier)
    if subject.sp_qualifier:
        name_id.set("SPNameQualifier", subject.sp_qualifier)
    for session in sessions:
        add(root, SAMLP, "SessionIndex", session)
    if pair is not None:
        sign(root, pair)
    return Made(building.written(root), found)


def answer(
    *,
    in_response_to: str,
    issuer: str,
    destination: str,
    at: datetime,
    pair: KeyPair | None,
    everywhere: bool = True,
    status: str = Status.SUCCESS,
    detail: str = "",
) -> Made:
    """Answers an application that asked. Not `everywhere`: some other application may still have
    the person's session (PartialLogout, Core section 3.7.3.2)."""
    found = building.new_id()
    root = building.message(
        "LogoutResponse",
        issuer=issuer,
        destination=destination,
        at=at,
        id=found,
        in_response_to=in_response_to,
    )
    building.add_status(root, status, detail or ("" if everywhere else Status.PARTIAL_LOGOUT))
    if pair is not None:
        sign(root, pair)
    return Made(building.written(root), found)


def enveloped(xml: bytes) -> bytes:
    """The message in an envelope; its bytes stay as they were signed."""
    body = xml.split(b"?>", 1)[1] if xml.startswith(b"<?xml") else xml
    return (
        b"<?xml version='1.0' encoding='UTF-8'?>"
        b'<S:Envelope xmlns:S="' + SOAP.encode() + b'"><S:Body>' + body.strip() + b"</S:Body>"
        b"</S:Envelope>"
    )


def from_envelope(data: bytes) -> _Element:
    """The message in an envelope, as a document of its own, so that what is signed is the root.
    Raises `NotTrusted`."""
    root = parse_message(data)
    if root.tag != q(SOAP, "Envelope"):
        raise NotTrusted("The answer is no SOAP envelope.")
    body = child(root, SOAP, "Body")
    if body is None or len(body) != 1:
        raise NotTrusted("The envelope has no body with one message in it.")
    fault = child(body, SOAP, "Fault")
    if fault is not None:
        why = " ".join(text.strip() for text in fault.itertext() if text.strip())
        raise NotTrusted(f"The application answered with a fault: {why[:300]}")
    return parse_message(building.written(body[0]))


def went_well(response: LogoutResponse) -> bool:
    """Whether the application says that the session is over, there at least."""
    return response.statuses[:1] == (Status.SUCCESS,)
