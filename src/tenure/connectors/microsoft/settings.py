"""What an administrator says about one Microsoft 365 tenant. Forms are generated from these
schemas.

They must not know what the connector does with them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from tenure.connectors.fields import BaseAddress
from tenure.connectors.http import Timeouts

Text = Annotated[str, StringConstraints(strip_whitespace=True)]


class MicrosoftSettings(BaseModel):
    """Which Graph, and what of the tenant is ours."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: BaseAddress = Field(
        default="https://graph.microsoft.com/v1.0",
        title="Address of Microsoft Graph",
        description="Another one in the clouds for governments and China.",
    )
    allow_http: bool = Field(default=False, title="Allow http://", description="For tests only.")
    guests: bool = Field(
        default=False,
        title="Guests too",
        description="Otherwise only members of the tenant are accounts.",
    )
    external_id: (
        Literal["", "employeeId"]
        | Annotated[str, StringConstraints(pattern=r"^extensionAttribute([1-9]|1[0-5])$")]
    ) = Field(
        default="",
        title="Property for our own id",
        description="One that nothing else uses, such as extensionAttribute15. Empty: none is "
        "kept.",
    )
    restore: bool = Field(
        default=True,
        title="Bring back who was deleted",
        description="Somebody who comes back within 30 days gets the deleted account again, with "
        "mailbox and files. Needs the property for our own id, by which they are known.",
    )
    usage_location: Annotated[str, StringConstraints(pattern=r"^([A-Z]{2})?$")] = Field(
        default="",
        title="Country of who has none",
        description="Two letters. Microsoft gives nobody a licence without a usage location.",
    )
    revoke_sessions: bool = Field(
        default=True,
        title="End sessions of who is switched off",
        description="Needs User.RevokeSessions.All.",
    )
    groups: bool = Field(default=True, title="Manage groups")
    create_groups: bool = Field(default=False, title="Create missing groups")
    group_prefix: Text = Field(
        default="",
        title="Only groups that begin with",
        description="Members are read group by group: this makes it quick in large tenants.",
    )
    licences: bool = Field(default=True, title="Manage licences")
    page_size: int = Field(default=999, ge=1, le=999, title="Accounts per page")
    timeouts: Timeouts = Field(default_factory=Timeouts, title="Time-outs")


class MicrosoftSecrets(BaseModel):
    """An access token, where the application is not authorised by OAuth."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    token: SecretStr = Field(
        title="Access token", description="Lives for an hour: authorise by OAuth instead."
    )
