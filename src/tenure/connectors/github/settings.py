"""What an administrator says about one GitHub organisation. Forms are generated from these schemas.

They must not know what the connector does with them.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from tenure.connectors.fields import BaseAddress
from tenure.connectors.http import Timeouts

Text = Annotated[str, StringConstraints(strip_whitespace=True)]


class GithubSettings(BaseModel):
    """Which organisation, and what of it is ours."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    organisation: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,39}$")] = Field(
        title="Organisation", description="As in github.com/ORGANISATION.", examples=["acme"]
    )
    base_url: BaseAddress = Field(
        default="https://api.github.com",
        title="Address of the interface",
        description="Of a GitHub Enterprise Server: https://HOST/api/v3.",
    )
    allow_http: bool = Field(default=False, title="Allow http://", description="For tests only.")
    outside: bool = Field(
        default=False,
        title="Outside collaborators too",
        description="People who are in repositories and not in the organisation: they are taken "
        "out, and never brought in.",
    )
    groups: bool = Field(default=True, title="Manage teams")
    create_groups: bool = Field(default=False, title="Create missing teams")
    page_size: int = Field(default=100, ge=1, le=100, title="Accounts per page")
    timeouts: Timeouts = Field(default_factory=Timeouts, title="Time-outs")


class GithubSecrets(BaseModel):
    """The credentials."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    token: SecretStr = Field(
        title="Token", description="Of an owner of the organisation: fine-grained, or classic."
    )
