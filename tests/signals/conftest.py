"""A receiver with a stream, a server that takes what is pushed, and people who leave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
import orjson
import pytest
from django.http import HttpResponse
from django.test import Client

from tenure.signals import receivers
from tenure.signals.models import SubjectFormat
from tests.provisioning.company import Company


@dataclass
class Collector:
    """A server that keeps what it is sent, and answers as it is told."""

    address: str = ""
    status: int = 202
    body: bytes = b""
    #: What it serves to whoever reads.
    served: bytes = b"{}"
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    reads: int = 0


@pytest.fixture
def collector() -> Iterator[Collector]:
    kept = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.got.append((dict(self.headers), body))
            self._answer(kept.status, kept.body)

        def do_GET(self) -> None:
            kept.reads += 1
            self._answer(200, kept.served)

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    kept.address = f"http://127.0.0.1:{server.server_port}/events"
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Other:
    """The receiver, as it asks."""

    token: str

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> HttpResponse:
        address = f"{path}?{'&'.join(f'{k}={v}' for k, v in query.items())}" if query else path
        return Client().generic(  # type: ignore[return-value]
            method,
            address,
            b"" if body is None else orjson.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.token}"},
        )

    def stream(self, **more: Any) -> dict[str, Any]:
        answer = self.ask("POST", "/ssf/streams", more)
        assert answer.status_code == 201, answer.content
        return read(answer)

    def poll(self, stream: dict[str, Any], **more: Any) -> dict[str, dict[str, Any]]:
        """jti -> the claims of what waits."""
        path = stream["delivery"]["endpoint_url"].removeprefix("http://localhost:8000")
        answer = self.ask("POST", path, more)
        assert answer.status_code == 200, answer.content
        return {jti: claims(text) for jti, text in read(answer)["sets"].items()}


def read(answer: HttpResponse) -> Any:
    return orjson.loads(answer.content)


def claims(text: str | bytes) -> dict[str, Any]:
    """What a token of ours says, checked by the keys that we publish."""
    keys = jwt.PyJWKSet.from_dict(read(Client().get("/ssf/jwks.json"))).keys
    header = jwt.get_unverified_header(text)
    assert header["typ"] == "secevent+jwt"
    (key,) = [one for one in keys if one.key_id == header["kid"]]
    return jwt.decode(text, key, algorithms=["RS256"], options={"verify_aud": False})


def kinds(found: dict[str, dict[str, Any]]) -> list[str]:
    """The last parts of the types, in order."""
    return [next(iter(one["events"])).rsplit("/", 1)[1] for one in found.values()]


@pytest.fixture
def other(transactional_db: None) -> Other:
    """Told of everybody, by e-mail."""
    return Other(receivers.add("siem", name="SIEM")[1])


@pytest.fixture
def company(transactional_db: None) -> Company:
    """Somebody in sales has the chat."""
    made = Company()
    made.application("chat")
    made.rule("sales", 'user.department == "Sales"', {"chat": []})
    return made


@pytest.fixture
def chat(company: Company) -> Other:
    """The chat itself is told, by the user names that it knows."""
    return Other(receivers.add("chat", application="chat", subjects=SubjectFormat.ACCOUNT)[1])
