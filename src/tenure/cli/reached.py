"""Where Tenure is, for addresses that a command prints to be opened or entered elsewhere."""

from __future__ import annotations

from tenure.cli.output import say
from tenure.config.address import known


def reached_at(path: str) -> str:
    """The whole address of a path. Tells where nobody has said where Tenure is."""
    from django.conf import settings

    if not known(settings.HOME):
        say("TENURE_URL is not set: if Tenure is not at this address, set it to where it is.")
    return f"{settings.TENURE_URL}{path}"
