"""What an administrator says about one PostgreSQL server. Forms are generated from these schemas.

They must not know what the connector does with them.
"""

from __future__ import annotations

from pathlib import Path
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

from tenure.connectors.addresses import is_forbidden, is_loopback
from tenure.connectors.http import Timeouts

Given = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class PostgresqlAddress(BaseModel):
    """Where the server is, and who we are there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Given = Field(
        title="Host",
        description="Its name, or the folder of its socket.",
        examples=["db.example.com"],
    )
    port: int = Field(default=5432, ge=1, le=65535, title="Port")
    database: Given = Field(default="postgres", title="Database")
    user: Given = Field(title="Sign in as", examples=["tenure"])
    plain: bool = Field(
        default=False,
        title="Without encryption",
        description="Only inside a network that you trust. This machine needs none.",
    )
    ca_file: str = Field(
        default="",
        title="File of issuers",
        description="PEM certificates of who issued the server's, where this machine does not "
        "know them.",
    )

    @property
    def is_local(self) -> bool:
        return self.host.startswith("/") or is_loopback(self.host)

    @property
    def encryption(self) -> tuple[str, str]:
        """`sslmode` and `sslrootcert`: https://www.postgresql.org/docs/current/libpq-ssl.html"""
        if self.plain or (self.is_local and not self.ca_file):
            return "prefer", ""
        return "verify-full", self.ca_file or "system"

    @field_validator("host")
    @classmethod
    def _is_a_host(cls, value: str) -> str:
        if "," in value or "://" in value or " " in value:
            raise ValueError("expected the name of one host")
        if is_forbidden(value):
            raise ValueError("this address is link-local or a cloud's, never a database's")
        return value

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.ca_file and not Path(self.ca_file).is_file():
            raise ValueError(f"ca_file: there is no file {self.ca_file}")
        if self.ca_file and self.plain:
            raise ValueError("ca_file goes with an encrypted connection, and plain is set")
        return self


class PostgresqlSettings(PostgresqlAddress):
    """A server whose roles are accounts. Its address is that of the one which is written to."""

    database: Given = Field(
        default="postgres",
        title="Database",
        description="Any one: roles are the whole server's.",
    )
    user: Given = Field(
        title="Sign in as", description="A role with CREATEROLE.", examples=["tenure"]
    )
    end_sessions: bool = Field(
        default=True,
        title="End sessions of who is switched off",
        description="Needs membership in pg_signal_backend.",
    )
    groups: bool = Field(default=True, title="Manage memberships in roles")
    create_groups: bool = Field(default=False, title="Create missing roles")
    page_size: int = Field(default=1000, ge=1, le=10_000, title="Roles per page")
    timeouts: Timeouts = Field(default_factory=Timeouts, title="Time-outs")


class PostgresqlSecrets(BaseModel):
    """The credentials."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    password: SecretStr = Field(title="Password", description="Of the role that we sign in as.")
