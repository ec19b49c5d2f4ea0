"""Where a planning process begins: `planners` starts it, with its end of a pipe as the argument."""

from __future__ import annotations

import signal
import sys
from multiprocessing.connection import Connection

import django
from django.conf import settings

#: The tables that plans are made of. Half of the time that a start takes went to all the others.
_APPS = {
    f"tenure.{name}"
    for name in ("audit", "runs", "vault", "people", "rules", "applications", "provisioning")
}


def main() -> None:
    """Plan until the pipe ends."""
    # Ctrl-C reaches everybody at the terminal: who asked decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if name in _APPS]
    django.setup()
    from tenure.provisioning.planning.planners import work

    work(Connection(int(sys.argv[1])))


if __name__ == "__main__":
    main()
