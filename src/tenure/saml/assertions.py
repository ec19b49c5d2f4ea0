"""Answers to applications: who somebody is (an assertion in a Response), or why not (a Response
with a status). Web browser single sign-on profile: SAML Profiles 2.0, section 4.1.4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lxml.etree import _Element

from tenure.saml import building
from tenure.saml.building import add, stamp
from tenure.saml.encrypting import encrypt
from tenure.saml.keys import KeyPair
from tenure.saml.names import (
    BEARER,
    NAME_FORMATS,
    NAME_ID_FORMATS,
    SAML,
    XS,
    XSI,
    Status,
    q,
)
from tenure.saml.service import ServiceProvider
from tenure.saml.signing import sign

#: How long an assertion may be used. It is there to be posted at once.
LIVES: Final = timedelta(minutes=5)
#: The application's clock may be behind.
EARLIER: Final = timedelta(minutes=1)
#: After so long no application takes it any more: many allow for clocks that are three minutes off.
SPENT_AFTER: Final = LIVES + timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Statement:
    """An attribute: `values` as text, in order."""

    name: str
    values: tuple[str, ...]
    name_format: str = NAME_FORMATS["unspecified"]
    friendly_name: str = ""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who has signed in, how, and until when that holds. `session`: the SessionIndex, by which a
    logout names it."""

    name_id: str
    format: str
    session: str
    at: datetime
    until: datetime
    context: str
    statements: Sequence[Statement] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """A Response as it is posted, and the ids in it (one-time: nobody sees them again)."""

    xml: bytes
    id: str
    assertion_id: str = ""


def response(
    service: ServiceProvider,
    who: SignedIn,
    *,
    issuer: str,
    destination: str,
    in_response_to: str,
    at: datetime,
    pair: KeyPair,
) -> Made:
    """The answer that lets somebody in, signed as the application wants it. One that is encrypted
    is signed outside too: ciphertext alone says nothing of who wrote it."""
    root, response_id = _response(issuer, destination, in_response_to, at)
    building.add_status(root, Status.SUCCESS)
    assertion = _assertion(service, who, issuer, destination, in_response_to, at)
    root.append(assertion)
    if service.sign in ("assertion", "both"):
        sign(assertion, pair)
    if service.encrypt_for is not None:
        encrypt(assertion, service.encrypt_for, service.cipher or "aes256-gcm")
    if service.sign in ("response", "both") or service.encrypt_for is not None:
        sign(root, pair)
    return Made(building.written(root), response_id, str(assertion.get("ID")))


def refusal(
    *,
    issuer: str,
    destination: str,
    in_response_to: str,
    at: datetime,
    pair: KeyPair,
    status: str,
    detail: str,
    text: str = "",
) -> Made:
    """The answer that says why not, always signed."""
    root, response_id = _response(issuer, destination, in_response_to, at)
    building.add_status(root, status, detail, text)
    sign(root, pair)
    return Made(building.written(root), response_id)


def _response(
    issuer: str, destination: str, in_response_to: str, at: datetime
) -> tuple[_Element, str]:
    found = building.new_id()
    root = building.message(
        "Response",
        issuer=issuer,
        destination=destination,
        at=at,
        id=found,
        in_response_to=in_response_to,
    )
    return root, found


def _assertion(
    service: ServiceProvider,
    who: SignedIn,
    issuer: str,
    destination: str,
    in_response_to: str,
    at: datetime,
) -> _Element:
    root = building.element(
        SAML, "Assertion", ID=building.new_id(), Version="2.0", IssueInstant=stamp(at)
    )
    add(root, SAML, "Issuer", issuer)
    _add_subject(root, service, who, issuer, destination, in_response_to, at)
    conditions = add(
        root,
        SAML,
        "Conditions",
        NotBefore=stamp(at - EARLIER),
        NotOnOrAfter=stamp(at + LIVES),
    )
    add(add(conditions, SAML, "AudienceRestriction"), SAML, "Audience", service.entity_id)
    authn = add(
        root,
        SAML,
        "AuthnStatement",
        AuthnInstant=stamp(who.at),
        SessionIndex=who.session,
        SessionNotOnOrAfter=stamp(who.until),
    )
    add(add(authn, SAML, "AuthnContext"), SAML, "AuthnContextClassRef", who.context)
    if who.statements:
        _add_statements(root, who.statements)
    return root


def _add_subject(
    root: _Element,
    service: ServiceProvider,
    who: SignedIn,
    issuer: str,
    destination: str,
    in_response_to: str,
    at: datetime,
) -> None:
    subject = add(root, SAML, "Subject")
    name_id = add(subject, SAML, "NameID", who.name_id, Format=who.format)
    if who.format in (NAME_ID_FORMATS["persistent"], NAME_ID_FORMATS["transient"]):
        # Core sections 8.3.7 and 8.3.8: such a name means something only between these two.
        name_id.set("NameQualifier", issuer)
        name_id.set("SPNameQualifier", service.entity_id)
    confirmation = add(subject, SAML, "SubjectConfirmation", Method=BEARER)
    add(
        confirmation,
        SAML,
        "SubjectConfirmationData",
        NotOnOrAfter=stamp(at + LIVES),
        Recipient=destination,
        InResponseTo=in_response_to,
    )


def _add_statements(root: _Element, statements: Sequence[Statement]) -> None:
    holder = add(root, SAML, "AttributeStatement")
    for statement in statements:
        attribute = add(
            holder,
            SAML,
            "Attribute",
            Name=statement.name,
            NameFormat=statement.name_format,
            FriendlyName=statement.friendly_name,
        )
        for value in statement.values:
            made = attribute.makeelement(q(SAML, "AttributeValue"), nsmap={"xs": XS, "xsi": XSI})
            made.set(q(XSI, "type"), "xs:string")
            made.text = value
            attribute.append(made)
