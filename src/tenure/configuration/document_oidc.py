"""What OpenID Connect needs to know of an application. The names are those of the registry of
client metadata (RFC 7591, OpenID Connect Registration 1.0) where there is one."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tenure.configuration.values import Duration, Expression, Part

Url = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]{0,99}$")]
Claim = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.:/-]{0,199}$")]
Grant = Literal["authorization_code", "refresh_token", "client_credentials", "device_code"]
Scope = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$")]
GRANTS: tuple[Grant, ...] = ("authorization_code", "refresh_token")


class OpenIDConnect(Part):
    """The application as a client. Secrets are not here: `tenure sso client secret` makes them."""

    client_id: ClientId | None = Field(
        default=None, description="What it calls itself; empty: the application's name here."
    )
    redirect_uris: list[Url] = Field(
        default_factory=list,
        description="Where answers may be sent, each compared letter by letter.",
    )
    post_logout_redirect_uris: list[Url] = Field(
        default_factory=list, description="Where it may send people after signing out here."
    )
    initiate_login_uri: str = Field(
        default="",
        max_length=2000,
        description="Its address that begins a sign-in on our word; the portal's tile leads there.",
    )
    backchannel_logout_uri: str = Field(
        default="", max_length=2000, description="Where it is told that a session has ended."
    )
    token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post", "none"] = (
        Field(
            default="client_secret_basic",
            description="How it proves who it is; none: a program in a browser or on a phone.",
        )
    )
    grants: list[Grant] = Field(
        default_factory=lambda: list(GRANTS),
        description="What it may do. PKCE is required of every authorization_code.",
    )
    scopes: list[Scope] = Field(
        default_factory=list,
        description="Scopes beyond openid, profile, email and groups, such as offline_access.",
    )
    subject: Expression | None = Field(
        default=None, description="What `sub` is; empty: the person's own id, which never changes."
    )
    claims: dict[Claim, Expression] = Field(
        default_factory=dict,
        description="Claims beside the standard ones, or in their place: name -> expression.",
    )
    id_token_signed_response_alg: Literal["RS256", "ES256"] = "RS256"
    access_token_lifetime: Duration = timedelta(minutes=10)
    refresh_token_lifetime: Duration = Field(
        default=timedelta(days=30), description="From the last time one was used."
    )
