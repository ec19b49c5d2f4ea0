"""What was said between us and an application, kept as a file that plays in tests.

A recording holds requests and answers in order, without secrets: what was a secret is `(hidden)` in
it, also inside answers. Played, it answers each request as it was answered then, and says so when
one comes that was not recorded. It must not know verbs or accounts.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from multidict import CIMultiDict

from tenure.connectors.answers import Answer, Ask
from tenure.connectors.base import StopApplication

HIDDEN = "(hidden)"
_VERSION = 1
#: Headers that say something about the answer; the others are left out.
_KEPT = ("content-type", "link", "location", "retry-after")
_KEPT_LIKE = re.compile(r"x-.*(rate|limit|total|next|page|remaining|reset)", re.IGNORECASE)
_SENSITIVE = re.compile(
    r"pass|secret|token|credential|api_?key|private|cookie|authorization|auth$|sid$|session",
    re.IGNORECASE,
)


class Recorder:
    """A tape that records. `secrets` gives what must not be in it, at any time."""

    def __init__(self, secrets: Callable[[], Iterable[str]]) -> None:
        self._secrets = secrets
        self._entries: list[dict[str, Any]] = []

    async def send(
        self,
        ask: Ask,
        url: str,
        data: bytes | None,
        headers: Mapping[str, str],
        real: Callable[[], Awaitable[Answer]],
    ) -> Answer:
        answer = await real()
        self._entries.append(
            {
                "request": {"method": ask.method, "path": _path(url), "body": _document(data)},
                "answer": {
                    "status": answer.status,
                    "headers": list(_headers(answer.headers)),
                    "body": _document(answer.body),
                },
            }
        )
        return answer

    def document(self, canary: str = "") -> dict[str, Any]:
        """The recording, redacted. `canary` is the name that a write round used."""
        texts = sorted((s for s in self._secrets() if len(s) >= 4), key=len, reverse=True)
        entries = [_hidden(entry, texts) for entry in self._entries]
        return {"version": _VERSION, "canary": canary, "exchanges": entries}


class Player:
    """A tape that plays what was recorded."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        if document.get("version") != _VERSION:
            raise ValueError("This is no recording of `tenure connector record`.")
        self.canary = str(document.get("canary", ""))
        self._left: list[dict[str, Any]] = list(document["exchanges"])
        self._last: dict[bytes, dict[str, Any]] = {}

    @classmethod
    def of(cls, file: Path) -> Player:
        """From a file. Raises ValueError for what is no recording."""
        try:
            return cls(orjson.loads(file.read_bytes()))
        except (OSError, orjson.JSONDecodeError, KeyError, AttributeError) as error:
            raise ValueError(f"{file} cannot be played: {error}.") from None

    async def send(
        self,
        ask: Ask,
        url: str,
        data: bytes | None,
        headers: Mapping[str, str],
        real: Callable[[], Awaitable[Answer]],
    ) -> Answer:
        wanted = {"method": ask.method, "path": _path(url), "body": _document(data)}
        key = _key(wanted)
        for index, entry in enumerate(self._left):
            if _key(entry["request"]) == key or _alike(entry["request"], wanted):
                self._last[key] = entry
                del self._left[index]
                return _answer(entry["answer"])
        if ask.write is False and key in self._last:
            return _answer(self._last[key]["answer"])  # Reading again shows the same.
        raise StopApplication(
            f"{ask.method} {wanted['path']} is not in the recording: the specification asks for "
            "something else than it did then. Record it anew."
        )


def _headers(headers: Mapping[str, str]) -> Iterator[list[str]]:
    """Those that say something; of cookies the names only."""
    for name, value in headers.items():
        if name.lower() == "set-cookie":
            yield [name, f"{value.partition('=')[0]}={HIDDEN}"]
        elif name.lower() in _KEPT or _KEPT_LIKE.fullmatch(name):
            yield [name, value]


def _answer(entry: Mapping[str, Any]) -> Answer:
    body = entry["body"]
    data = b"" if body is None else body.encode() if isinstance(body, str) else orjson.dumps(body)
    return Answer(int(entry["status"]), CIMultiDict(map(tuple, entry["headers"])), data)


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _document(data: bytes | None) -> Any:
    if not data:
        return None
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return data.decode(errors="replace")


def _hidden(value: Any, texts: list[str], name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _hidden(item, texts, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item, texts, name) for item in value]
    if isinstance(value, str):
        if name and _SENSITIVE.search(name):
            return HIDDEN
        for text in texts:
            value = value.replace(text, HIDDEN)
    return value


def _key(request: Mapping[str, Any]) -> bytes:
    return orjson.dumps(
        [request["method"], request["path"], request["body"]], option=orjson.OPT_SORT_KEYS
    )


def _alike(recorded: Any, wanted: Any) -> bool:
    """The same but for what was hidden then, and is made up now."""
    if isinstance(recorded, str) and HIDDEN in recorded and isinstance(wanted, str):
        pattern = ".*".join(re.escape(part) for part in recorded.split(HIDDEN))
        return re.fullmatch(pattern, wanted, re.DOTALL) is not None
    if isinstance(recorded, Mapping) and isinstance(wanted, Mapping):
        return recorded.keys() == wanted.keys() and all(
            _alike(recorded[name], wanted[name]) for name in recorded
        )
    if isinstance(recorded, list) and isinstance(wanted, list):
        return len(recorded) == len(wanted) and all(map(_alike, recorded, wanted))
    return bool(recorded == wanted)
