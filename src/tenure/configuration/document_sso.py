"""How people sign in to an application through Tenure: the protocol and what it needs, who is let
in beyond what the access rules say, and whom to ask."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from tenure.configuration.document_oidc import OpenIDConnect
from tenure.configuration.document_saml import Saml
from tenure.configuration.values import Duration, Part

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Hours(Part):
    """When people may sign in, in their own time zone. An `end` before `begin` is the day after."""

    days: list[Day] = Field(default_factory=lambda: list(DAYS), description="[mon, tue, wed]")
    begin: Clock = Field(default="00:00", description="07:00")
    end: Clock | Literal["24:00"] = Field(default="24:00", description="19:00, not included.")


class GlobalRevocation(Part):
    """Where the application takes an order to void everything that somebody has there (draft
    "Global Token Revocation", Okta's Universal Logout)."""

    address: Annotated[str, StringConstraints(max_length=2000)] = Field(
        description="Its global token revocation endpoint."
    )
    subject: Literal["email", "iss_sub", "opaque"] = Field(
        default="email",
        description="How people are named: email; iss_sub: our issuer and what the application was "
        "told when they signed in; opaque: the id of their account there.",
    )
    member: Literal["sub_id", "subject"] = Field(
        default="sub_id",
        description="Where the name stands in the request; drafts before 02 say subject.",
    )
    token: Annotated[str, StringConstraints(max_length=300)] = Field(
        default="",
        description="A bearer token, as a reference: ${box:NAME}. Empty: a JWT that Tenure signs, "
        "to be checked by its published keys.",
    )


class SingleSignOn(Part):
    """How people sign in to an application through Tenure. Exactly one protocol."""

    oidc: OpenIDConnect | None = Field(default=None, description="By OpenID Connect.")
    saml: Saml | None = Field(default=None, description="By SAML 2.0.")
    account: Literal["required", "not_needed"] = Field(
        default="required",
        description="required: nobody is sent there before their account is open. not_needed: it "
        "makes accounts by itself at the first sign-in, or has none.",
    )
    start: Annotated[str, StringConstraints(max_length=2000)] = Field(
        default="",
        description="Where the portal's tile leads: its own page that begins a sign-in.",
    )
    networks: list[str] = Field(
        default_factory=list,
        description="Only from these addresses (CIDR): 203.0.113.0/24. Empty: from anywhere.",
    )
    countries: list[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]] = Field(
        default_factory=list,
        description="Only from these countries (ISO 3166): [DE, AT], and from the company's own "
        "networks. Needs TENURE_PLACES.",
    )
    hours: Hours | None = Field(default=None, description="Only at these times.")
    passkey_within: Duration | None = Field(
        default=None,
        description="The passkey must have been used within so long: PT15M. It is asked for again.",
    )
    global_token_revocation: GlobalRevocation | None = Field(
        default=None, description="How everything that somebody has there is made void."
    )
    ask: Annotated[str, StringConstraints(max_length=300)] = Field(
        default="",
        description="Whom somebody who is refused is told to ask; empty: the application's owner.",
    )

    @model_validator(mode="after")
    def _one_protocol(self) -> SingleSignOn:
        if (self.oidc is None) == (self.saml is None):
            raise ValueError("Give one protocol: either oidc or saml, with its settings.")
        return self

    @property
    def protocol(self) -> Literal["oidc", "saml"]:
        return "oidc" if self.oidc is not None else "saml"


def settings_of(part: SingleSignOn | None) -> dict[str, Any]:
    """As it is stored with the application."""
    if part is None:
        return {}
    return part.model_dump(mode="json", exclude_defaults=True)


def stored_settings(stored: dict[str, Any]) -> SingleSignOn | None:
    """What was stored; None where people do not sign in to it through us."""
    return SingleSignOn.model_validate(stored) if stored else None
