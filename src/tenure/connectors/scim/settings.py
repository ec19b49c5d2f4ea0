"""What an administrator says about one SCIM application. Forms are generated from these schemas.

They must not know what the connector does with them.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from tenure.connectors.fields import BaseAddress
from tenure.connectors.http import Timeouts
from tenure.connectors.scim.dialect import Dialect


class ScimAddress(BaseModel):
    """Where a SCIM interface is, and how it wants to be spoken to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: BaseAddress = Field(
        title="SCIM address",
        description="As the application shows it; it often ends in /scim/v2.",
        examples=["https://example.com/scim/v2"],
    )
    allow_http: bool = Field(
        default=False,
        title="Allow http://",
        description="Only inside a network that you trust: the token is readable on the way.",
    )
    page_size: int = Field(
        default=100,
        ge=1,
        le=1000,
        title="Accounts per page",
        description="When everything is listed.",
    )
    dialect: Dialect = Field(
        default_factory=Dialect,
        title="Its dialect",
        description="How the application deviates from the standard. Not given: what it says of "
        "itself, and what is seen to work.",
    )
    timeouts: Timeouts = Field(default_factory=Timeouts, title="Time-outs")


class ScimSettings(ScimAddress):
    """An application's, with what of it is ours."""

    groups: bool = Field(default=True, title="Manage groups")
    create_groups: bool = Field(
        default=True,
        title="Create missing groups",
        description="Otherwise a person makes them there.",
    )


class ScimSecrets(BaseModel):
    """The credentials."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    token: SecretStr = Field(
        title="Bearer token", description="Made in the application, by an administrator of it."
    )

    @field_validator("token", mode="after")
    @classmethod
    def _is_a_token(cls, value: SecretStr) -> SecretStr:
        token = value.get_secret_value().strip()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ValueError("expected a token without spaces or line breaks")
        return SecretStr(token)
