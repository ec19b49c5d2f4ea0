"""The application of the how-to, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.connectors.servers import free_port, wait_until_up

APPLICATION = Path(__file__).parents[3] / "examples" / "connectors" / "intranet" / "application.py"
KEY = "intranet-trial-key"


@contextmanager
def intranet(log: Path) -> Iterator[str]:
    """Yields its address."""
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(APPLICATION), "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_up(f"http://127.0.0.1:{port}/api/teams", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)
