"""Tryton, the business software, as an HR system: Debian's server with the module company, on an
SQLite database of its own."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tests.connectors.servers import free_port

USER, PASSWORD, DATABASE = "admin", "a-tryton-password", "hr"
ADMIN = Path("/usr/bin/trytond-admin")
SERVER = Path("/usr/bin/trytond")


@dataclass(frozen=True, slots=True)
class Tryton:
    """Where it is, and its calls as an administrator makes them."""

    address: str
    company: int = 0

    def call(self, method: str, *parameters: Any) -> Any:
        """What the call gives. Raises RuntimeError with what the server says."""
        pair = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        request = urllib.request.Request(
            f"{self.address}/{DATABASE}/",
            json.dumps({"method": f"model.{method}", "params": [*parameters, {}]}).encode(),
            {"Content-Type": "application/json", "Authorization": f"Basic {pair}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method}: {error.read().decode()}") from None

    def party(self, name: str, email: str = "") -> int:
        mechanism = [["create", [{"type": "email", "value": email}]]]
        more = {"contact_mechanisms": mechanism} if email else {}
        (made,) = self.call("party.party.create", [{"name": name, **more}])
        return int(made)

    def employee(self, party: int, **more: Any) -> int:
        (made,) = self.call(
            "company.employee.create", [{"party": party, "company": self.company, **more}]
        )
        return int(made)

    def end(self, employee: int, last: date) -> None:
        self.call("company.employee.write", [employee], {"end_date": day(last)})


def day(value: date) -> Mapping[str, Any]:
    """As its interface writes a date."""
    return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}


@contextmanager
def tryton(place: Path) -> Iterator[Tryton]:
    """A new one with a company and nobody in it."""
    port = free_port()
    configuration, password = place / "trytond.conf", place / "password"
    configuration.write_text(
        f"[database]\nuri = sqlite://\npath = {place}\n[web]\nlisten = 127.0.0.1:{port}\n"
    )
    password.write_text(f"{PASSWORD}\n")
    (place / f"{DATABASE}.sqlite").touch()
    done = subprocess.run(
        [
            *(str(ADMIN), "-c", str(configuration), "-d", DATABASE, "--all"),
            *("--email", "admin@example.test", "-u", "company", "--activate-dependencies"),
        ],
        env={**os.environ, "TRYTONPASSFILE": str(password)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"trytond-admin failed: {done.stderr[-2000:]}")
    log = place / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(SERVER), "-c", str(configuration), "-d", DATABASE],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield _founded(Tryton(f"http://127.0.0.1:{port}"), process, log)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _founded(server: Tryton, process: subprocess.Popen[bytes], log: Path) -> Tryton:
    """Up, and with a company."""
    deadline = time.monotonic() + 60
    while True:
        try:
            party = server.party("Acme")
            break
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Tryton did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.2)
    rounding = {"__class__": "Decimal", "decimal": "0.01"}
    euro = {"name": "Euro", "code": "EUR", "symbol": "E", "digits": 2, "rounding": rounding}
    (currency,) = server.call("currency.currency.create", [euro])
    (company,) = server.call("company.company.create", [{"party": party, "currency": currency}])
    return Tryton(server.address, int(company))
