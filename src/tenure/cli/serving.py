"""Running the product: everything (`up`), or one part each for several machines."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, print_json, say
from tenure.config import address

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)]
#: Everywhere, or here: a browser on this machine says localhost, and passkeys need a name.
_HERE = {"", "0.0.0.0", "::", "127.0.0.1", "::1"}
#: Who is told for what servers do by themselves: nobody at a terminal did it.
_ITSELF = "system"


def register(app: typer.Typer) -> None:
    app.command("up")(up)
    app.command("web")(web)
    app.command("worker")(worker)


def up(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(help="Worker processes.", min=1, max=64)] = 1,
    as_json: AsJson = False,
) -> None:
    """Everything on this machine: database (unless DATABASE_URL is set), web, workers.

    Ctrl-C or SIGTERM stops all of it.

    Example: `tenure up --port 8080 --workers 2`
    """
    from tenure.infra.supervisor import Child, supervise

    _must_be_free(host, port)
    # Links begin with it; the children inherit it.
    at = _at(host, port)
    with session() as server, _noted(at):
        from tenure.signin.services import issue_link

        link = f"{at}{issue_link(name='owner')}"
        if as_json:
            print_json({"address": f"{at}/", "link": link, "workers": workers})
            sys.stdout.flush()
        else:
            say(f"Tenure is at {at}/")
            say(f"Administrator, once within 15 minutes: {link}")
        command = [sys.executable, "-m", "tenure"]
        children = [
            Child("web", [*command, "web", "--host", host, "--port", str(port)]),
            *(
                Child(f"worker-{number}", [*command, "worker", "--name", f"worker-{number}"])
                for number in range(1, workers + 1)
            ),
        ]
        # A database that was killed is started again, as a child would be.
        code = supervise(children, watch=server.ensure_running if server else None)
    raise typer.Exit(code)


def web(host: Host = "127.0.0.1", port: Port = 8000, as_json: AsJson = False) -> None:
    """Web pages and interfaces only (console, portal, sign-in, SCIM), for a machine of its own.
    The database is that of DATABASE_URL.

    Example: `tenure web --host 0.0.0.0 --port 8080`
    """
    _must_be_free(host, port)
    _at(host, port)
    with session(by=_ITSELF):
        from django.db import connections

        from tenure.infra.web import serve

        if as_json:
            print_json({"address": f"http://{_reached_at(host)}:{port}/"})
            sys.stdout.flush()
        # The server forks: what is open here must not be shared.
        connections.close_all()
        serve(host=host, port=port)


def worker(
    concurrency: Annotated[
        int, typer.Option(help="Jobs at once: about one for each busy application.", min=1)
    ] = 16,
    name: Annotated[str, typer.Option(help="What it is called in logs.")] = "worker",
    as_json: AsJson = False,
) -> None:
    """One worker process only, for a machine of its own. Any number may run.

    Example: `tenure worker --concurrency 32`
    """
    with session(by=_ITSELF):
        from tenure.infra.jobs import run_worker

        if as_json:
            print_json({"worker": name, "concurrency": concurrency})
            sys.stdout.flush()
        run_worker(concurrency=concurrency, name=name)


def _at(host: str, port: int) -> str:
    """Where browsers reach it: as `TENURE_URL` says, otherwise where it listens. The settings of
    this process, and of its children, are made of it."""
    if not address.said():
        os.environ[address.VARIABLE] = f"http://{_reached_at(host)}:{port}"
    return address.said().rstrip("/")


@contextmanager
def _noted(at: str) -> Iterator[None]:
    """Commands in another terminal say the same, for as long as it runs."""
    from django.conf import settings

    address.note(settings.HOME, at)
    try:
        yield
    finally:
        address.forget(settings.HOME)


def _reached_at(host: str) -> str:
    """Where a browser on this machine finds it."""
    if host in _HERE:
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _must_be_free(host: str, port: int) -> None:
    """A port that is taken is told at once, not by a web server that is started again and again."""
    try:
        with socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        ):
            pass
    except OSError as error:
        why = (error.strerror or str(error)).split(" (while")[0]
        raise Failure(
            f"Nobody can listen on {host}:{port} here: {why}. Choose another --port or --host, or "
            "stop what listens there."
        ) from error
