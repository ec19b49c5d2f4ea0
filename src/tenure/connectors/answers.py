"""What an application's answer means to the engine: a status and a body become an error by
consequence.

One table for every HTTP connector, so that no vendor's folder decides on its own what is safe to
send again. It must not know how the answer came (see `http`), nor any one application.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

import orjson

from tenure.connectors.base import (
    AlreadyExists,
    ConnectorError,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    StopApplication,
    Unsupported,
)
from tenure.connectors.throttle import retry_after

_LONGEST_QUOTE = 300
_LONGEST_TEXT = 64 * 1024
_SHORTEST_SECRET = 4
_BEARER = re.compile(r"\b(Bearer|Basic|Token)\s+[^\s\"',;]{6,}", re.IGNORECASE)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_HIDDEN = "(hidden)"

#: Seconds to wait after a 429 that does not say how long.
_AFTER_TOO_MANY = 2.0


class HttpRejected(Rejected):
    """`Rejected`, with what the connector needs to try another way of saying the same.

    `status` is the HTTP status, `code` the application's own word for the mistake (`scimType`).
    """

    def __init__(
        self, message: str, fields: Sequence[str] = (), *, status: int = 0, code: str = ""
    ) -> None:
        super().__init__(message, fields)
        self.status = status
        self.code = code


class Ask(NamedTuple):
    """One request, as far as its outcome depends on it.

    `write`: it may have changed something once it was sent. `single`: the path names one resource,
    so that a 403 speaks of that resource and not of the credentials. `weight`: as how many requests
    it counts.
    """

    method: str
    path: str
    write: bool
    single: bool = False
    weight: int = 1

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_page(self) -> bool:
        """Whether it is a web page and not data, whatever it calls itself."""
        if self.body[:1] in (b"{", b"["):
            return False
        start = self.body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        called_page = "html" in self.headers.get("Content-Type", "").lower()
        return start.startswith((b"<!doctype", b"<html", b"<head", b"<body")) or (
            called_page and start[:1] not in (b"{", b"[")
        )


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an error body says: a sentence, and the application's word for the mistake."""

    detail: str = ""
    code: str = ""


Explain = Callable[[Any], Explanation]


