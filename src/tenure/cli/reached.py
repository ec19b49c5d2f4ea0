"""Where Tenure is, for addresses that a command prints to be opened or entered elsewhere."""

from __future__ import annotations

import os

from tenure.cli.output import say


def reached_at(path: str) -> str:
    """The whole address of a path. Tells where nobody has said where Tenure is."""
    from django.conf import settings

    if not os.environ.get("TENURE_URL"):
        say("TENURE_URL is not set: if Tenure is not at this address, set it to where it is.")
    return f"{settings.TENURE_URL}{path}"
