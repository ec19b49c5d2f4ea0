"""A backup: a folder with the database, the keys of this installation and a list of what is in it.
Knows files and their digests; nothing of what they mean."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenure.infra.dumping import dump

DATABASE = "database.dump"
LIST = "backup.json"
MARK = "public.tenure_restored"
"""A table that whoever loads a backup makes in the same transaction: from then on the tables are
known to be those of a backup, whatever comes between that and the first start."""
_PIECE = 1 << 20


class BackupError(ValueError):
    """A backup cannot be made or used; `str()` says why and what to do."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is whole. `about` is what whoever made it said of it."""

    folder: Path
    about: Mapping[str, Any]

    @property
    def database(self) -> Path:
        return self.folder / DATABASE

    @property
    def key_files(self) -> list[Path]:
        """The files with keys."""
        return [self.folder / name for name in self.about["files"] if name != DATABASE]


def make(folder: Path, url: str, *, keys: Iterable[Path], about: Mapping[str, Any]) -> Backup:
    """Write a backup into a folder that is not there yet. It has that name only when all of it is
    on the disk. Raises `BackupError`, `PostgresError`."""
    if folder.exists():
        raise BackupError(f"{folder} is there already. Name a folder that is not.")
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700, parents=True)
        dump(url, unfinished / DATABASE)
        for key in keys:
            _write(unfinished / key.name, key.read_bytes())
        files = {path.name: _digest(path) for path in sorted(unfinished.iterdir())}
        listed = {**about, "files": files}
        _write(unfinished / LIST, json.dumps(listed, indent=2).encode() + b"\n")
        _settle(unfinished)
        unfinished.rename(folder)
        _settle(folder.parent)
    except OSError as error:
        raise BackupError(
            f"No backup could be written to {folder}: {error.strerror or error}."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Backup(folder, listed)


def read(folder: Path) -> Backup:
    """A backup, of which every file is as it was written. Raises `BackupError`."""
    try:
        about = json.loads((folder / LIST).read_text(encoding="utf-8"))
        files = dict(about["files"])
        wrong = [name for name, digest in files.items() if _digest(folder / name) != digest]
    except OSError as error:
        raise BackupError(
            f"{folder} is no whole backup: {error.filename}: {error.strerror}. Expected what "
            "`tenure backup` writes."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BackupError(
            f"{folder} is no backup: {LIST} cannot be read. Expected what `tenure backup` writes."
        ) from None
    if wrong or DATABASE not in files:
        raise BackupError(
            f"The backup in {folder} is damaged: {', '.join(wrong) or DATABASE} is not as it was "
            "written. Take another one."
        )
    return Backup(folder, about)


def _digest(path: Path) -> str:
    sum_ = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            sum_.update(piece)
    return sum_.hexdigest()


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    """The names in it are on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
