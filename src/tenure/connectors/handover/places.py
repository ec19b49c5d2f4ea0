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
from typing import TYPE_CHECKING, Protocol

from tenure.connectors.answers import Redactor
from tenure.connectors.base import ConnectorError, RetryLater, StopApplication
from tenure.connectors.handover.settings import HandoverSecrets, HandoverSettings, Sftp

if TYPE_CHECKING:
    import asyncssh

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
        self._settings = settings
        self._sftp = sftp
        password, key = secrets.password, secrets.private_key
        self._password = password.get_secret_value() if password else None
        self._key = key.get_secret_value() if key else None
        self._redact = Redactor([one for one in (self._password, self._key) if one])
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None
        self._turn = asyncio.Lock()

    async def read(self, name: str) -> bytes | None:
        import asyncssh

        async with self._errors():
            client = await self._opened()
            try:
                async with client.open(self._path(name), "rb") as file:
                    return await file.read()  # type: ignore[return-value]
            except asyncssh.SFTPNoSuchFile:
                if await client.isdir(self._settings.folder):
                    return None
                raise StopApplication(
                    f"The folder {self._settings.folder} is not on {self._sftp.host}: make it, or "
                    "correct it."
                ) from None

    async def write(self, name: str, data: bytes) -> None:
        half = self._path(f"{_BEING_WRITTEN}-{name}")
        async with self._errors():
            client = await self._opened()
            async with client.open(half, "wb") as file:
                await file.write(data)
            await client.posix_rename(half, self._path(name))

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Among the tasks of this process only: SFTP has no locks."""
        async with self._turn:
            yield

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            await self._connection.wait_closed()
            self._connection = self._client = None

    def _path(self, name: str) -> str:
        return f"{self._settings.folder.rstrip('/')}/{name}"

    async def _opened(self) -> asyncssh.SFTPClient:
        import asyncssh

        if self._client is not None and self._connection and not self._connection.is_closed():
            return self._client
        sftp, timeouts = self._sftp, self._settings.timeouts
        keys = []
        if self._key:
            keys = [asyncssh.import_private_key(self._key, passphrase=self._password)]
        self._connection = await asyncssh.connect(
            sftp.host,
            sftp.port,
            username=sftp.user,
            password=None if keys else self._password,
            client_keys=keys or None,
            agent_path=None,
            config=None,
            known_hosts=([asyncssh.import_public_key(sftp.host_key)], [], []),
            connect_timeout=timeouts.connect,
            login_timeout=timeouts.total,
        )
        self._client = await self._connection.start_sftp_client()
        return self._client

    @asynccontextmanager
    async def _errors(self) -> AsyncIterator[None]:
        import asyncssh

        where = f"{self._sftp.host}:{self._sftp.port}"
        try:
            async with asyncio.timeout(self._settings.timeouts.total):
                yield
        except (
            asyncssh.HostKeyNotVerifiable,
            asyncssh.KeyImportError,
            asyncssh.KeyEncryptionError,
        ) as error:
            raise StopApplication(
                f"SFTP to {where}: {self._redact(str(error))}. Nothing was sent. Check host_key "
                "and the private key."
            ) from None
        except asyncssh.PermissionDenied:
            raise StopApplication(
                f"SFTP to {where}: {self._sftp.user} is not let in. Check the user, the password "
                "or the key."
            ) from None
        except asyncssh.SFTPPermissionDenied:
            raise StopApplication(
                f"SFTP to {where}: {self._sftp.user} may not write in {self._settings.folder}."
            ) from None
        except (asyncssh.Error, OSError, TimeoutError) as error:
            # A file that was not renamed is not there, so nothing was handed over.
            await self.close()
            said = self._redact(str(error)).rstrip(".") or "no answer came in time"
            raise RetryLater(f"SFTP to {where}: {said}. It is tried again later.") from None


def _trouble(error: OSError, folder: Path) -> ConnectorError:
    said = error.strerror or str(error)
    if isinstance(error, (PermissionError, NotADirectoryError, FileNotFoundError)):
        return StopApplication(
            f"The folder {folder} cannot be written to: {said}. Mend its rights."
        )
    return RetryLater(f"The folder {folder} cannot be written to: {said}. It is tried again later.")
