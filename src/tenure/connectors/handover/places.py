"""Where files go: a folder of this machine, or one behind SFTP. A file is there as a whole or not
at all: it is written under another name and renamed.

They must not know what is in the files.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from tenure.connectors.base import ConnectorError, RetryLater, StopApplication
from tenure.connectors.handover.settings import HandoverSecrets, HandoverSettings
from tenure.connectors.sftp import Sftp, SftpConnection

_BEING_WRITTEN = ".tenure-being-written"


class Place(Protocol):
    """One folder. All raise `RetryLater` where nothing was changed, and `StopApplication`."""

    async def read(self, name: str) -> bytes | None:
        """A file; None where there is none. The folder has to be there."""

    async def write(self, name: str, data: bytes) -> None:
        """Puts a file there, in the place of one with that name."""

    def alone(self) -> AbstractAsyncContextManager[None]:
        """Nobody else of us changes anything meanwhile."""

    async def close(self) -> None: ...


def place(settings: HandoverSettings, secrets: HandoverSecrets) -> Place:
    if settings.sftp is None:
        return Folder(Path(settings.folder))
    return SftpFolder(settings, settings.sftp, secrets)


class Folder:
    """A folder of this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self, name: str) -> bytes | None:
        return await asyncio.to_thread(self._read, name)

    async def write(self, name: str, data: bytes) -> None:
        await asyncio.to_thread(self._write, name, data)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """By a lock on the folder, which other processes of ours on this machine respect."""
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise _trouble(error, self._path) from None
        try:
            await asyncio.to_thread(fcntl.flock, handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    async def close(self) -> None:
        return None

    def _read(self, name: str) -> bytes | None:
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError:
            if self._path.is_dir():
                return None
            raise StopApplication(
                f"The folder {self._path} is not there: make it, or mount what it is on."
            ) from None
        except OSError as error:
            raise _trouble(error, self._path) from None

    def _write(self, name: str, data: bytes) -> None:
        half = self._path / f"{_BEING_WRITTEN}-{name}"
        try:
            with half.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            half.replace(self._path / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                half.unlink()
            raise _trouble(error, self._path) from None


class SftpFolder:
    """A folder behind SFTP, over one connection."""

    def __init__(self, settings: HandoverSettings, sftp: Sftp, secrets: HandoverSecrets) -> None:
        self._folder = settings.folder
        self._host = sftp.host
        password, key = secrets.password, secrets.private_key
        self._connection = SftpConnection(
            sftp,
            password.get_secret_value() if password else None,
            key.get_secret_value() if key else None,
            settings.timeouts,
        )
        self._may_not = f"write in {settings.folder}"
        self._turn = asyncio.Lock()

    async def read(self, name: str) -> bytes | None:
        import asyncssh

        async with self._connection.errors(self._may_not):
            client = await self._connection.client()
            try:
                async with client.open(self._path(name), "rb") as file:
                    return await file.read()  # type: ignore[return-value]
            except asyncssh.SFTPNoSuchFile:
                if await client.isdir(self._folder):
                    return None
                raise StopApplication(
                    f"The folder {self._folder} is not on {self._host}: make it, or correct it."
                ) from None

    async def write(self, name: str, data: bytes) -> None:
        half = self._path(f"{_BEING_WRITTEN}-{name}")
        async with self._connection.errors(self._may_not):
            client = await self._connection.client()
            async with client.open(half, "wb") as file:
                await file.write(data)
            await client.posix_rename(half, self._path(name))

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Among the tasks of this process only: SFTP has no locks."""
        async with self._turn:
            yield

    async def close(self) -> None:
        await self._connection.close()

    def _path(self, name: str) -> str:
        return f"{self._folder.rstrip('/')}/{name}"


def _trouble(error: OSError, folder: Path) -> ConnectorError:
    said = error.strerror or str(error)
    if isinstance(error, (PermissionError, NotADirectoryError, FileNotFoundError)):
        return StopApplication(
            f"The folder {folder} cannot be written to: {said}. Mend its rights."
        )
    return RetryLater(f"The folder {folder} cannot be written to: {said}. It is tried again later.")
