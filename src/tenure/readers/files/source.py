"""The file of a source for the readers of files: fetched once for all passes over it, opened if it
is encrypted, and the same from the first pass to the last.

Its cursor says whether the file is another one. A file knows no more of what changed, so where it
is another one, `CursorExpired` has it read whole.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from tenure.connectors.base import Check
from tenure.readers.base import CursorExpired, ReaderBusy, ReaderConfig, ReaderError
from tenure.readers.files import pgp
from tenure.readers.files.places import Fetched, Place, ThisMachine, stamp_of, temporary
from tenure.readers.files.settings import FileSecrets, FileSettings


@dataclass(frozen=True, slots=True)
class Located:
    """A file that can be opened. str() is what people call it."""

    path: Path
    shown: str

    def __str__(self) -> str:
        return self.shown


class SourceFile:
    """`usual` is the pattern for a folder where the settings give none."""

    def __init__(self, config: ReaderConfig, settings: FileSettings, usual: str) -> None:
        secrets = FileSecrets.model_validate(dict(config.secrets))
        self._settings, self._secrets = settings, secrets
        self._given = config.file
        self._place = self._placed(config, usual)
        self._fetched: Fetched | None = None
        self._located: Located | None = None
        # Another place or another way of reading is another file.
        told = orjson.dumps(settings.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
        self._mark = hashlib.sha256(told).hexdigest()[:16]
        self._stamp = ""

    @contextmanager
    def reading(self) -> Iterator[Located]:
        """The file, for one pass over it. Raises `ReaderBusy` where it is not what it was in the
        pass before, or not when the pass ends."""
        located = self._get()
        self._must_be_the_same()
        yield located
        self._must_be_the_same()

    def must_be_known(self, cursor: str) -> None:
        """Raises `CursorExpired` where the file is not that of the cursor; fetches it only then."""
        try:
            known = orjson.loads(cursor)
            mark, stamp = str(known["mark"]), str(known["stamp"])
        except (orjson.JSONDecodeError, TypeError, KeyError):
            mark = stamp = ""
        if mark != self._mark or not stamp or self._given is not None:
            raise CursorExpired("Where the file is, or how it is read, is set anew.")
        fetched = self._place.fetch(stamp)
        if fetched is not None:
            self._take(fetched)
            raise CursorExpired("There is another file.")
        self._stamp = stamp

    def cursor(self) -> str:
        """Of the file that was read; "" for one that was given by hand."""
        if self._given is not None or not self._stamp:
            return ""
        return orjson.dumps({"mark": self._mark, "stamp": self._stamp}).decode()

    def check(self) -> Check:
        """Whether there is a file, and which."""
        try:
            with self.reading() as located:
                fetched = self._fetched
                assert fetched is not None
        except ReaderError as error:
            return Check("File", False, str(error))
        said = f"{located}: {fetched.size:,} bytes"
        if fetched.modified is not None:
            said += f", of {datetime.fromtimestamp(fetched.modified, UTC):%Y-%m-%d %H:%M} UTC"
        return Check("File", True, f"{said}.")

    def _placed(self, config: ReaderConfig, usual: str) -> Place:
        # Each way is imported where it is taken: a file of this machine needs no HTTP and no SSH.
        settings = self._settings
        if config.file is not None:
            return ThisMachine(config.file, usual, 0)
        if settings.url:
            from tenure.readers.files.web import WebPlace

            return WebPlace(settings, self._secrets, config.tokens)
        if not settings.path:
            raise ReaderError("No file is named: set `path` or `url`, or give a file.")
        pattern = settings.pattern or usual + ("*" if settings.pgp else "")
        if settings.sftp is not None:
            from tenure.readers.files.sftp import SftpPlace

            return SftpPlace(settings, settings.sftp, pattern, self._secrets)
        return ThisMachine(Path(settings.path), pattern, settings.settled)

    def _get(self) -> Located:
        if self._located is None:
            fetched = self._fetched or self._place.fetch()
            assert fetched is not None, "only a known stamp gives none"
            self._take(fetched)
            self._located = self._opened(fetched)
            self._stamp = fetched.stamp
        return self._located

    def _take(self, fetched: Fetched) -> None:
        if fetched is self._fetched:
            return
        if fetched.temporary:
            weakref.finalize(self, fetched.path.unlink, missing_ok=True)
        self._fetched, self._located = fetched, None

    def _opened(self, fetched: Fetched) -> Located:
        if self._settings.pgp is None:
            return Located(fetched.path, fetched.shown)
        plain = temporary(Path(fetched.path.name.removesuffix(".gpg").removesuffix(".pgp")).name)
        weakref.finalize(self, plain.unlink, missing_ok=True)
        pgp.opened(
            fetched.path,
            plain,
            fetched.shown,
            key=self._secrets.text("pgp_key"),
            password=self._secrets.text("pgp_password"),
            signed_by=self._settings.pgp.signed_by,
        )
        return Located(plain, fetched.shown)

    def _must_be_the_same(self) -> None:
        fetched = self._fetched
        if fetched is None or fetched.temporary:
            return
        try:
            same = stamp_of(fetched.path, fetched.path.stat()) == fetched.stamp
        except OSError:
            same = False
        if not same:
            raise ReaderBusy(
                f"{fetched.shown} changed while it was read: it is read again once it is whole."
            )
