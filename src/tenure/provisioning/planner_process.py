"""Where a planning process begins: `planners` starts it, with its end of a pipe as the argument."""

from __future__ import annotations

import signal
import sys
from multiprocessing.connection import Connection

import django


def main() -> None:
    """Plan until the pipe ends."""
    # Ctrl-C reaches everybody at the terminal: who asked decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    django.setup()
    from tenure.provisioning.planners import work

    work(Connection(int(sys.argv[1])))


if __name__ == "__main__":
    main()
