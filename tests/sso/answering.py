"""Addresses of applications on this machine: what they were sent, and what they answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Generic, TypeVar

T = TypeVar("T")


class Answering(Generic[T]):
    """What was posted there, as `read` makes it of body and headers. `answers` are given first,
    then always the usual one."""

    def __init__(self, path: str, read: Callable[[bytes, Message], T], usual: int) -> None:
        self.got: list[T] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append(read(body, self.headers))
                self.send_response(outer.answers.pop(0) if outer.answers else usual)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}{path}"


@contextmanager
def answering(
    path: str, read: Callable[[bytes, Message], T], *, usual: int = 200
) -> Iterator[Answering[T]]:
    """One that runs as long as it is needed."""
    made = Answering(path, read, usual)
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()
