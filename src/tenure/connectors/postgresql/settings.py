"""What an administrator says about one PostgreSQL server. Forms are generated from these schemas.

They must not know what the connector does with them.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from tenure.connectors.fields import DatabaseServer, Given
from tenure.connectors.http import Timeouts


class PostgresqlAddress(DatabaseServer):
    """Where the server is, and who we are there."""

    port: int = Field(default=5432, ge=1, le=65535, title="Port")
    database: Given = Field(default="postgres", title="Database")

    @property
    def encryption(self) -> tuple[str, str]:
        """`sslmode` and `sslrootcert`: https://www.postgresql.org/docs/current/libpq-ssl.html"""
        if not self.is_encrypted:
            return "prefer", ""
        return "verify-full", self.ca_file or "system"


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
