"""Requests outside of a connector that got no answer: which host, why, and what to do, in words."""

from __future__ import annotations

import errno

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

from tenure.connectors.addresses import AddressRefused
from tenure.connectors.fetching import CannotFetch, Document, fetch
from tenure.connectors.unanswered import why_unanswered
from tests.connectors.servers import free_port

KEY = ConnectionKey("hr.example", 443, True, True, None, None, None)
BOTH = (
    "Multiple exceptions: [Errno 111] Connect call failed ('::1', 443, 0, 0), "
    "[Errno 111] Connect call failed ('127.0.0.1', 443)"
)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(errno.ECONNREFUSED, "no")),
            "hr.example:443 refuses the connection. Check the port, and that it is running.",
        ),
        (aiohttp.ClientConnectorError(KEY, OSError(BOTH)), "hr.example:443 refuses the connection"),
        (
            aiohttp.ClientConnectorError(KEY, OSError(errno.ENETUNREACH, "Network unreachable")),
            "hr.example:443 cannot be reached. Check the address",
        ),
        (
            aiohttp.ClientConnectorDNSError(KEY, OSError(None, None)),
            "the name of hr.example:443 is not known (DNS).",
        ),
        (
            aiohttp.ClientConnectorError(KEY, AddressRefused("hr.example leads to 169.254.1.1")),
            "hr.example leads to 169.254.1.1: correct the address.",
        ),
        (TimeoutError(), "hr.example:443, and no complete answer came within 5 seconds."),
        (aiohttp.ServerDisconnectedError(), "the connection was closed without an answer."),
        (aiohttp.InvalidURL("x y"), "InvalidURL: x y."),
    ],
)
def test_it_says_the_host_and_the_reason(error: Exception, said: str) -> None:
    told = why_unanswered(error, URL("https://hr.example/x"), patience=5)
    assert said in told
    assert "None" not in told


def test_what_is_no_address_is_told_as_it_is() -> None:
    assert "http://[broken" in why_unanswered(TimeoutError(), "http://[broken", patience=5)


def test_a_document_of_a_machine_that_does_not_listen() -> None:
    port = free_port()
    with pytest.raises(CannotFetch) as told:
        fetch(f"http://localhost:{port}/keys", Document(largest=10))
    assert f"localhost:{port} refuses the connection." in str(told.value)
    assert "[None]" not in str(told.value)
