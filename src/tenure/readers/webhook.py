"""What a source's webhooks look like, as data, and whether one is genuine.

A webhook is a hint: it says which records to look at again, never what is in them. This module
knows bytes and headers; it must not know how a webhook came in, or what is done with it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from tenure.connectors.rest.paths import json_path

#: Seconds by which the time of a webhook may differ from ours.
TOLERANCE = 300
_PLACE = re.compile(r"\{(\w+)\}")


class NotGenuine(Exception):
    """It is not from the source, or an old one that was sent again. str() says why, for a log."""


def _place(text: str) -> str:
    json_path(text)
    return text


Place = Annotated[str, AfterValidator(_place)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Signature(_Part):
    """A keyed digest (HMAC, RFC 2104) in a header."""

    header: str = Field(min_length=1)
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = Field(default="", description="What stands before it: sha256=.")
    signed: str = Field(
        default="{body}",
        description="What is signed: a text with {body}, {timestamp} (the header's text) and "
        "{method} in it.",
    )
    encoded_key: bool = Field(default=False, description="The secret is a key in base64.")

    @model_validator(mode="after")
    def _known(self) -> Signature:
        unknown = set(_PLACE.findall(self.signed)) - {"body", "timestamp", "method"}
        if unknown or "{body}" not in self.signed:
            raise ValueError("`signed` has {body}, and may have {timestamp} and {method}.")
        return self


class Shared(_Part):
    """A header that is the secret itself, for sources that sign nothing."""

    header: str = Field(min_length=1)
    prefix: str = ""


class Stamp(_Part):
    """A header with the time at which it was sent, so that an old one is told from a new one."""

    header: str = Field(min_length=1)
    form: Literal["epoch", "epoch_ms", "iso"] = "epoch"


class Echo(_Part):
    """A header whose value is sent back in the answer, where a subscription is confirmed so."""

    header: str = Field(min_length=1)


class Webhook(_Part):
    """What a source sends when something changes."""

    secret: str = Field(description="The name of the source's secret that it is proved with.")
    signature: Signature | None = None
    token: Shared | None = None
    timestamp: Stamp | None = None
    ids: list[Place] = Field(
        min_length=1, description="Where the ids of the records are; the first that are there."
    )
    event: Place = Field(default="", description="Where the name of the event is.")
    only: list[str] = Field(
        default_factory=list, description="The events that matter: employee.*. Empty: all."
    )
    gone: list[str] = Field(
        default_factory=list, description="Those that say that the record was deleted."
    )
    echo: Echo | None = None

    @model_validator(mode="after")
    def _proved(self) -> Webhook:
        if (self.signature is None) == (self.token is None):
            raise ValueError("Give `signature`, or `token` where nothing is signed.")
        signed = self.signature.signed if self.signature else ""
        if "{timestamp}" in signed and self.timestamp is None:
            raise ValueError("{timestamp} is signed: say in `timestamp` where it is.")
        return self


@dataclass(frozen=True, slots=True)
class Hint:
    """What a genuine webhook says: which records to look at. `gone`: they were deleted, as it
    says. No ids: it is of no interest."""

    ids: tuple[str, ...] = ()
    gone: bool = False
    event: str = ""


@runtime_checkable
class Hinted(Protocol):
    """A source that sends webhooks."""

    webhook: Webhook


def hint(
    webhook: Webhook,
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    *,
    method: str = "POST",
) -> Hint:
    """What the webhook says. `headers` by any case; one that is genuine and no JSON, as some send
    to see whether anybody is there, says nothing. Raises `NotGenuine`."""
    found = {name.lower(): value for name, value in headers.items()}
    stamp = _stamp(webhook, found, now)
    if webhook.signature is not None:
        _check_signature(webhook.signature, secret, found, body, stamp, method)
    elif webhook.token is not None:
        given = found.get(webhook.token.header.lower(), "").removeprefix(webhook.token.prefix)
        if not secret or not hmac.compare_digest(given.encode(), secret.encode()):
            raise NotGenuine(f"The header {webhook.token.header} is not the secret.")
    return said(webhook, body)


def _stamp(webhook: Webhook, headers: Mapping[str, str], now: datetime) -> str:
    """The text of the time header. Raises `NotGenuine` for one that is long ago, or to come."""
    if webhook.timestamp is None:
        return ""
    text = headers.get(webhook.timestamp.header.lower(), "").strip()
    try:
        if webhook.timestamp.form == "iso":
            at = datetime.fromisoformat(text)
            at = at if at.tzinfo else at.replace(tzinfo=UTC)
        else:
            divisor = 1000 if webhook.timestamp.form == "epoch_ms" else 1
            at = datetime.fromtimestamp(float(text) / divisor, UTC)
    except (ValueError, OverflowError, OSError):
        raise NotGenuine(f"The header {webhook.timestamp.header} holds no time.") from None
    if abs((now - at).total_seconds()) > TOLERANCE:
        raise NotGenuine(f"It says that it was sent at {at.isoformat()}, which is not now.")
    return text


def _check_signature(
    signature: Signature,
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    stamp: str,
    method: str,
) -> None:
    given = headers.get(signature.header.lower(), "").strip()
    if not secret or not given.startswith(signature.prefix):
        raise NotGenuine(f"The header {signature.header} holds no signature.")
    try:
        key = base64.b64decode(secret, validate=True) if signature.encoded_key else secret.encode()
    except ValueError:
        raise NotGenuine("The secret is no key in base64.") from None
    digest = hmac.new(key, _signed(signature.signed, body, stamp, method), signature.algorithm)
    made = digest.hexdigest()
    if signature.encoding == "base64":
        made = base64.b64encode(digest.digest()).decode()
    given = given.removeprefix(signature.prefix)
    given = given.lower() if signature.encoding == "hex" else given
    if not hmac.compare_digest(given.encode(), made.encode()):
        raise NotGenuine(f"The signature in {signature.header} is not that of this body.")


def _signed(text: str, body: bytes, stamp: str, method: str) -> bytes:
    values = {"body": body, "timestamp": stamp.encode(), "method": method.encode()}
    parts = _PLACE.split(text)
    return b"".join(values[part] if at % 2 else part.encode() for at, part in enumerate(parts))


def said(webhook: Webhook, body: bytes) -> Hint:
    """What it says, whoever sent it: which records to look at, and what happened."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Hint()
    event = str(json_path(webhook.event).get(document) or "") if webhook.event else ""
    if webhook.only and not any(fnmatchcase(event, one) for one in webhook.only):
        return Hint(event=event)
    ids: tuple[str, ...] = ()
    for place in webhook.ids:
        ids = _texts(json_path(place).get(document))
        if ids:
            break
    return Hint(ids, any(fnmatchcase(event, one) for one in webhook.gone), event)


def _texts(found: Any) -> tuple[str, ...]:
    several = found if isinstance(found, list) else [found]
    texts = (str(one) for one in several if isinstance(one, str | int) and one != "")
    return tuple(dict.fromkeys(texts))


def digest_of(body: bytes) -> str:
    """What tells one webhook from another where no time is signed."""
    return hashlib.sha256(body).hexdigest()
