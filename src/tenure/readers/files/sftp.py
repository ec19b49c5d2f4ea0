"""A file on an SFTP server, copied here to be read. It must not know what is in it."""

from __future__ import annotations

import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tenure.connectors.sftp import Sftp, SftpConnection
from tenure.readers.base import ReaderBusy, ReaderError
from tenure.readers.files.places import Candidate, Fetched, newest, temporary
from tenure.readers.files.settings import FileSecrets, FileSettings
from tenure.readers.looping import run

if TYPE_CHECKING:
    import asyncssh

#: Seconds that a copy may take.
_COPYING = 600


class SftpPlace:
    """A file or a folder behind SFTP."""

    def __init__(
        self, settings: FileSettings, sftp: Sftp, pattern: str, secrets: FileSecrets
    ) -> None:
        self._settings, self._sftp, self._pattern = settings, sftp, pattern
        self._secrets = secrets

    def fetch(self, known: str = "") -> Fetched | None:
        return run(self._fetch(known))

    async def _fetch(self, known: str) -> Fetched | None:
        settings = self._settings
        connection = SftpConnection(
            self._sftp,
            self._secrets.text("password"),
            self._secrets.text("private_key"),
            settings.timeouts,
        )
        try:
            async with connection.errors(f"read {settings.path}"):
                client = await connection.client()
                path, found = await self._found(client)
            stamp = _stamp(path, found)
            if stamp == known:
                return None
            target = temporary(path)
            try:
                async with connection.errors(f"read {path}", seconds=_COPYING):
                    await client.get(path, target)
                    after = await client.stat(path)
                self._must_be_whole(path, found, after, target)
            except BaseException:
                target.unlink(missing_ok=True)
                raise
        finally:
            await connection.close()
        shown = f"sftp://{self._sftp.host}{path}"
        return Fetched(target, shown, stamp, found.size or 0, found.mtime, temporary=True)

    async def _found(self, client: asyncssh.SFTPClient) -> tuple[str, asyncssh.SFTPAttrs]:
        """The file to take, and what the server says of it."""
        import asyncssh

        path = self._settings.path
        try:
            seen = await client.stat(path)
            if seen.permissions is None or not stat.S_ISDIR(seen.permissions):
                name = PurePosixPath(path).name
                self._settle(
                    [_candidate(name, seen)], _literal(name), str(PurePosixPath(path).parent)
                )
                return path, seen
            listed = {
                str(one.filename): one.attrs
                for one in await client.readdir(path)
                if one.attrs.permissions is None or stat.S_ISREG(one.attrs.permissions)
            }
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            raise ReaderError(
                f"{path} is not on {self._sftp.host}: correct `path`, or have the file put there."
            ) from None
        candidates = [_candidate(name, attributes) for name, attributes in listed.items()]
        chosen = self._settle(candidates, self._pattern, path)
        return f"{path.rstrip('/')}/{chosen.name}", listed[chosen.name]

    def _settle(self, candidates: list[Candidate], pattern: str, folder: str) -> Candidate:
        return newest(candidates, pattern, folder, self._settings.settled)

    def _must_be_whole(
        self, path: str, before: asyncssh.SFTPAttrs, after: asyncssh.SFTPAttrs, copy: Path
    ) -> None:
        size = copy.stat().st_size
        if (before.size, before.mtime) != (after.size, after.mtime) or size != after.size:
            raise ReaderBusy(
                f"{path} on {self._sftp.host} changed while it was copied: it is read again later.",
                self._settings.settled,
            )


def _candidate(name: str, attributes: asyncssh.SFTPAttrs) -> Candidate:
    return Candidate(name, float(attributes.mtime or 0), attributes.size or 0)


def _stamp(path: str, attributes: asyncssh.SFTPAttrs) -> str:
    return f"{path} {attributes.mtime} {attributes.mtime_ns or 0} {attributes.size}"


def _literal(name: str) -> str:
    """A pattern that only this name fits."""
    return "".join(f"[{one}]" if one in "*?[" else one for one in name)
