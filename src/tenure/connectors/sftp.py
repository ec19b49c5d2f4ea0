"""A server that is spoken to by SFTP: where it is, how we sign in, and what goes wrong on the way.

The key of the host is known beforehand, never taken on trust. It must not know which files there
are.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from tenure.connectors.addresses import is_forbidden
from tenure.connectors.answers import Redactor
from tenure.connectors.base import RetryLater, StopApplication
from tenure.connectors.http import Timeouts

if TYPE_CHECKING:
    import asyncssh

_Given = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Sftp(BaseModel):
    """A server that takes and gives files by SFTP."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: _Given = Field(title="Host")
    port: int = Field(default=22, ge=1, le=65535, title="Port")
    user: _Given = Field(title="Sign in as")
    host_key: _Given = Field(
        title="Key of the host",
        description="As `ssh-keyscan host` prints it, without the name: ssh-ed25519 AAAA...",
    )

    @field_validator("host")
    @classmethod
    def _is_a_host(cls, value: str) -> str:
        if is_forbidden(value):
            raise ValueError("this address is link-local or a cloud's, never a file server's")
        return value


class SftpConnection:
    """One connection, made when it is needed and again when it was lost. `password` is of the user,
    or of the key where there is one."""

    def __init__(self, sftp: Sftp, password: str | None, key: str | None, timeouts: Timeouts):
        self._sftp = sftp
        self._password, self._key = password, key
        self._timeouts = timeouts
        self._redact = Redactor([one for one in (password, key) if one])
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None

    async def client(self) -> asyncssh.SFTPClient:
        """Call it within `errors`."""
        import asyncssh

        if self._client is not None and self._connection and not self._connection.is_closed():
            return self._client
        sftp = self._sftp
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
            connect_timeout=self._timeouts.connect,
            login_timeout=self._timeouts.total,
        )
        self._client = await self._connection.start_sftp_client()
        return self._client

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            await self._connection.wait_closed()
            self._connection = self._client = None

    @asynccontextmanager
    async def errors(self, may_not: str, *, seconds: float | None = None) -> AsyncIterator[None]:
        """What goes wrong inside, as an error by consequence. `may_not`: what the server refuses
        where it refuses something; `seconds`: for all of it together (None: the time-out's)."""
        import asyncssh

        where = f"{self._sftp.host}:{self._sftp.port}"
        try:
            async with asyncio.timeout(seconds or self._timeouts.total):
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
                f"SFTP to {where}: {self._sftp.user} may not {may_not}."
            ) from None
        except (asyncssh.Error, OSError, TimeoutError) as error:
            # A file that was not renamed is not there, so nothing was handed over.
            await self.close()
            said = self._redact(str(error)).rstrip(".") or "no answer came in time"
            raise RetryLater(f"SFTP to {where}: {said}. It is tried again later.") from None
