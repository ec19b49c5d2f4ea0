"""One file, wherever it is, as one that can be opened here; and whether it is still the one that
was seen before. A folder gives its newest file, and never one that is still being written.

Places must not know what is in files.
"""

from __future__ import annotations

import fnmatch
import os
import stat
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tenure.readers.base import ReaderBusy, ReaderError

#: What programs call files that they have not finished.
_UNFINISHED = (".part", ".filepart", ".tmp", ".crdownload")
#: From when on a clock that is ahead is no explanation.
_AHEAD = 3600


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file to be read. `shown` is what people call it; `stamp` differs where the file does;
    `temporary`: it is a copy, to be deleted by who asked for it."""

    path: Path
    shown: str
    stamp: str
    size: int
    modified: float | None
    temporary: bool = False


class Place(Protocol):
    """Raises `ReaderError`, and `ReaderBusy` for what is not there whole yet."""

    def fetch(self, known: str = "") -> Fetched | None:
        """The file as it is now; None where it is that of the stamp `known`."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file of a folder."""

    name: str
    modified: float
    size: int


class ThisMachine:
    """A file or a folder here. `settled` counts for folders: whoever names a file knows it."""

    def __init__(self, path: Path, pattern: str, settled: int) -> None:
        self._path, self._pattern, self._settled = path, pattern, settled

    def fetch(self, known: str = "") -> Fetched | None:
        try:
            found = self._chosen() if self._path.is_dir() else self._path
            seen = found.stat()
        except OSError as error:
            raise unreadable(self._path, error) from None
        if not stat.S_ISREG(seen.st_mode):
            raise ReaderError(f"{found} is no file: set `path` to a file or a folder.")
        stamp = stamp_of(found, seen)
        if stamp == known:
            return None
        return Fetched(found, str(found), stamp, seen.st_size, seen.st_mtime)

    def _chosen(self) -> Path:
        with os.scandir(self._path) as entries:
            seen = [(one.name, one.stat()) for one in entries if one.is_file()]
        candidates = [Candidate(name, s.st_mtime, s.st_size) for name, s in seen]
        return self._path / newest(candidates, self._pattern, str(self._path), self._settled).name


def newest(
    candidates: Iterable[Candidate], pattern: str, folder: str, settled: int, now: float = 0.0
) -> Candidate:
    """The file that changed last, of several at the same time the last by name. An older one is
    never taken in its place: it says what was."""
    matching = [
        one
        for one in candidates
        if fnmatch.fnmatchcase(one.name, pattern)
        and not one.name.startswith(".")
        and not one.name.endswith(_UNFINISHED)
    ]
    if not matching:
        raise ReaderError(
            f"There is no file {pattern} in {folder}. Look at the folder and at `pattern`."
        )
    chosen = max(matching, key=lambda one: (one.modified, one.name))
    age = (now or time.time()) - chosen.modified
    if -_AHEAD < age < settled:
        raise ReaderBusy(
            f"{folder}/{chosen.name} changed {max(age, 0):.0f} seconds ago and may still be being "
            f"written: it is read once nothing has changed for {settled} seconds.",
            settled - max(age, 0),
        )
    return chosen


def stamp_of(path: Path, seen: os.stat_result) -> str:
    """Of a file of this machine."""
    return f"{path.name} {seen.st_ino} {seen.st_mtime_ns} {seen.st_size}"


def unreadable(path: object, error: OSError) -> ReaderError:
    """What the system says of a file, as a sentence."""
    return ReaderError(
        f"{path} cannot be read: {error.strerror or error}. Check its name and who may read it."
    )


def temporary(name: str) -> Path:
    """A new file that only we can read, with the ending of `name`."""
    handle, path = tempfile.mkstemp(prefix="tenure-", suffix=Path(name).suffix)
    os.close(handle)
    return Path(path)
