"""The web server as a process: it answers, serves the static files, and stops when told."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPResponse

import pytest

SERVE = """
import sys
import django
django.setup()
from tenure.infra.web import serve
serve(host="127.0.0.1", port=int(sys.argv[1]), threads=2)
"""


@pytest.fixture
def web(database_url: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(port)],
        env={**os.environ, "DATABASE_URL": database_url},
    )
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 90
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except ConnectionRefusedError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
    yield process, address
    process.kill()
    process.wait()


def get(address: str) -> tuple[int, HTTPResponse | urllib.error.HTTPError, bytes]:
    try:
        with urllib.request.urlopen(address, timeout=90) as response:
            return response.status, response, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error, error.read()


def test_it_answers_and_stops(web: tuple[subprocess.Popen[bytes], str]) -> None:
    process, address = web
    status, response, body = get(address + "/sign-in/")
    assert status == 200
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    status, response, body = get(address + "/static/django_htmx/htmx-2.min.js")
    assert status == 200
    assert b"htmx" in body
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert get(address + "/not/there")[0] == 404
    process.terminate()
    assert process.wait(timeout=90) == 0
