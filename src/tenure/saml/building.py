"""Small things that every message of ours is made with: elements, ids, instants."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from lxml import etree
from lxml.etree import _Element

from tenure.saml.names import PREFIXES, SAML, SAMLP, q


def new_id() -> str:
    """An id that was never there and cannot be guessed: 160 bits (Core section 1.3.4 asks for 128
    at least), and a name by XML's rules."""
    return f"_{secrets.token_hex(20)}"


def stamp(at: datetime) -> str:
    """As SAML writes an instant: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def element(namespace: str, name: str, text: str = "", **attributes: str) -> _Element:
    """A root element; an attribute that is "" is left out."""
    return _filled(etree.Element(q(namespace, name), nsmap=_prefixes(namespace)), text, attributes)


def add(parent: _Element, namespace: str, name: str, text: str = "", **attributes: str) -> _Element:
    """The same below a parent."""
    made = etree.SubElement(parent, q(namespace, name), nsmap=_prefixes(namespace))
    return _filled(made, text, attributes)


def message(
    name: str, *, issuer: str, destination: str, at: datetime, id: str, in_response_to: str = ""
) -> _Element:
    """The head of a message of ours."""
    root = element(
        SAMLP,
        name,
        ID=id,
        Version="2.0",
        IssueInstant=stamp(at),
        Destination=destination,
        InResponseTo=in_response_to,
    )
    add(root, SAML, "Issuer", issuer)
    return root


def add_status(root: _Element, status: str, detail: str = "", text: str = "") -> None:
    """What came of it, outermost first."""
    holder = add(root, SAMLP, "Status")
    code = add(holder, SAMLP, "StatusCode", Value=status)
    if detail:
        add(code, SAMLP, "StatusCode", Value=detail)
    if text:
        add(holder, SAMLP, "StatusMessage", text)


def written(root: _Element) -> bytes:
    """The document as it is sent. Never indented: that would break signatures."""
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, with_tail=False)


def _prefixes(namespace: str) -> dict[str, str]:
    return {prefix: uri for prefix, uri in PREFIXES.items() if uri == namespace}


def _filled(made: _Element, text: str, attributes: dict[str, str]) -> _Element:
    for key, value in attributes.items():
        if value:
            made.set(key, value)
    if text:
        made.text = text
    return made
