"""Real servers for the connectors' tests: a SCIM server in a process of its own, and a small HTTP
server that misbehaves as it is told."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import web

TOKEN = "a-token-that-nobody-may-see"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def free_port() -> int:
    """A port of loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def scim2_server(log: Path) -> Iterator[str]:
    """A `scim2-server`; yields its address. `{address}/{anything}/v2` is a tenant of its own."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    program = Path(sys.executable).with_name("scim2-server")
    command = [str(program), "--bearer-token", TOKEN, "--port", str(port), "--dynamic-tenants"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONUTF8": "1"}
        )
        try:
            wait_until_up(f"{address}/first/v2/ServiceProviderConfig", process, log)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_up(
    url: str, process: subprocess.Popen[bytes], log: Path, *, seconds: float = 30
) -> None:
    """Until it answers anything. Raises RuntimeError with its log when it ends or takes longer."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            return  # It answers, which is what is waited for.
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"It did not start: {log.read_text()}") from None
            time.sleep(0.05)


@asynccontextmanager
async def http_server(handler: Handler) -> AsyncIterator[str]:
    """A server that answers everything by `handler`; yields its address."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_server(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server below HTTP: `talk` has the connection. It is closed afterwards."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
