"""Where browsers reach this installation. Must not import Django: settings are made of it.

`TENURE_URL` says it. Without it `tenure up` is where it listens, and notes that in the folder of
the installation, so that commands in another terminal say the same.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "TENURE_URL"
DEFAULT = "http://localhost:8000"
_FILE = "address"


def address(folder: Path) -> str:
    """Without a slash at its end."""
    return (said() or _noted(folder) or DEFAULT).rstrip("/")


def known(folder: Path) -> bool:
    """Whether anybody says where it is; otherwise it is where `tenure up` is by default."""
    return bool(said() or _noted(folder))


def said() -> str:
    """As the environment has it; "" where it says nothing."""
    return os.environ.get(VARIABLE, "").strip()


def note(folder: Path, at: str) -> None:
    """It listens there from now on."""
    unfinished = folder / f".{_FILE}.{os.getpid()}"
    unfinished.write_text(f"{at}\n")
    unfinished.replace(folder / _FILE)


def forget(folder: Path) -> None:
    """It listens nowhere any more."""
    (folder / _FILE).unlink(missing_ok=True)


def _noted(folder: Path) -> str:
    try:
        return (folder / _FILE).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
