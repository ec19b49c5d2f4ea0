"""Where in the world an address is, in words that a person recognises: what the company calls its
own networks, otherwise the town and country of a file that an administrator has put on this
machine. Nobody elsewhere is ever asked."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from tenure.people.onboarding import onboarding_of
from tenure.people.services import company

_log: Final = logging.getLogger(__name__)


class PlacesUnreadable(ValueError):
    """The file of places cannot be used; `str()` says why and what to do."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What is known of an address: the company's name of the network, or the place in words and
    the country (ISO 3166-1, two letters). Empty: not known."""

    network: str = ""
    place: str = ""
    country: str = ""


def place_of(address: str | None) -> str:
    """`Berlin office`, `Budapest, Hungary`; empty where it is not known."""
    found = whereabouts(address)
    return found.network or found.place


def whereabouts(address: str | None) -> Whereabouts:
    """Where it is, by the company's networks, else by the file."""
    try:
        where = ipaddress.ip_address(address or "")
    except ValueError:
        return Whereabouts()
    named = network_of(where, onboarding_of(company().onboarding).networks)
    if named or not settings.TENURE_PLACES:
        return Whereabouts(network=named)
    try:
        record = open_file(settings.TENURE_PLACES).get(str(where))
    except (PlacesUnreadable, ValueError) as error:
        _log.warning("No place for an address: %s", error)
        return Whereabouts()
    return Whereabouts(place=_told(record), country=_country(record))


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


def _country(record: Any) -> str:
    """The country's code, of a file of towns or of countries alike."""
    found = record.get("country") if isinstance(record, dict) else None
    code = found.get("iso_code") if isinstance(found, dict) else ""
    return code if isinstance(code, str) else ""


def _told(record: Any) -> str:
    """Town and country of a record, as far as it has them."""
    if not isinstance(record, dict):
        return ""
    names = [record.get(part, {}).get("names", {}).get("en", "") for part in ("city", "country")]
    return ", ".join(filter(None, names))
