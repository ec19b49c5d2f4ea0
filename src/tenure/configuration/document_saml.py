"""What SAML 2.0 needs to know of an application (the service provider), and what it is told of
people."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from tenure.configuration.values import Expression, Part

Url = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Certificate = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class SamlLogout(Part):
    """Where the application is told that a session has ended (Single Logout Service)."""

    binding: Literal["soap", "redirect", "post"] = Field(description="How it is told.")
    address: Url = Field(description="Where it is told.")
    answers: Annotated[str, StringConstraints(max_length=2000)] = Field(
        default="", description="Where answers to its own requests go; empty: the same address."
    )


class SamlAttribute(Part):
    """An attribute statement."""

    value: Expression = Field(description="A text, or a list of texts.")
    format: Literal["unspecified", "uri", "basic"] = Field(
        default="unspecified", description="The form of the attribute's name."
    )
    friendly_name: Annotated[str, StringConstraints(max_length=200)] = Field(
        default="", description="A name for people."
    )


def _attribute(value: Any) -> Any:
    return {"value": value} if isinstance(value, str) else value


class Saml(Part):
    """The application as a service provider. What is said here goes before what its metadata
    says."""

    metadata_url: Annotated[str, StringConstraints(max_length=2000)] = Field(
        default="", description="Where its metadata is. It is read daily."
    )
    entity_id: Annotated[str, StringConstraints(max_length=1024)] = Field(
        default="",
        description="What it calls itself (entity ID, audience); from metadata_url, if empty.",
    )
    acs: list[Url] = Field(
        default_factory=list,
        description="Where assertions may be sent (Assertion Consumer Service), the default first.",
    )
    logout: list[SamlLogout] = Field(
        default_factory=list, description="Where it is told of logouts, the best way first."
    )
    certificates: list[Certificate] = Field(
        default_factory=list, description="By which its messages are known (PEM)."
    )
    signed_requests: bool | None = Field(
        default=None,
        description="Whether it has to sign its requests; empty: as its metadata says, else no.",
    )
    sign: Literal["both", "assertion", "response"] = Field(
        default="both", description="What is signed for it."
    )
    key: Annotated[str, StringConstraints(max_length=64)] = Field(
        default="",
        description="Which key signs for it, by its id; empty: the one whose time it is.",
    )
    encrypt: bool = Field(default=False, description="Whether assertions are encrypted for it.")
    encryption_certificate: Certificate = Field(
        default="", description="For which key (PEM); empty: as its metadata says."
    )
    cipher: Literal["aes256-gcm", "aes128-gcm", "aes256-cbc", "aes128-cbc"] | None = Field(
        default=None, description="Empty: as its metadata says, else aes256-gcm."
    )
    name_id: Expression | None = Field(
        default=None, description="Whom an assertion names; empty: the work e-mail."
    )
    name_id_format: Literal["email", "persistent", "transient", "unspecified"] | None = Field(
        default=None, description="In which form; empty: as the application asks, else email."
    )
    name_id_insist: bool = Field(
        default=False, description="That form, even where the application asks for another one."
    )
    attributes: dict[
        Name,
        Annotated[
            SamlAttribute,
            BeforeValidator(_attribute, json_schema_input_type=str | SamlAttribute),
        ],
    ] = Field(default_factory=dict, description="Attribute statements: name -> expression.")
    relay_state: Annotated[str, StringConstraints(max_length=1000)] = Field(
        default="",
        description="What is sent along when a sign-in begins in the portal: the page to open.",
    )
