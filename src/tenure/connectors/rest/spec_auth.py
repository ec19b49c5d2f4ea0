"""How an application wants to know who asks. Shape only; what is done is in `auth`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tenure.connectors.rest.spec_requests import Part, Request


class NoAuth(Part):
    """Nothing is sent, or all of it is in the specification's own headers."""

    kind: Literal["none"]


class HeaderAuth(Part):
    """One key or several, each in a header."""

    kind: Literal["header"]
    headers: dict[str, str] = Field(min_length=1)


class QueryAuth(Part):
    """A key in the address, for applications that know nothing better."""

    kind: Literal["query"]
    query: dict[str, str] = Field(min_length=1)


class BasicAuth(Part):
    """User name and password (RFC 7617). A key alone is often the user name, with no password."""

    kind: Literal["basic"]
    user: str
    password: str = ""


class BearerAuth(Part):
    """A token in the Authorization header. `scheme` is the word before it, "" for none. An
    application with `oauth` in tenure.yaml gets its token from there, and keeps it fresh."""

    kind: Literal["bearer"]
    token: str = "{secrets.token}"
    scheme: str = "Bearer"


class SessionAuth(Part):
    """A request that signs in and gives a token or a cookie, sent with everything after it."""

    kind: Literal["session"]
    login: Request
    keep: dict[str, str] = Field(
        default_factory=dict,
        description="Name -> place in the answer, or =expression over body, headers and cookies. "
        "Used as session.NAME.",
    )
    cookies: bool = Field(default=False, description="Whether its cookies are sent back.")
    headers: dict[str, str] = Field(default_factory=dict)
    query: dict[str, str] = Field(default_factory=dict)
    logout: Request | None = None


class TokenAuth(Part):
    """What the ways of OAuth 2.0 that need nobody present have in common."""

    token_url: str
    scopes: list[str] = Field(default_factory=list)
    scheme: str = "Bearer"
    parameters: dict[str, str] = Field(
        default_factory=dict,
        description="More that the token endpoint wants, such as audience, or another grant_type.",
    )


class ClientCredentialsAuth(TokenAuth):
    """A token for a client id and its secret (RFC 6749, 4.4)."""

    kind: Literal["client_credentials"]
    client_id: str = "{secrets.client_id}"
    client_secret: str = "{secrets.client_secret}"
    client_authentication: Literal["basic", "post"] = Field(
        default="basic", description="Whether id and secret go in a header or in the form."
    )


class JwtBearerAuth(TokenAuth):
    """A token for an assertion signed with a key: service accounts (RFC 7523, 2.1)."""

    kind: Literal["jwt_bearer"]
    issuer: str
    subject: str = Field(default="", description="On whose behalf: an administrator there.")
    audience: str = Field(default="", description="Of the assertion. Default: token_url.")
    private_key: str = Field(default="{secrets.private_key}", description="As PEM.")
    key_id: str = ""
    algorithm: str = Field(default="RS256", pattern="^(RS|ES|PS)(256|384|512)$")


Auth = Annotated[
    NoAuth
    | HeaderAuth
    | QueryAuth
    | BasicAuth
    | BearerAuth
    | SessionAuth
    | ClientCredentialsAuth
    | JwtBearerAuth,
    Field(discriminator="kind"),
]
