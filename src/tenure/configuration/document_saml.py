"""What SAML 2.0 needs to know of an application (the service provider)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from tenure.configuration.values import Expression, Part

Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class Saml(Part):
    """The application as a service provider."""

    entity_id: Text = Field(description="What it calls itself (entity ID, audience).")
    acs: list[Text] = Field(
        min_length=1,
        description="Where assertions may be sent (Assertion Consumer Service), the default first.",
    )
    name_id: Expression | None = Field(
        default=None, description="Whom an assertion names; empty: the work e-mail."
    )
    attributes: dict[str, Expression] = Field(
        default_factory=dict, description="Attribute statements: name -> expression."
    )
