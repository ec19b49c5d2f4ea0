"""Where in the world an address is, in words that a person recognises: what the company calls its
own networks, otherwise the town and country of a file that an administrator has put on this
machine. Nobody elsewhere is ever asked, and nothing is decided by the answer."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from tenure.people.onboarding import onboarding_of
from tenure.people.services import company

_log: Final = logging.getLogger(__name__)


class PlacesUnreadable(ValueError):
    """The file of places cannot be used; `str()` says why and what to do."""


def place_of(address: str | None) -> str:
    """`Berlin office`, `Budapest, Hungary`; empty where it is not known."""
    try:
        where = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    named = network_of(where, onboarding_of(company().onboarding).networks)
    if named or not settings.TENURE_PLACES:
        return named
    try:
        return _told(open_file(settings.TENURE_PLACES).get(str(where)))
    except (PlacesUnreadable, ValueError) as error:
        _log.warning("No place for an address: %s", error)
        return ""


def network_of(
    where: ipaddress.IPv4Address | ipaddress.IPv6Address,
    networks: Mapping[str, tuple[str, ...]],
) -> str:
    """The name of the smallest of these networks that the address is in; empty if in none."""
    found = [
        (net.prefixlen, name)
        for name, ranges in networks.items()
        for net in map(ipaddress.ip_network, ranges)
        if where in net
    ]
    return max(found)[1] if found else ""


def open_file(path: str) -> Any:
    """The MMDB file (GeoLite2, DB-IP, ...), opened anew when it was replaced. Raises
    `PlacesUnreadable`."""
    try:
        return _open(path, Path(path).stat().st_mtime_ns)
    except OSError as error:
        raise PlacesUnreadable(f"TENURE_PLACES: {path}: {error.strerror or error}") from error


@lru_cache(maxsize=1)
def _open(path: str, _changed: int) -> Any:
    try:
        import maxminddb
    except ImportError as error:
        raise PlacesUnreadable(
            "TENURE_PLACES needs what reads such files: pip install 'tenure[places]'"
        ) from error
    try:
        return maxminddb.open_database(path)
    except maxminddb.InvalidDatabaseError as error:
        raise PlacesUnreadable(
            f"TENURE_PLACES: {path} is no MMDB file. Expected one such as GeoLite2-City.mmdb."
        ) from error


def _told(record: Any) -> str:
    """Town and country of a record, as far as it has them."""
    if not isinstance(record, dict):
        return ""
    names = [record.get(part, {}).get("names", {}).get("en", "") for part in ("city", "country")]
    return ", ".join(filter(None, names))
