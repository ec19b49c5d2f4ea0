"""Token Status List: whether an issuer has taken a credential back. The list is a signed token, of
which each credential has one place (draft-ietf-oauth-status-list)."""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any, Final

from joserfc.jwk import ECKey

from tenure.wallet.errors import NotBelieved
from tenure.wallet.reading import Json, check_times, from_text, verified
from tenure.wallet.trust import Issuer

KIND: Final = "statuslist+jwt"
VALID: Final = 0
#: A million credentials at eight bits.
_LARGEST: Final = 1024 * 1024


def place_of(claims: Json, issuer: Issuer) -> tuple[str, int] | None:
    """The list that the credential names, and its place there; None where it names none. A list
    that is not known to be the issuer's is not looked at, and the credential not believed."""
    status = claims.get("status")
    if status is None:
        return None
    found = status.get("status_list") if isinstance(status, dict) else None
    uri = found.get("uri") if isinstance(found, dict) else None
    index = found.get("idx") if isinstance(found, dict) else None
    if not isinstance(uri, str) or isinstance(index, bool) or not isinstance(index, int):
        raise NotBelieved("The credential says in an unknown way whether it still counts (status).")
    if index < 0 or not any(uri.startswith(prefix) for prefix in issuer.status_lists):
        raise NotBelieved(
            f"{issuer.name}: its status list {uri[:200]!r} is not among its `status_lists`."
        )
    return uri, index


def status_at(token: str, key: ECKey, uri: str, index: int, at: datetime) -> int:
    """What the list says at this place: 0 is valid. Raises `NotBelieved`."""
    payload = verified(token, key, kind=KIND)
    if payload.get("sub") != uri:
        raise NotBelieved("The status list is another one (sub).")
    check_times(payload, at, what="The status list")
    listed: Any = payload.get("status_list")
    bits = listed.get("bits") if isinstance(listed, dict) else None
    packed = listed.get("lst") if isinstance(listed, dict) else None
    if bits not in (1, 2, 4, 8) or not isinstance(packed, str):
        raise NotBelieved("The status list is none.")
    data = _unpacked(from_text(packed))
    place, shift = divmod(index * bits, 8)
    if place >= len(data):
        raise NotBelieved("The status list has no such place.")
    return int(data[place] >> shift) & ((1 << int(bits)) - 1)


def _unpacked(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(data, _LARGEST)
    except zlib.error as error:
        raise NotBelieved("The status list cannot be unpacked.") from error
    if not stream.eof:
        raise NotBelieved("The status list is very long, or cut.")
    return found
