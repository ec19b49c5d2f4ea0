"""Running the product: everything (`up`), or one part each for several machines."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
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

    The address and a one-time link are printed as soon as they answer. Ctrl-C or SIGTERM stops all
    of it.

    Example: `tenure up --port 8080 --workers 2`
    """
    from tenure.infra.supervisor import Child, supervise

    _must_be_free(host, port)
    say("Starting…")
    # Links begin with it; the children inherit it.
    at = _at(host, port)
    with session() as server, _noted(at):
        _keys_are_there()
        from tenure.signin.services import issue_link

        def announce() -> None:
            link = f"{at}{issue_link(name='owner')}"
            if as_json:
                print_json({"address": f"{at}/", "link": link, "workers": workers})
            else:
                say(f"Tenure is at {at}/")
                say(f"Administrator, once within 15 minutes: {link}")
            sys.stdout.flush()

        answered = _once_answered(host, port, announce)

        def watch() -> None:
            answered()
            # A database that was killed is started again, as a child would be.
            if server is not None:
                server.ensure_running()

        command = [sys.executable, "-m", "tenure"]
        children = [
            Child("web", [*command, "web", "--host", host, "--port", str(port)]),
            *(
                Child(f"worker-{number}", [*command, "worker", "--name", f"worker-{number}"])
                for number in range(1, workers + 1)
            ),
        ]
        code = supervise(children, watch=watch)
    raise typer.Exit(code)


def web(host: Host = "127.0.0.1", port: Port = 8000, as_json: AsJson = False) -> None:
    """Web pages and interfaces only (console, portal, sign-in, SCIM), for a machine of its own.
    The database is that of DATABASE_URL.

    Example: `tenure web --host 0.0.0.0 --port 8080`
    """
    _must_be_free(host, port)
    _at(host, port)
    with session(by=_ITSELF):
        _keys_are_there()
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
        _keys_are_there()
        from tenure.infra.jobs import run_worker
        from tenure.infra.machine_clock import ClockWrong, require_right

        try:
            require_right()
        except ClockWrong as error:
            raise Failure(str(error)) from error
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


def _once_answered(host: str, port: int, then: Callable[[], None]) -> Callable[[], None]:
    """To be called again and again: the first time after the web pages have answered, it does
    `then`. A link that is opened before that leads nowhere, and the minutes that it is good for
    would pass. What asks is another thread: an answer may be slow, and nothing waits for it."""
    heard, told = threading.Event(), threading.Event()
    at = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    url = f"http://{f'[{at}]' if ':' in at else at}:{port}/sign-in/"
    # Not by a proxy that the environment names: it is this machine.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), _StayHere())

    def ask() -> None:
        while not heard.is_set():
            try:
                direct.open(url, timeout=30).close()
                heard.set()
            except urllib.error.HTTPError:
                # It answers, whatever it thinks of this address.
                heard.set()
            except OSError:
                time.sleep(0.1)

    def look() -> None:
        if heard.is_set() and not told.is_set():
            told.set()
            then()

    threading.Thread(target=ask, name="waits for the web pages", daemon=True).start()
    return look


class _StayHere(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer, and is not followed to elsewhere."""

    def redirect_request(self, *_: object) -> None:
        return None


def _keys_are_there() -> None:
    """What was sealed can be opened, or nothing starts: credentials would be unreadable, and a key
    that is in some backup be taken for lost."""
    from tenure.infra.secrets import SecretError
    from tenure.vault.lost_keys import require_keys

    try:
        require_keys()
    except SecretError as error:
        raise Failure(str(error)) from error


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
