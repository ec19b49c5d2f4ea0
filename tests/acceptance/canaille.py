"""Canaille, an identity provider with a SCIM interface, run as it comes from its makers.

It has pins of its own that do not go with ours, so it lives in a virtual environment of its own
(`tools/acceptance-venv`), whose folder `TENURE_ACCEPTANCE` names.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.connectors.servers import free_port

CLIENT, SECRET = "tenure", "canaille-client-secret"
ADMINISTRATOR, PASSWORD = "boss", "correct-horse-of-canaille"
_UP = 90


@dataclass(frozen=True, slots=True)
class Canaille:
    """Where it is, and a token for its SCIM interface."""

    address: str
    token: str
    #: Its command line, while it runs.
    run: Callable[..., str]

    @property
    def scim(self) -> str:
        """The address of its SCIM interface."""
        return f"{self.address}/scim/v2"


@contextmanager
def canaille(place: Path, program: Path) -> Iterator[Canaille]:
    """A new one with nobody in it, its data in `place`; `program` is its command."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environ = {
        **os.environ,
        "CANAILLE_CONFIG": str(place / "canaille.toml"),
        "PYTHONUTF8": "1",
        "PYTHONWARNINGS": "ignore",
    }
    environ.pop("PYTHONPATH", None)

    def run(*words: str) -> str:
        done = subprocess.run(
            [str(program), *words], env=environ, cwd=place, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"canaille {words[0]} failed: {done.stderr[-2000:]}")
        return done.stdout

    _configure(place, port, "")
    key = next(line for line in run("jwk", "create", "rsa").splitlines() if line.startswith("{"))
    _configure(place, port, f"ACTIVE_JWKS = [{_inline(json.loads(key))}]")
    run("install")
    run(
        *("create", "client", "--quiet", "--client-id", CLIENT, "--client-secret", SECRET),
        *("--client-name", "Tenure", "--grant-types", "client_credentials"),
        *("--token-endpoint-auth-method", "client_secret_basic", "--scope", "openid"),
    )
    log = place / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(program), "run"], env=environ, cwd=place, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield Canaille(address, _token(address, process, log), run)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _configure(place: Path, port: int, keys: str) -> None:
    (place / "canaille.toml").write_text(
        f"""\
SECRET_KEY = "only for a test"
SERVER_NAME = "127.0.0.1:{port}"
PREFERRED_URL_SCHEME = "http"

[CANAILLE]
DATABASE = "sql"

[CANAILLE.ACL.DEFAULT]
PERMISSIONS = ["edit_self", "use_oidc"]

[CANAILLE.ACL.ADMINISTRATOR]
FILTER = {{user_name = "{ADMINISTRATOR}"}}
PERMISSIONS = ["manage_users", "manage_all_groups", "manage_oidc"]

[CANAILLE_SQL]
DATABASE_URI = "sqlite:///{place}/canaille.sqlite"

[CANAILLE_OIDC]
{keys}

[CANAILLE_HYPERCORN]
BIND = "127.0.0.1:{port}"
""",
        encoding="utf-8",
    )


def _inline(key: dict[str, str]) -> str:
    """A key as TOML has it: a table in one line."""
    return "{" + ", ".join(f"{name} = {json.dumps(value)}" for name, value in key.items()) + "}"


def _token(address: str, process: subprocess.Popen[bytes], log: Path) -> str:
    """A token by client credentials, as soon as it is up."""
    request = urllib.request.Request(
        f"{address}/oauth/token",
        data=urllib.parse.urlencode({"grant_type": "client_credentials"}).encode(),
        headers={"Authorization": f"Basic {b64encode(f'{CLIENT}:{SECRET}'.encode()).decode()}"},
    )
    deadline = time.monotonic() + _UP
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return str(json.loads(answer.read())["access_token"])
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"Canaille gives no token: {error.read().decode()}") from None
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Canaille did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.2)