class Redactor:
    """Takes secrets out of text that an administrator, a log or an audit trail will hold."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets: list[str] = []
        for secret in secrets:
            self.hide(secret)

    def hide(self, secret: str) -> None:
        """One more that must not be shown, such as a token that was given just now."""
        if secret not in self._secrets and len(secret) >= _SHORTEST_SECRET:
            # Longest first, so that a secret that contains another goes as a whole.
            every = {*self._secrets, *_spellings(secret)}
            self._secrets = sorted(every, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        text = _UNPRINTABLE.sub(" ", _BEARER.sub(rf"\1 {_HIDDEN}", text)).strip()
        return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."


def _spellings(secret: str) -> set[str]:
    """As it is, and as it stands in an address, a form or JSON, which errors like to quote."""
    json = orjson.dumps(secret.encode(errors="replace").decode()).decode()[1:-1]
    safe = secret.encode(errors="replace")
    return {secret, json, quote(safe, safe=""), quote(safe), quote_plus(safe)}


def explain(body: Any) -> Explanation:
    """The error bodies of SCIM (RFC 7644, 3.12; 1.1, 3.9) and of most other interfaces."""
    if not isinstance(body, dict):
        return Explanation()
    listed = body.get("Errors")
    if isinstance(listed, list) and listed and isinstance(listed[0], dict):
        return Explanation(str(listed[0].get("description") or ""))
    nested = body.get("error")
    inner = nested if isinstance(nested, dict) else body
    texts = (inner.get(key) for key in ("detail", "error_description", "message", "error", "title"))
    detail = next((text for text in texts if isinstance(text, str) and text), "")
    if not detail and body.get("errors"):
        detail = orjson.dumps(body["errors"]).decode(errors="replace")
    code = inner.get("scimType") or inner.get("code")
    return Explanation(detail, code if isinstance(code, str) else "")


def parsed(ask: Ask, answer: Answer) -> Any:
    """The JSON of a good answer; None where there is no body.

    Raises `StopApplication` (a web page), `RetryLater` (broken JSON) for a read, and
    `OutcomeUnknown` for a write whose answer cannot be understood.
    """
    if not answer.body.strip():
        return None
    if answer.is_page:
        if ask.write:
            raise OutcomeUnknown(
                f"{ask} was answered {answer.status} with a web page: whether it was done cannot "
                "be told from that. The account is looked at before anything is sent again; check "
                "that no proxy or login page stands before the application."
            )
        raise StopApplication(
            f"{ask}: the address answers with a web page, not SCIM or another interface for "
            f"programs (status {answer.status}). Check the address, and that no login page or "
            "proxy stands before it."
        )
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        pass
    if ask.write:
        raise OutcomeUnknown(
            f"{ask} was answered {answer.status}, but the answer is broken off or no JSON: whether "
            "it was done is not known. The account is looked at before anything is sent again."
        )
    raise RetryLater(
        f"{ask} was answered {answer.status}, but the answer is broken off or no JSON. It is read "
        "again later; if that stays, check for a proxy that cuts answers."
    )


def failure(ask: Ask, answer: Answer, *, redact: Redactor, how: Explain) -> ConnectorError:
    """The error that a status of 300 or more stands for."""
    said = _said(answer, how)
    text = f"{ask} was answered {answer.status}"
    if said.detail:
        text += f": {redact(said.detail)}"
    elif answer.is_page:
        text += " with a web page"
    text = text.rstrip(".") + "."
    error = _by_status(ask, answer, text, said.code)
    error.status = answer.status
    return error


def _by_status(ask: Ask, answer: Answer, text: str, code: str) -> ConnectorError:
    status = answer.status
    if status == 401 or (status == 403 and not (ask.single and ask.write)):
        return StopApplication(f"{text} {_PERMISSION[status]}")
    if status in {404, 410}:
        return NotFound(f"{text} It is not there. If all is answered so, the address is wrong.")
    if status == 409 or (status == 400 and code.casefold() == "uniqueness"):
        return AlreadyExists(f"{text} Something else already has this unique value.")
    if status in {405, 501}:
        return Unsupported(
            f"{text} The application cannot do this.",
            "Do it in the application's own administration pages.",
        )
    if status in {412, 423, 425, 429, 503} or (not ask.write and (status >= 500 or status == 408)):
        after = retry_after(answer.headers)
        if after is None and status == 429:
            # It works, and we were too fast: that is no attempt that failed.
            return RetryLater(
                f"{text} Nothing was changed; it is tried again soon.", after=_AFTER_TOO_MANY
            )
        when = "later" if after is None else f"in {after:.0f} seconds, as it asked"
        return RetryLater(f"{text} Nothing was changed; it is tried again {when}.", after=after)
    if status >= 500 or status == 408:
        return OutcomeUnknown(
            f"{text} It may have been done all the same: it is looked at before anything is sent "
            "again."
        )
    if status < 400:
        return _moved(ask, answer, text)
    return HttpRejected(f"{text} {_refusal(status)}", status=status, code=code)


def _moved(ask: Ask, answer: Answer, text: str) -> ConnectorError:
    where = _UNPRINTABLE.sub(" ", answer.headers.get("Location", "")).split("?")[0][:200]
    if ask.write and answer.status == 303:
        return OutcomeUnknown(
            f"{text} It sent us on to {where or 'nowhere'}, which may mean that it was done: it is "
            "looked at before anything is sent again."
        )
    return StopApplication(
        f"{text} It sends us on to {where or 'nowhere'}, and credentials are not taken there: if "
        "that is the right address, enter it."
    )


def _refusal(status: int) -> str:
    if status == 403:
        return (
            "The application does not let this one be changed: it may be protected there, or the "
            "token may lack the right."
        )
    if status == 413:
        return (
            "It is too large for the application: one of the values is, a picture or a long text. "
            "Map that attribute to something shorter, or leave it out of the mapping."
        )
    return "Correct the values or the mapping; the same would be refused again."


_PERMISSION = {
    401: "The credentials are wrong, expired or revoked: enter new ones.",
    403: "The credentials are known but may not do this: give them the right to manage accounts.",
}


def _said(answer: Answer, how: Explain) -> Explanation:
    if answer.is_page:
        return Explanation()
    try:
        return how(orjson.loads(answer.body))
    except orjson.JSONDecodeError:
        # It is cut when what is secret was taken out: of half a secret nobody knows what it is.
        return Explanation(answer.body[:_LONGEST_TEXT].decode(errors="replace").strip())
