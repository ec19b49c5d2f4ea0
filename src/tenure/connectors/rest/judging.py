"""What an answer means: the specification's own rules first, then what every HTTP connector goes
by (`connectors.answers`). It must not know how the answer came.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any

import orjson

from tenure.connectors.answers import (
    Answer,
    Ask,
    Explanation,
    HttpRejected,
    Redactor,
    explain,
    failure,
    parsed,
)
from tenure.connectors.base import (
    AlreadyExists,
    ConnectorError,
    NotFound,
    OutcomeUnknown,
    RetryLater,
    StopApplication,
    Unsupported,
)
from tenure.connectors.rest.interface import SpecLimits
from tenure.connectors.rest.program import Call, InterfaceProgram, Rule
from tenure.connectors.rest.xml_tree import XmlError, xml_tree
from tenure.connectors.throttle import retry_after


class SignInAgain(ConnectorError):
    """The session or token has ended. Nothing was done: sign in, and send the same once more."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A good answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    body: Any

    @property
    def seen(self) -> dict[str, Any]:
        """As expressions see it."""
        return {
            "status": self.status,
            "headers": self.headers,
            "cookies": self.cookies,
            "body": self.body,
        }


class Judge:
    """Judges the answers of one application."""

    def __init__(self, program: InterfaceProgram, redactor: Callable[[], Redactor]) -> None:
        self._program = program
        self._redactor = redactor

    def verdict(self, call: Call, ask: Ask, answer: Answer, *, renewable: bool) -> Reply:
        """The reply, or the error that it is. `SignInAgain` only where `renewable`."""
        reply = _lenient(answer, call)
        if call.spec.answer == "xml" and reply.body is not None and answer.status >= 300:
            # What is wrong is looked for in it as in JSON.
            answer = Answer(answer.status, answer.headers, orjson.dumps(reply.body))
        rule = self._rule(call, reply, answer)
        if rule is not None and rule.means != "done":
            raise self._by_rule(rule, ask, reply, answer, renewable=renewable)
        expected = call.spec.status
        if rule is None and answer.status >= 300 and answer.status not in expected:
            if answer.status == 401 and renewable:
                raise SignInAgain(f"{ask} was answered 401.")
            raise failure(ask, self._timed(answer), redact=self._redactor(), how=self._explanation)
        if expected and answer.status not in expected and rule is None:
            raise self._unexpected(call, ask, answer)
        return self._good(call, ask, answer, reply, excused=rule is not None)

    def _good(self, call: Call, ask: Ask, answer: Answer, reply: Reply, *, excused: bool) -> Reply:
        if call.spec.answer == "nothing" or excused:
            return reply
        if call.spec.answer == "text":
            text = answer.body.decode(errors="replace")
            return Reply(reply.status, reply.headers, reply.cookies, text)
        if call.spec.answer == "xml":
            return self._tree(ask, answer, reply)
        body = parsed(ask, answer)
        if call.payload == "rpc":
            body = self._result(ask, answer, body)
        return Reply(reply.status, reply.headers, reply.cookies, body)

    def _tree(self, ask: Ask, answer: Answer, reply: Reply) -> Reply:
        if reply.body is not None or not answer.body.strip():
            return reply
        if answer.is_page:
            parsed(ask, answer)
        text = f"{ask} was answered {answer.status}, but the answer is broken off or no XML"
        if ask.write:
            raise OutcomeUnknown(f"{text}: whether it was done is not known.")
        raise RetryLater(f"{text}. It is read again later.")

    def _result(self, ask: Ask, answer: Answer, body: Any) -> Any:
        """The result of a JSON-RPC call (JSON-RPC 2.0, section 5)."""
        if isinstance(body, dict) and body.get("error") is None and "result" in body:
            return body["result"]
        said = self._explanation(body)
        detail = f": {self._redactor()(said.detail)}" if said.detail else ""
        raise HttpRejected(
            f"{ask} was answered with an error{detail}. Correct the values or the mapping; the "
            "same would be refused again.",
            status=answer.status,
            code=said.code,
        )

    def _rule(self, call: Call, reply: Reply, answer: Answer) -> Rule | None:
        text = answer.body[:20_000].decode(errors="replace")
        for rule in (*call.rules, *self._program.rules):
            if rule.statuses:
                if not any(_fits(one, answer.status) for one in rule.statuses):
                    continue
            elif answer.status < 300 and rule.when is None:
                continue
            if rule.when is not None and not rule.when.holds(reply.seen):
                continue
            if rule.matches is not None and not rule.matches.search(text):
                continue
            return rule
        return None

    def _by_rule(
        self, rule: Rule, ask: Ask, reply: Reply, answer: Answer, *, renewable: bool
    ) -> ConnectorError:
        said = self._explanation(reply.body)
        text = f"{ask} was answered {answer.status}"
        if said.detail:
            text += f": {self._redactor()(said.detail)}"
        text = f"{text.rstrip('.')}. {rule.message or _ADVICE[rule.means]}"
        match rule.means:
            case "not_found":
                return NotFound(text)
            case "already_exists":
                return AlreadyExists(text)
            case "retry_later":
                return RetryLater(text, after=retry_after(self._timed(answer).headers))
            case "stop":
                return StopApplication(text)
            case "unsupported":
                return Unsupported(text, rule.message or _ADVICE["unsupported"])
            case "unknown":
                return OutcomeUnknown(text) if ask.write else RetryLater(text)
            case "sign_in_again":
                return SignInAgain(text) if renewable else StopApplication(text)
        return HttpRejected(text, status=answer.status, code=said.code)

    def _unexpected(self, call: Call, ask: Ask, answer: Answer) -> ConnectorError:
        wanted = " or ".join(map(str, call.spec.status))
        text = f"{ask} was answered {answer.status}, and {wanted} was expected ({call.where})."
        if ask.write:
            return OutcomeUnknown(f"{text} It is looked at before anything is sent again.")
        return RetryLater(f"{text} It is read again later.")

    def _explanation(self, body: Any) -> Explanation:
        general = explain(body)
        texts = (path.get(body) for path in self._program.messages)
        detail = next((shown for text in texts if (shown := _shown(text))), general.detail)
        code = self._program.code.get(body) if self._program.code else None
        if not detail and isinstance(body, dict) and isinstance(body.get("error"), dict):
            detail = _shown(body["error"].get("data"))
        if not detail and isinstance(body, str):
            detail = body[:300]
        return Explanation(detail, str(code) if code is not None else general.code)

    def _timed(self, answer: Answer) -> Answer:
        """With the application's own header for when there will be more, as Retry-After."""
        if "Retry-After" in answer.headers:
            return answer
        after = reset_after(self._program.spec.limits, answer.headers)
        if after is None:
            return answer
        headers = {**answer.headers, "Retry-After": str(int(after + 0.999))}
        return Answer(answer.status, headers, answer.body)


