"""Two live scim2-servers as Acme's applications, and reading them without Tenure."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_UP_WITHIN = 30.0
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@dataclass(slots=True)
class Server:
    """One scim2-server process on a free port of this machine."""

    name: str
    log: Path
    port: int = field(default_factory=lambda: free_port())
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v2"

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = Path(sys.executable).with_name("scim2-server")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(program), "--port", str(self.port), f"--bearer-token={self.token}"],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _UP_WITHIN
        while time.monotonic() < deadline:
            try:
                self._get("/ServiceProviderConfig")
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"{self.name} did not start within {_UP_WITHIN:.0f} s: see {self.log}")

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=10)

    def accounts(self) -> dict[str, dict[str, Any]]:
        """Employee number -> what the server says of the account, groups included."""
        groups: dict[str, set[str]] = {}
        for group in self._all("/Groups"):
            for member in group.get("members", ()):
                groups.setdefault(member["value"], set()).add(group["displayName"])
        found: dict[str, dict[str, Any]] = {}
        for user in self._all("/Users"):
            extension = user.get(_ENTERPRISE, {})
            number = extension.get("employeeNumber", f"no number: {user['userName']}")
            if number in found:
                raise AssertionError(f"{self.name} has two accounts for employee {number}")
            found[number] = {
                "userName": user["userName"],
                "given_name": user.get("name", {}).get("givenName", ""),
                "family_name": user.get("name", {}).get("familyName", ""),
                "department": extension.get("department", ""),
                "active": user.get("active", True),
                "groups": frozenset(groups.get(user["id"], ())),
            }
        return found

    def _all(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self._get(f"{path}?startIndex={len(found) + 1}&count=100")
            found += page.get("Resources") or []
            if not page.get("Resources") or len(found) >= page["totalResults"]:
                return found

    def _get(self, path: str) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}{path}", headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            document: dict[str, Any] = json.load(answer)
            return document


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
