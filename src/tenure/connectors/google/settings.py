"""What an administrator says about one Google Workspace. Forms are generated from these schemas.

They must not know what the connector does with them.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from tenure.connectors.fields import BaseAddress
from tenure.connectors.http import Timeouts

Text = Annotated[str, StringConstraints(strip_whitespace=True)]
Product = Annotated[str, StringConstraints(pattern=r"^[\w-]+/[\w-]+$")]


class GoogleSettings(BaseModel):
    """Which Workspace, and what of it is ours."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    customer: Annotated[str, StringConstraints(pattern=r"^(my_customer|C\w+)$")] = Field(
        default="my_customer",
        title="Customer",
        description="my_customer is the Workspace of the administrator on whose behalf we act.",
    )
    base_url: BaseAddress = Field(
        default="https://admin.googleapis.com", title="Address of the Admin SDK"
    )
    licensing_url: BaseAddress = Field(
        default="https://licensing.googleapis.com", title="Address of the Licensing API"
    )
    allow_http: bool = Field(default=False, title="Allow http://", description="For tests only.")
    sign_out: bool = Field(default=True, title="End sessions of who is switched off")
    transfers: bool = Field(
        default=True,
        title="Hand over what leavers own",
        description="Files, events and reports, to whom `removal.transfer_to` says. Needs the "
        "scope admin.datatransfer.",
    )
    groups: bool = Field(default=True, title="Manage groups")
    create_groups: bool = Field(default=False, title="Create missing groups")
    group_domain: Text = Field(
        default="",
        title="Domain of new groups",
        description="A group needs an address: sales@ and this.",
    )
    licences: dict[str, Product] = Field(
        default_factory=dict,
        title="Licences",
        description="A name of yours to product/SKU, as in {business-plus: "
        "Google-Apps/1010020025}.",
    )
    page_size: int = Field(default=500, ge=1, le=500, title="Accounts per page")
    timeouts: Timeouts = Field(default_factory=Timeouts, title="Time-outs")


class GoogleSecrets(BaseModel):
    """An access token, where the application is not authorised by OAuth."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    token: SecretStr = Field(
        title="Access token", description="Lives for an hour: authorise by OAuth instead."
    )
