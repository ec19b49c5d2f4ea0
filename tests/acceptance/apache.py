"""Apache with mod_auth_openidc, as Debian has it: a relying party that nobody here wrote (in C,
over libraries of its own). In the foreground, on loopback, with a configuration of its own."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from tests.connectors.servers import free_port

PROGRAM = Path("/usr/sbin/apache2")
_MODULES = Path("/usr/lib/apache2/modules")
AVAILABLE = PROGRAM.exists() and (_MODULES / "mod_auth_openidc.so").exists()
_WANTED = ("mpm_event", "authn_core", "authz_core", "authz_user", "dir", "headers", "env")
_UP = 20


@contextmanager
def apache(configuration: str, port: int) -> Iterator[str]:
    """Serves `private` and `bye` at the address that it yields. What its log says is in the error
    where it does not start."""
    place = Path(tempfile.mkdtemp(prefix="tenure-apache-"))
    place.chmod(0o755)
    for name in ("private", "bye"):
        page = place / "htdocs" / name / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text(f"<h1>{name}</h1>")
    loads = [
        f"LoadModule {name}_module {_MODULES}/mod_{name}.so"
        for name in (*_WANTED, "auth_openidc")
        if (_MODULES / f"mod_{name}.so").exists()
    ]
    (place / "httpd.conf").write_text(
        "\n".join(
            [
                f"ServerRoot {place}",
                f"Listen 127.0.0.1:{port}",
                f"ServerName 127.0.0.1:{port}",
                f"PidFile {place}/pid",
                f"ErrorLog {place}/error.log",
                "LogLevel warn auth_openidc:debug",
                f"DocumentRoot {place}/htdocs",
                "User www-data",
                "Group www-data",
                *loads,
                "DirectoryIndex index.html",
                configuration,
            ]
        )
    )
    process = subprocess.Popen([str(PROGRAM), "-X", "-f", str(place / "httpd.conf")])
    try:
        _await(process, port, place / "error.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(place)


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _UP
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"Apache did not start: {log.read_text()[-2000:] if log.exists() else ''}")


@dataclass
class Page:
    """Where a browser has come to."""

    url: str
    status: int
    body: str
    headers: Mapping[str, str]


@dataclass
class Browser:
    """Follows redirects and keeps cookies, apart for each site; knows no scripts."""

    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Every address that it was sent to.
    trail: list[str] = field(default_factory=list)

    def get(self, url: str) -> Page:
        """Where the address leads in the end."""
        for _ in range(12):
            self.trail.append(url)
            page = self._once(url)
            if page.status not in (301, 302, 303, 307):
                return page
            url = urljoin(url, page.headers["Location"])
        raise AssertionError(f"It goes round: {self.trail[-6:]}")

    def _once(self, url: str) -> Page:
        parts = urlsplit(url)
        kept = self.cookies.setdefault(parts.netloc, {})
        connection = http.client.HTTPConnection(parts.netloc, timeout=20)
        headers = {"Accept": "text/html"}
        if kept:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in kept.items())
        path = parts.path or "/"
        connection.request("GET", f"{path}?{parts.query}" if parts.query else path, None, headers)
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
        for text in answer.msg.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(text).items():
                gone = morsel["max-age"] == "0" or "1970" in morsel["expires"]
                kept.pop(name, None) if gone else kept.update({name: morsel.value})
        connection.close()
        return Page(url, answer.status, body, dict(answer.headers.items()))


__all__ = ["AVAILABLE", "Browser", "Page", "apache", "free_port"]
