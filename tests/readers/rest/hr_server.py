"""An HR system that answers as it is told: what a vendor documents, or what a test says.

It is synchronous and has a thread of its own, as readers have an event loop of their own.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `query` holds the last value of each name."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        try:
            return json.loads(self.text)
        except ValueError:
            return dict(parse_qsl(self.text)) or self.text

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.query} {self.text[:300]}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; `body` as JSON unless it is text."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Server(ThreadingHTTPServer):
    """`address` is where it is; `asked` all that it was asked."""

    daemon_threads = True

    def __init__(self, answer: Callable[[Asked], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[Asked] = []
        self.address = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _any(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        asked = Asked(
            self.command,
            parts.path,
            dict(parse_qsl(parts.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(length).decode(),
        )
        self.server.asked.append(asked)
        answer = self.server.answer(asked)
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        data = (
            b"" if answer.body is None else text.replace("{server}", self.server.address).encode()
        )
        self.send_response(answer.status)
        is_xml = isinstance(answer.body, str) and answer.body.lstrip().startswith("<")
        self.send_header("Content-Type", "text/xml" if is_xml else "application/json")
        for name, value in answer.headers.items():
            self.send_header(name, value.replace("{server}", self.server.address))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 - the library's names

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def hr_server(answer: Callable[[Asked], Answer]) -> Iterator[Server]:
    server = Server(answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Script:
    """Exchanges as a file writes them. Each is answered as often as it has answers, in any order;
    the last of them again and again. What fits none is answered 418, which nothing expects."""

    def __init__(self, exchanges: list[dict[str, Any]]) -> None:
        self._exchanges = [(one, _answers(one)) for one in exchanges]
        self.unexpected: list[str] = []
        self.used: set[int] = set()

    def __call__(self, asked: Asked) -> Answer:
        for number, (one, answers) in enumerate(self._exchanges):
            if _fits(one, asked):
                self.used.add(number)
                return answers.pop(0) if len(answers) > 1 else answers[0]
        self.unexpected.append(str(asked))
        return Answer({"message": f"Not in the script: {asked}"}, 418)

    @property
    def unused(self) -> list[str]:
        return [
            str(one["ask"])
            for number, (one, _) in enumerate(self._exchanges)
            if number not in self.used
        ]


def _answers(one: dict[str, Any]) -> list[Answer]:
    several = one["answer"] if isinstance(one["answer"], list) else [one["answer"]]
    return [
        Answer(
            each.get("json", each.get("text")),
            each.get("status", 200),
            {k: str(v) for k, v in each.get("headers", {}).items()},
        )
        for each in several
    ]


def _fits(one: dict[str, Any], asked: Asked) -> bool:
    method, _, path = one["ask"].partition(" ")
    return (
        (asked.method, asked.path) == (method, path)
        and all(
            asked.query.get(k) == (None if v is None else str(v))
            for k, v in one.get("query", {}).items()
        )
        and all(asked.headers.get(k.lower()) == v for k, v in one.get("headers", {}).items())
        and ("body" not in one or _within(one["body"], asked.body))
        and all(re.search(text, asked.text) for text in one.get("has", []))
        and not any(re.search(text, asked.text) for text in one.get("lacks", []))
    )


def _within(wanted: Any, given: Any) -> bool:
    """Whether everything that is wanted is there; what else is there does not matter."""
    if isinstance(wanted, dict):
        return isinstance(given, dict) and all(
            _within(value, given.get(key)) for key, value in wanted.items()
        )
    return bool(wanted == given)
