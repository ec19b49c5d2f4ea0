"""The form of references to secrets and settings kept elsewhere: `${env:NAME}`, `${file:/path}`,
`${box:NAME}`.
Only the form: what a reference stands for is looked up at use (`infra.secrets`), and never here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_REFERENCE = re.compile(
    r"\$\{(?:env:[A-Za-z_][A-Za-z0-9_]*|file:/[^{}]+"
    r"|box:[A-Za-z0-9][A-Za-z0-9_.-]*)\}"
)
EXPECTED = "${env:NAME}, ${file:/path} or ${box:NAME}"


def is_reference(text: str) -> bool:
    """Whether the whole text is one reference."""
    return _REFERENCE.fullmatch(text) is not None


def has_reference(value: Any) -> bool:
    """Whether a setting, at any depth, is only known at use."""
    return any("${" in text for _, text in texts(value))


def malformed(text: str) -> bool:
    """Whether it has a `${` that starts no reference."""
    return "${" in _REFERENCE.sub("", text)


def texts(
    value: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text in a setting, with the way to it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, (*path, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from texts(item, (*path, index))
