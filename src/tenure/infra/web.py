"""The web server: gunicorn with threads, in this process."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from gunicorn.app.base import BaseApplication

from tenure.infra.outage import told_once


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._telling = ExitStack()
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from django.core.wsgi import get_wsgi_application

        application = get_wsgi_application()
        # Only now: Django has just set up the log anew.
        self._telling.enter_context(told_once("this web server"))
        return application


def _own_connections(_server: object, _worker: object) -> None:
    """A process that was forked must not share its parent's database connections."""
    from django.db import connections

    connections.close_all()


def serve(*, host: str, port: int, threads: int = 8) -> None:
    """Serve until SIGTERM: requests under way are answered first."""
    _Server(
        {
            "bind": f"{host}:{port}",
            "workers": 1,
            "threads": threads,
            "worker_class": "gthread",
            "graceful_timeout": 5,
            "timeout": 60,
            "keepalive": 5,
            "loglevel": "warning",
            "proc_name": "tenure web",
            "control_socket_disable": True,
            "post_fork": _own_connections,
        }
    ).run()
