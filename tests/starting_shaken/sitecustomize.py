"""In a process that a shaken test starts: it is shaken, too, as soon as Django is there."""

from __future__ import annotations

import os

import django

_setup = django.setup


def setup(**how: bool) -> None:
    """As it was, and then delays at random."""
    _setup(**how)
    django.setup = _setup
    from tests import shaking

    shaking.shake(shaking.Shaking(os.environ[shaking.NAME], alone=False))


django.setup = setup  # type: ignore[assignment]
