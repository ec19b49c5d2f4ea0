"""Requests of applications read into plain shapes. Reading believes nothing: whether somebody may
be answered is `checks`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lxml import etree
from lxml.etree import _Element

from tenure.saml import contexts
from tenure.saml.contexts import Requested
from tenure.saml.errors import NotTrusted
from tenure.saml.names import ENTITY, SAML, SAMLP, q
from tenure.saml.parsing import boolean, child, id_of, instant, text_of, whole

#: A request asks for a handful; more is somebody who tries what we bear.
_MOST_CLASSES: Final = 40


@dataclass(frozen=True, slots=True)
class Head:
    """What every message begins with."""

    id: str
    issuer: str
    issued_at: datetime
    destination: str = ""


@dataclass(frozen=True, slots=True)
class NameIdPolicy:
    """Which form of the subject is asked for; `format` "" is any."""

    format: str = ""
    qualifier: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """A person as an application names them."""

    value: str
    format: str = ""
    qualifier: str = ""
    sp_qualifier: str = ""


@dataclass(frozen=True, slots=True)
class AuthnRequest:
    """SAML Core section 3.4.1."""

    head: Head
    consumer: str = ""
    consumer_index: int | None = None
    binding: str = ""
    force: bool = False
    passive: bool = False
    policy: NameIdPolicy = NameIdPolicy()
    context: Requested | None = None
    subject: Subject | None = None


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """SAML Core section 3.7.1. No `sessions`: all of the person's."""

    head: Head
    subject: Subject
    sessions: tuple[str, ...] = ()
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class LogoutResponse:
    """SAML Core section 3.7.2: `statuses` from the outermost to the innermost."""

    head: Head
    in_response_to: str
    statuses: tuple[str, ...]
    message: str = ""


def kind_of(root: _Element) -> str:
    """`AuthnRequest`, `LogoutRequest`, ...; "" for what is not of the protocol."""
    name = etree.QName(root)
    return name.localname if name.namespace == SAMLP else ""


def read_authn_request(root: _Element) -> AuthnRequest:
    """Raises `NotTrusted`."""
    _is(root, "AuthnRequest")
    consumer = (root.get("AssertionConsumerServiceURL") or "").strip()
    index = whole(root.get("AssertionConsumerServiceIndex"), "AssertionConsumerServiceIndex")
    if consumer and index is not None:
        raise NotTrusted("The request names an address to answer at, and an index of one too.")
    policy = child(root, SAMLP, "NameIDPolicy")
    subject = child(root, SAML, "Subject")
    return AuthnRequest(
        head=head_of(root),
        consumer=consumer,
        consumer_index=index,
        binding=(root.get("ProtocolBinding") or "").strip(),
        force=boolean(root.get("ForceAuthn"), "ForceAuthn"),
        passive=boolean(root.get("IsPassive"), "IsPassive"),
        policy=NameIdPolicy()
        if policy is None
        else NameIdPolicy(
            format=(policy.get("Format") or "").strip(),
            qualifier=(policy.get("SPNameQualifier") or "").strip(),
        ),
        context=_context(child(root, SAMLP, "RequestedAuthnContext")),
        subject=None if subject is None else _subject(subject),
    )


def read_logout_request(root: _Element) -> LogoutRequest:
    """Raises `NotTrusted`."""
    _is(root, "LogoutRequest")
    not_after = root.get("NotOnOrAfter")
    sessions = root.findall(q(SAMLP, "SessionIndex"))
    if len(sessions) > _MOST_CLASSES:
        raise NotTrusted("The request names too many sessions.")
    return LogoutRequest(
        head=head_of(root),
        subject=_subject(root),
        sessions=tuple(text_of(session) for session in sessions),
        not_after=None if not_after is None else instant(not_after, "NotOnOrAfter"),
    )


def read_logout_response(root: _Element) -> LogoutResponse:
    """Raises `NotTrusted`."""
    _is(root, "LogoutResponse")
    status = child(root, SAMLP, "Status")
    if status is None:
        raise NotTrusted("The answer has no Status.")
    statuses: list[str] = []
    code = child(status, SAMLP, "StatusCode")
    while code is not None and len(statuses) < 5:
        statuses.append(str(code.get("Value") or ""))
        code = child(code, SAMLP, "StatusCode")
    return LogoutResponse(
        head=head_of(root),
        in_response_to=str(root.get("InResponseTo") or ""),
        statuses=tuple(statuses),
        message=text_of(child(status, SAMLP, "StatusMessage"))[:500],
    )


def head_of(root: _Element) -> Head:
    """Raises `NotTrusted`."""
    if root.get("Version") != "2.0":
        raise NotTrusted(f"The message is SAML {str(root.get('Version'))[:10]}. Expected 2.0.")
    issuer = child(root, SAML, "Issuer")
    if issuer is not None and issuer.get("Format", ENTITY) != ENTITY:
        raise NotTrusted("The Issuer is not the name of an application.")
    name = text_of(issuer)
    if not name:
        raise NotTrusted("The message does not say who sends it: it has no Issuer.")
    issued = root.get("IssueInstant")
    if issued is None:
        raise NotTrusted("The message has no IssueInstant.")
    return Head(
        id=id_of(root),
        issuer=name,
        issued_at=instant(issued, "IssueInstant"),
        destination=(root.get("Destination") or "").strip(),
    )


def _is(root: _Element, name: str) -> None:
    if kind_of(root) != name:
        raise NotTrusted(f"The message is {etree.QName(root).localname[:60]}. Expected {name}.")


def _context(element: _Element | None) -> Requested | None:
    if element is None:
        return None
    classes = [text_of(found) for found in element.findall(q(SAML, "AuthnContextClassRef"))]
    if len(classes) > _MOST_CLASSES:
        raise NotTrusted("The request names too many ways to sign in.")
    # Declarations are compared as classes are; of those that we know there is none.
    classes += [text_of(found) for found in element.findall(q(SAML, "AuthnContextDeclRef"))]
    return contexts.requested(classes[:_MOST_CLASSES], element.get("Comparison") or "exact")


def _subject(parent: _Element) -> Subject:
    if child(parent, SAML, "EncryptedID") is not None:
        raise NotTrusted(
            "The person's name is encrypted, and Tenure publishes no key to encrypt for. Turn "
            "encrypted names off in the application."
        )
    name = child(parent, SAML, "NameID")
    if name is None:
        raise NotTrusted("The message names no person (NameID).")
    return Subject(
        value=text_of(name),
        format=name.get("Format") or "",
        qualifier=name.get("NameQualifier") or "",
        sp_qualifier=name.get("SPNameQualifier") or "",
    )