def reset_after(limits: SpecLimits, headers: Mapping[str, str]) -> float | None:
    """Seconds until the application takes requests again, as its own header says."""
    try:
        value = float(headers.get(limits.reset, "")) if limits.reset else None
    except ValueError:
        return None
    if value is None:
        return None
    if limits.reset_is == "epoch_ms":
        value /= 1000
    return max(value if limits.reset_is == "seconds" else value - time.time(), 0.0)


def used_up(limits: SpecLimits, headers: Mapping[str, str]) -> bool:
    """Whether the application says that nothing is left."""
    return bool(limits.remaining) and headers.get(limits.remaining, "").strip() in {"0", "0.0"}


_ADVICE = {
    "not_found": "It is not there.",
    "already_exists": "Something else already has this unique value.",
    "rejected": "Correct the values or the mapping; the same would be refused again.",
    "retry_later": "Nothing was changed; it is tried again later.",
    "stop": "Nothing will work until that is mended.",
    "unsupported": "Do it in the application's own administration pages.",
    "unknown": "Whether it was done is not known: it is looked at before anything is sent again.",
    "sign_in_again": "The credentials are wrong, expired or revoked: enter new ones.",
}


def _fits(wanted: str, status: int) -> bool:
    return wanted[0] == str(status)[0] if wanted.endswith("xx") else wanted == str(status)


def _lenient(answer: Answer, call: Call) -> Reply:
    body: Any = None
    try:
        if call.spec.answer == "xml":
            with suppress(XmlError):
                body = xml_tree(answer.body, frozenset(call.spec.lists))
        elif answer.body.strip():
            body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        body = None if answer.is_page else answer.body[:20_000].decode(errors="replace")
    headers: dict[str, str] = {}
    for name, value in answer.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return Reply(answer.status, headers, _cookies(answer), body)


def _cookies(answer: Answer) -> dict[str, str]:
    getall = getattr(answer.headers, "getall", None)
    given = getall("Set-Cookie", []) if getall else [answer.headers.get("Set-Cookie", "")]
    found: dict[str, str] = {}
    for text in given:
        try:
            found |= {name: morsel.value for name, morsel in SimpleCookie(text).items()}
        except CookieError:
            continue
    return found


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "; ".join(shown for one in value if (shown := _shown(one)))
    if isinstance(value, dict):
        return "; ".join(
            f"{name}: {shown}" for name, one in value.items() if (shown := _shown(one))
        )
    return "" if value is None else str(value)
