"""Which addresses a connector may speak to, decided before anything is sent.

An administrator types the address of an application. What is typed there must not become a way to
read the cloud's metadata service, or to send a token in clear text. This module knows addresses
only; it must not know requests, connectors or settings.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from tenure.connectors.base import StopApplication

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Metadata services of clouds that are not link-local: Alibaba, Azure's wire server, AWS and Google
#: on IPv6.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("100.100.100.200", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254")
)
#: An IPv4 address in the last 32 bits of an IPv6 one: for translators (RFC 6052, RFC 6145, 2.2) and
#: of old (RFC 4291, 2.5.5.1).
_CARRIERS = tuple(
    ipaddress.IPv6Network(text) for text in ("64:ff9b::/96", "::ffff:0:0:0/96", "::/96")
)
_LOCAL = frozenset({ipaddress.IPv6Address("::"), ipaddress.IPv6Address("::1")})
_BROADCAST = ipaddress.IPv4Address("255.255.255.255")


class AddressRefused(OSError):
    """A name leads to an address that no application lives at. An OSError, as resolvers raise."""


class SafeResolver(AbstractResolver):
    """Resolves names as the machine does, and refuses those that lead to forbidden addresses.

    Checked at every look-up, not once when the settings are saved: a name may change its address.
    """

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        """`inner` looks names up; by default as the machine does."""
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """As `ThreadedResolver.resolve`. Raises `AddressRefused`, or OSError if there is none."""
        found = await self._inner.resolve(host, port, family)
        for result in found:
            if is_forbidden(result["host"]):
                raise AddressRefused(f"{host} leads to {result['host']}")
        return found

    async def close(self) -> None:
        await self._inner.close()


def checked_url(text: str, *, allow_http: bool) -> URL:
    """`text` as a base address without a slash at its end.

    Raises `StopApplication`, saying what is wrong with it: not a URL, not https (unless
    `allow_http` or loopback), with a user name, query or fragment, or a forbidden address.
    """
    try:
        url = URL(text.strip().rstrip("/"))
        host = url.host
    except ValueError:
        host, url = None, URL()
    if host is None or url.scheme not in {"http", "https"}:
        raise StopApplication(
            "The address is not a URL: give it as https://host/path, as in the application's guide."
        )
    if url.user or url.password or url.query_string or url.fragment:
        raise StopApplication(
            f"The address of {host} holds more than a host and a path: leave out user names, "
            "'?...' and '#...'; credentials have fields of their own."
        )
    if is_forbidden(host):
        raise StopApplication(
            f"The address {host} is link-local or a cloud's metadata service, never an "
            "application: correct the address."
        )
    if url.scheme == "http" and not (allow_http or is_loopback(host)):
        raise StopApplication(
            f"The address of {host} starts with http://, which would send the token readable for "
            "everyone on the way: use https://, or allow http for this application."
        )
    return url


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine by its usual names; no look-up is made."""
    if host.rstrip(".").casefold() == "localhost":
        return True
    address = _parse(host)
    return address is not None and _embedded(address).is_loopback


def is_forbidden(host: str) -> bool:
    """Whether `host`, where it is a literal address, is one that nothing may be sent to."""
    address = _parse(host)
    if address is None:
        return False
    inner = _embedded(address)
    return (
        inner.is_link_local
        or inner.is_unspecified
        or inner.is_multicast
        or inner == _BROADCAST
        or inner in _METADATA
    )


def _parse(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]").split("%", 1)[0])
    except ValueError:
        return None


def _embedded(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 one carries (mapped, translated, 6to4, Teredo), or the address
    itself."""
    if isinstance(address, ipaddress.IPv4Address) or address in _LOCAL:
        return address
    if any(address in carrier for carrier in _CARRIERS):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour or address
