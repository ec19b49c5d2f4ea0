"""What a request that got no whole answer means to the engine: an error by consequence.

The counterpart of `answers`. What decides is whether a write can have arrived: what could not be
sent is `RetryLater`; what was sent and not answered is `OutcomeUnknown`, and a read changed nothing
in any case. It must not know how a request is sent (see `http`).
"""

from __future__ import annotations

import errno
import re
import ssl

import aiohttp
from yarl import URL

from tenure.connectors.addresses import AddressRefused
from tenure.connectors.answers import Ask, Redactor
from tenure.connectors.base import ConnectorError, OutcomeUnknown, RetryLater, StopApplication


def too_large(ask: Ask, status: int, largest: int) -> ConnectorError:
    """The error for an answer of more than `largest` bytes, which is not read."""
    text = f"{ask} was answered {status} with more than {largest // 1024} KiB"
    if ask.write:
        return OutcomeUnknown(
            f"{text}, which is not read: whether it was done is not known. It is looked at "
            "before anything is sent again."
        )
    return StopApplication(f"{text}: ask for fewer at once (a smaller page size).")


def unanswered(
    ask: Ask, error: Exception, *, where: str, patience: float, redact: Redactor
) -> ConnectorError:
    """The error for a request that got no answer from `where`, a host and its port, within
    `patience` seconds. Its text holds nothing that `redact` hides."""
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return StopApplication(
            f"{ask}: the encrypted connection to {where} failed: "
            f"{redact(_tls_reason(error))}. Nothing was sent. Check the server's "
            "certificate, its name and its issuer."
        )
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(
        error.os_error, AddressRefused
    ):
        return StopApplication(
            f"{ask}: {redact(str(error.os_error))}, which is link-local or a cloud's "
            "metadata service, never an application: correct the address."
        )
    if isinstance(error, ValueError):
        return StopApplication(
            f"{ask} cannot be sent: the address or the credentials hold characters that are "
            "not allowed there. Enter them again."
        )
    if (never_sent := _never_sent(error)) is not None:
        return RetryLater(f"{ask}: {never_sent.format(where=where)} Nothing was sent.")
    what = _silence(error, patience)
    if ask.write:
        return OutcomeUnknown(
            f"{ask} was sent to {where}, and {what}: whether it was done is not known. It is "
            "looked at before anything is sent again."
        )
    return RetryLater(f"{ask} was sent to {where}, and {what}. It is read again later.")


def why_unanswered(error: Exception, address: URL | str, *, patience: float) -> str:
    """Why a request that is sent outside of a connector (for a token, a document, a notice) got no
    answer from the host of `address` within `patience` seconds: what may follow a colon. May
    hold what was to be sent, where that could not be."""
    where = _where(address)
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return f"the encrypted connection to {where} failed: {_tls_reason(error).rstrip('.')}."
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(
        error.os_error, AddressRefused
    ):
        return f"{error.os_error}: correct the address."
    if (never_sent := _never_sent(error)) is not None:
        return never_sent.format(where=where)
    if isinstance(error, ValueError):
        return f"{type(error).__name__}: {error}".rstrip(".:") + "."
    return f"it was asked at {where}, and {_silence(error, patience)}."


def _silence(error: Exception, patience: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no complete answer came within {patience:g} seconds"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the answer broke off"
    if isinstance(error, aiohttp.ClientResponseError):
        return "the answer is not HTTP"
    return "the connection was closed without an answer"


def _never_sent(error: Exception) -> str | None:
    """Why nothing can have arrived, or None where something can have."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the name of {where} is not known (DNS). Check the address and the name server."
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "{where} does not take the connection in time. Check that it is up and reachable."
    if isinstance(error, aiohttp.ClientConnectorError):
        if _is_refused(error.os_error):
            return "{where} refuses the connection. Check the port, and that it is running."
        return "{where} cannot be reached. Check the address, the network and any firewall."
    return None


def _where(address: URL | str) -> str:
    try:
        url = URL(address)
        return f"{url.host}:{url.port}" if url.host else str(address)
    except ValueError:
        return str(address)


def _is_refused(error: OSError) -> bool:
    """Also by every address that the name leads to: then it is one error with all of them as its
    text, and with no number of its own."""
    numbers = re.findall(r"\[Errno (\d+)\]", str(error)) if error.errno is None else []
    every = bool(numbers) and {*map(int, numbers)} == {errno.ECONNREFUSED}
    return isinstance(error, ConnectionRefusedError) or every


def _tls_reason(error: Exception) -> str:
    inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    return str(getattr(inner, "verify_message", "") or getattr(inner, "reason", "") or inner)
