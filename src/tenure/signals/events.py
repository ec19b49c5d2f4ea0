"""The events of the Shared Signals Framework that are spoken here: their types as addresses, and
the members of each (SSF 1.0, CAEP 1.0, RISC 1.0). Knows no database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

_CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
_RISC = "https://schemas.openid.net/secevent/risc/event-type/"
_SSF = "https://schemas.openid.net/secevent/ssf/event-type/"


class EventType(StrEnum):
    """By its last part, which is how people name it; `uri` is what goes out."""

    SESSION_REVOKED = "session-revoked"
    CREDENTIAL_CHANGE = "credential-change"
    ACCOUNT_DISABLED = "account-disabled"
    ACCOUNT_ENABLED = "account-enabled"
    ACCOUNT_PURGED = "account-purged"
    CREDENTIAL_COMPROMISE = "credential-compromise"
    CREDENTIAL_CHANGE_REQUIRED = "account-credential-change-required"
    RISK_LEVEL_CHANGE = "risk-level-change"
    VERIFICATION = "verification"
    STREAM_UPDATED = "stream-updated"

    @property
    def uri(self) -> str:
        return _FAMILIES[self] + self.value


_FAMILIES: Mapping[EventType, str] = {
    EventType.SESSION_REVOKED: _CAEP,
    EventType.CREDENTIAL_CHANGE: _CAEP,
    EventType.RISK_LEVEL_CHANGE: _CAEP,
    EventType.ACCOUNT_DISABLED: _RISC,
    EventType.ACCOUNT_ENABLED: _RISC,
    EventType.ACCOUNT_PURGED: _RISC,
    EventType.CREDENTIAL_COMPROMISE: _RISC,
    EventType.CREDENTIAL_CHANGE_REQUIRED: _RISC,
    EventType.VERIFICATION: _SSF,
    EventType.STREAM_UPDATED: _SSF,
}
_BY_URI: Mapping[str, EventType] = {kind.uri: kind for kind in EventType}
#: What a stream may ask for.
SENT: tuple[EventType, ...] = (
    EventType.SESSION_REVOKED,
    EventType.CREDENTIAL_CHANGE,
    EventType.ACCOUNT_DISABLED,
    EventType.ACCOUNT_ENABLED,
    EventType.ACCOUNT_PURGED,
)
#: What of others can be acted on.
UNDERSTOOD: tuple[EventType, ...] = (
    EventType.SESSION_REVOKED,
    EventType.CREDENTIAL_CHANGE,
    EventType.RISK_LEVEL_CHANGE,
    EventType.ACCOUNT_DISABLED,
    EventType.ACCOUNT_PURGED,
    EventType.CREDENTIAL_COMPROMISE,
    EventType.CREDENTIAL_CHANGE_REQUIRED,
)


def of_uri(uri: str) -> EventType | None:
    """None for one that is not spoken here."""
    return _BY_URI.get(uri)


def uris(kinds: Iterable[EventType]) -> list[str]:
    """As they go out."""
    return [kind.uri for kind in kinds]


def session_revoked(at: datetime, because: str) -> dict[str, Any]:
    """Members of CAEP's session-revoked: with a user as its subject it is all their sessions."""
    return _caep(at, because)


def keys_revoked(at: datetime, because: str) -> dict[str, Any]:
    """Members of CAEP's credential-change: passkeys are worth nothing any more."""
    return {"credential_type": "fido2-platform", "change_type": "revoke", **_caep(at, because)}


def _caep(at: datetime, because: str) -> dict[str, Any]:
    members: dict[str, Any] = {
        "event_timestamp": int(at.timestamp()),
        "initiating_entity": "admin",
    }
    if because:
        members["reason_admin"] = {"en": because}
    return members
