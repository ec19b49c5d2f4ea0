"""Matrix Synapse, a chat server with an interface of its own, run as it comes from its makers.

It lives in a virtual environment of its own (`make acceptance`), whose folder `TENURE_ACCEPTANCE`
names.
"""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.connectors.servers import free_port, wait_until_up

SERVER = "test.local"
_CONFIGURATION = """\
server_name: {server}
pid_file: {place}/synapse.pid
listeners:
  - {{bind_addresses: [127.0.0.1], port: {port}, tls: false, type: http,
     resources: [{{names: [client], compress: false}}]}}
database: {{name: sqlite3, args: {{database: {place}/synapse.db}}}}
media_store_path: {place}/media
signing_key_path: {place}/signing.key
registration_shared_secret: only-for-this-test
macaroon_secret_key: only-for-this-test
form_secret: only-for-this-test
report_stats: false
trusted_key_servers: []
"""


@dataclass(frozen=True, slots=True)
class Synapse:
    """Where it is, and the token of its administrator."""

    address: str
    token: str


@contextmanager
def synapse(place: Path, binaries: Path) -> Iterator[Synapse]:
    """A new one with nobody but its administrator in it, its data in `place`."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    configuration = place / "synapse.yaml"
    configuration.write_text(_CONFIGURATION.format(server=SERVER, place=place, port=port))
    command = [str(binaries / "python"), "-m", "synapse.app.homeserver", "-c", str(configuration)]
    subprocess.run([*command, "--generate-keys"], cwd=place, check=True, capture_output=True)
    log = place / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=place, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_until_up(f"{address}/health", process, log, seconds=90)
            yield Synapse(address, _administrator(address, configuration, binaries))
        finally:
            process.terminate()
            process.wait(30)


def _administrator(address: str, configuration: Path, binaries: Path) -> str:
    register = [str(binaries / "register_new_matrix_user"), "-c", str(configuration)]
    subprocess.run(
        [*register, "-u", "root", "-p", "root-password", "-a", address],
        check=True,
        capture_output=True,
    )
    login = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": "root"},
        "password": "root-password",
    }
    asked = urllib.request.Request(
        f"{address}/_matrix/client/v3/login", json.dumps(login).encode(), method="POST"
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return str(json.loads(answer.read())["access_token"])
