"""Numbers of the environment. Must not import Django: read before Django is configured."""

from __future__ import annotations

import os


def count_of(variable: str) -> int:
    """The variable as a number, 0 when it is not set. Raises `ValueError` that names it."""
    text = os.environ.get(variable, "").strip()
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 2:
        raise ValueError(f"{variable} is {text!r}. Expected a number such as 1.")
    return int(text)
