"""XML from outside to elements that can be read without fear: no document type and so no entities,
nothing fetched, bounded size, and text that is what it seems.

A text that a comment cuts in two is read whole by one library and by half by another ("CVE-2017-
11427" and its kin: `admin@a.example<!---->.evil.example`), so messages with comments or processing
instructions are refused. Metadata, which people write by hand, may have comments: they are dropped
before anything is read.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from lxml import etree
from lxml.etree import _Element

from tenure.saml.errors import NotTrusted
from tenure.saml.names import q

#: A message is a few thousand characters; one with a long list of requested attributes is more.
LONGEST_MESSAGE = 128 * 1024
LONGEST_METADATA = 4 * 1024 * 1024
_NCNAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,255}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?")
_IDS = frozenset({"id", "{http://www.w3.org/xml/1998/namespace}id"})


def parse_message(data: bytes) -> _Element:
    """The root element of a protocol message. Raises `NotTrusted`."""
    if len(data) > LONGEST_MESSAGE:
        raise NotTrusted(f"The message is longer than {LONGEST_MESSAGE // 1024} KiB.")
    root = _parse(data, comments=False)
    for node in root.getroottree().iter():
        if not isinstance(node.tag, str):
            raise NotTrusted(
                "The message has a comment or a processing instruction. They can make text look "
                "different to different readers, so such messages are refused."
            )
    if root.getprevious() is not None or root.getnext() is not None:
        raise NotTrusted("There is something outside of the message's element.")
    _ids_are_unique(root)
    return root


def parse_metadata(data: bytes) -> _Element:
    """The root element of a metadata document. Raises `NotTrusted`."""
    if len(data) > LONGEST_METADATA:
        raise NotTrusted(f"The metadata is longer than {LONGEST_METADATA // 2**20} MiB.")
    root = _parse(data, comments=True)
    _ids_are_unique(root)
    return root


def _parse(data: bytes, *, comments: bool) -> _Element:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotTrusted("The XML is not UTF-8.") from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise NotTrusted("The XML has a document type. SAML has none, and entities are refused.")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=comments,
        remove_pis=comments,
    )
    try:
        root = etree.fromstring(text.encode().strip(), parser)
    except etree.XMLSyntaxError as error:
        raise NotTrusted(f"This is no XML: {error.msg}.") from error
    if root.getroottree().docinfo.doctype:
        raise NotTrusted("The XML has a document type.")
    return root


def _ids_are_unique(root: _Element) -> None:
    """Whatever looks like an id, in any spelling, is there once: a signature names what it signs
    by id, and must not find another."""
    seen: set[str] = set()
    for node in root.iter():
        for name, value in node.attrib.items():
            if str(name).lower() not in _IDS:
                continue
            if value in seen:
                raise NotTrusted(f"The id {str(value)[:80]!r} is there twice.")
            seen.add(str(value))


def child(parent: _Element, namespace: str, name: str) -> _Element | None:
    """The one child of this name; None where there is none. Raises `NotTrusted` for several."""
    found = parent.findall(q(namespace, name))
    if len(found) > 1:
        raise NotTrusted(f"{name} is there {len(found)} times. Expected once.")
    return found[0] if found else None


def text_of(element: _Element | None) -> str:
    """The whole text of an element without elements in it, trimmed. Raises `NotTrusted`."""
    if element is None:
        return ""
    if len(element):
        raise NotTrusted(f"{etree.QName(element).localname} has more in it than text.")
    return (element.text or "").strip()


def id_of(root: _Element) -> str:
    """The message's id. Raises `NotTrusted`."""
    found = str(root.get("ID") or "")
    if not _NCNAME.fullmatch(found):
        raise NotTrusted("The message has no proper ID (a name that begins with a letter or '_').")
    return found


def instant(text: str, what: str) -> datetime:
    """An instant of SAML, which is UTC (Core section 1.3.3). Raises `NotTrusted`."""
    if not _INSTANT.fullmatch(text):
        raise NotTrusted(f"{what} is {text[:40]!r}. Expected an instant as 2026-01-31T12:00:00Z.")
    shorter = re.sub(r"(\.\d{6})\d+", r"\1", text)
    try:
        found = datetime.fromisoformat(shorter)
    except ValueError as error:
        raise NotTrusted(f"{what} is {text[:40]!r}, which is no instant.") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def boolean(text: str | None, what: str) -> bool:
    """A boolean of XML Schema; absent is false. Raises `NotTrusted`."""
    match (text or "false").strip():
        case "true" | "1":
            return True
        case "false" | "0":
            return False
    raise NotTrusted(f"{what} is {str(text)[:40]!r}. Expected true or false.")


def whole(text: str | None, what: str) -> int | None:
    """An index (unsignedShort); None where there is none. Raises `NotTrusted`."""
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,5}", text.strip(), re.ASCII):
        raise NotTrusted(f"{what} is {text[:40]!r}. Expected a number.")
    return int(text)
