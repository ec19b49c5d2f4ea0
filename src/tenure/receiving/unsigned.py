"""Webhooks of sources that sign nothing: proved by a secret that we made, in the address or as what
is entered with it, and from networks of the source where those are known.

What such a webhook says is believed less than a signed one: that something changed, and where the
source's specification says how, whose record it is.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_address, ip_network

from tenure.readers.base import ReaderError
from tenure.readers.webhook import Hint, Hinted, said
from tenure.receiving import hints
from tenure.receiving.hints import Refused
from tenure.scim_server import tokens
from tenure.scim_server.models import PushToken
from tenure.sources.models import Source
from tenure.sources.opening import open_source

log = logging.getLogger(__name__)
_BASIC = re.compile(r"Basic +([A-Za-z0-9+/=]+)", re.IGNORECASE)
_SCHEME = re.compile(r"(?:Bearer|Token) +", re.IGNORECASE)


class TooOften(Exception):
    """More than is taken at present. Whoever sent it sends it again."""


def receive(
    slug: str, shown: str, body: bytes, *, address: str | None, at: datetime, event: str = ""
) -> None:
    """Keep what a webhook says, that showed this secret. Raises `Refused` and `TooOften`."""
    row = tokens.hook_of(shown, at) if shown else None
    if row is None or row.source.slug != slug:
        raise Refused("the secret in its address, or its password, is none of this source")
    if not _from_there(row, address):
        raise Refused(f"it came from {address}, where {row.name} of this source is not")
    if tokens.too_often(row, at):
        raise TooOften(row.name)
    found = _said(row.source, body)
    if found is None or found.ids:
        hints.keep(row.source, body, found)


def secret_in(authorization: str | None) -> str:
    """What an Authorization header shows: the password (RFC 7617), a token, or just itself."""
    text = (authorization or "").strip()
    basic = _BASIC.fullmatch(text)
    if basic is None:
        return _SCHEME.sub("", text, count=1)
    try:
        return base64.b64decode(basic[1], validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def proved_by(headers: Mapping[str, str], in_address: str) -> str:
    """The secret that a request shows, "" where it shows none of ours."""
    shown = in_address or secret_in(headers.get("Authorization"))
    return shown if tokens.is_hook(shown) else ""


def _from_there(row: PushToken, address: str | None) -> bool:
    if not row.networks:
        return True
    if address is None:
        return False
    mine = ip_address(address)
    return any(mine in ip_network(text) for text in row.networks)


def _said(source: Source, body: bytes) -> Hint | None:
    """Which records it names; None where nobody knows how it says that, so that whatever changed
    is asked for. One of no interest names none."""
    try:
        reader = open_source(source)
    except ReaderError as error:
        # The secret was right: it is asked what changed, and tried again until that can be done.
        log.warning("Webhook for %s: %s", source.slug, error)
        return None
    if not isinstance(reader, Hinted):
        return None
    found = said(reader.webhook, body)
    return found if found.ids or found.event else None
