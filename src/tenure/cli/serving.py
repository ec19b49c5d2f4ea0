"""Running the product: everything (`up`), or one part each for several machines."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tenure.cli.context import session
from tenure.cli.output import say

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)]


def register(app: typer.Typer) -> None:
    app.command("up")(up)
    app.command("web")(web)
    app.command("worker")(worker)


def up(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(help="Worker processes.", min=1, max=64)] = 1,
) -> None:
    """Everything on this machine: database (unless DATABASE_URL is set), web, workers.

    Example: `tenure up --port 8080 --workers 2`
    """
    from tenure.infra.supervisor import Child, supervise

    with session() as server:
        from tenure.signin.services import issue_link

        address = f"http://{host}:{port}"
        say(f"Tenure is at {address}/")
        say(f"Administrator, once within 15 minutes: {address}{issue_link(name='owner')}")
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


def web(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """The console and the portal only.

    Example: `tenure web --port 8080`
    """
    with session(migrate=False):
        from tenure.infra.web import serve

        serve(host=host, port=port)


def worker(
    concurrency: Annotated[
        int, typer.Option(help="Jobs at once: about one for each busy application.", min=1)
    ] = 16,
    name: Annotated[str, typer.Option(help="Shown by `tenure doctor`.")] = "worker",
) -> None:
    """One worker process only.

    Example: `tenure worker --concurrency 32`
    """
    with session(migrate=False):
        from tenure.infra.jobs import run_worker

        run_worker(concurrency=concurrency, name=name)
