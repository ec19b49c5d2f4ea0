"""Where one installation of Tenure keeps its files, and the key that it makes for itself. Must not
import Django: it is read before Django is configured."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

HOME_VARIABLE = "TENURE_HOME"


def home() -> Path:
    """The folder of this installation: `TENURE_HOME`, otherwise `var` in the current folder."""
    return Path(os.environ.get(HOME_VARIABLE) or "var").absolute()


def begun() -> bool:
    """Whether there is an installation: its database, embedded in the home or somebody else's."""
    return bool(os.environ.get("DATABASE_URL")) or os.path.lexists(home() / "postgres")


def kept_secret(folder: Path, name: str) -> str:
    """A random text made at the first call and kept in the folder, readable by its owner only.
    Processes that make it at the same time end up with the same one."""
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
        unfinished = folder / f".{name}.{secrets.token_hex(4)}"
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
        with contextlib.suppress(FileExistsError):
            os.link(unfinished, path)
        unfinished.unlink()
    return path.read_text().strip()
