"""Addresses inside addresses, and names that change what they lead to."""

from __future__ import annotations

import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from tenure.connectors import fetching
from tenure.connectors.addresses import AddressRefused, SafeResolver, is_forbidden, is_loopback


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "::ffff:0:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "2001:0:4136:e378:8000:63bf:5601:5601",
        "fe80::1%eth0",
        "[fe80::1]",
        "255.255.255.255",
        "0.0.0.0",
        "::",
        "ff02::1",
        "168.63.129.16",
    ],
)
def test_what_no_application_lives_at(host: str) -> None:
    assert is_forbidden(host)


@pytest.mark.parametrize("host", ["10.1.2.3", "192.168.0.1", "8.8.8.8", "2001:db8::1", "name.test"])
def test_what_one_may_live_at(host: str) -> None:
    assert not is_forbidden(host)


@pytest.mark.parametrize("host", ["::1", "127.0.0.1", "localhost.", "::ffff:127.0.0.1"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)
    assert not is_forbidden(host)


class Rebinding(AbstractResolver):
    """A name server that answers well once, and with the metadata service from then on."""

    def __init__(self) -> None:
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        address = "93.184.216.34" if self.asked == 1 else "169.254.169.254"
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=family,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        pass


async def test_a_name_is_checked_whenever_it_is_looked_up() -> None:
    """What comes out of the resolver is what is connected to: nothing is looked up after it."""
    resolver = SafeResolver(Rebinding())
    assert (await resolver.resolve("app.example", 443))[0]["host"] == "93.184.216.34"
    with pytest.raises(AddressRefused, match=r"app\.example leads to 169\.254\.169\.254"):
        await resolver.resolve("app.example", 443)


@pytest.mark.parametrize(
    "host",
    ["2852039166", "169.254.43518", "0251.0376.0251.0376", "169.254.169.254.",
     "１６９.254.169.254", "[::ffff:a9fe:a9fe]"],
)  # fmt: skip
def test_however_a_forbidden_address_is_written_nothing_is_sent(host: str) -> None:
    """Operating systems read numbers as addresses that are none by RFC 3986."""
    refused = r"no address of a document|not a canonical IPv4 address"
    with pytest.raises(fetching.CannotFetch, match=refused):
        fetching.fetch(f"https://{host}/", fetching.Document(100))
