"""What an administrator says about where a file is, whatever kind of file it is. Forms are
generated from these schemas."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from tenure.connectors.addresses import checked_url
from tenure.connectors.base import StopApplication
from tenure.connectors.http import Timeouts
from tenure.connectors.sftp import Sftp

Text = Annotated[str, StringConstraints(strip_whitespace=True)]


class Pgp(BaseModel):
    """How an encrypted file is opened."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signed_by: list[str] = Field(
        default_factory=list,
        title="Signed by",
        description="Public keys, as text; a file that none of them has signed is refused. "
        "Empty: signatures are not looked at.",
    )


class FileSettings(BaseModel):
    """Where the file is."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(
        "",
        title="File or folder",
        description="On this machine, or on the SFTP server. Of a folder the newest file is taken.",
    )
    pattern: Text = Field(
        "",
        title="Which files of the folder",
        description="As in people-*.csv. Empty: those with the ending of this kind.",
    )
    settled: int = Field(
        10,
        ge=0,
        le=3600,
        title="Settled after, in seconds",
        description="A file of a folder or an SFTP server that changed less long ago is still "
        "being written, and waited for.",
    )
    sftp: Sftp | None = Field(
        default=None,
        title="By SFTP",
        description="Where the file is on another machine.",
        examples=["{host: sftp.hr.example.com, user: tenure, host_key: ssh-ed25519 AAAAC3Nz...}"],
    )
    url: Text = Field("", title="Web address", description="https://, where it is fetched from.")
    user: Text = Field(
        "", title="Sign in as", description="At the web address, with the password (Basic)."
    )
    pgp: Pgp | None = Field(
        default=None, title="Encrypted by PGP", description="Opened with the private key."
    )
    timeouts: Timeouts = Field(default_factory=Timeouts, title="Time-outs")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value:
            try:
                checked_url(value.partition("?")[0], allow_http=False)
            except StopApplication as error:
                raise ValueError(str(error)) from None
        return value

    @field_validator("pattern")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if "/" in value:
            raise ValueError("the pattern is of a file's name; the folder is `path`")
        return value

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.url and (self.path or self.sftp or self.pattern):
            raise ValueError("url goes with neither path, pattern nor sftp: a file is in one place")
        if self.sftp and not self.path.startswith("/"):
            raise ValueError("path: expected the whole path on the SFTP server, from / on")
        if self.user and not self.url:
            raise ValueError("user goes with url; of an SFTP server it is sftp.user")
        return self


class FileSecrets(BaseModel):
    """Of the server that the file is fetched from, and of a file that is encrypted."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    password: SecretStr | None = Field(
        default=None, title="Password", description="Of the SFTP or web user, or of the SSH key."
    )
    private_key: SecretStr | None = Field(
        default=None, title="SSH key", description="For SFTP; OpenSSH or PEM."
    )
    token: SecretStr | None = Field(
        default=None, title="Token", description="Sent to the web address as Bearer."
    )
    pgp_key: SecretStr | None = Field(
        default=None, title="PGP private key", description="Armoured, as gpg --export-secret-keys."
    )
    pgp_password: SecretStr | None = Field(default=None, title="Password of the PGP key")

    def text(self, name: str) -> str | None:
        """The value of one of them; None where it is not given."""
        found = getattr(self, name)
        return found.get_secret_value() if found is not None else None
