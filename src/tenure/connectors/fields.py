"""What the settings of several connectors and readers have alike. It must not know any one of
them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from tenure.connectors.addresses import checked_url, is_forbidden, is_loopback
from tenure.connectors.base import StopApplication


def _checked(value: str) -> str:
    try:
        # Whether http is allowed is another field's matter; the funnel checks that when it opens.
        return str(checked_url(value, allow_http=True))
    except StopApplication as error:
        raise ValueError(str(error)) from None


#: Where an interface is: https://host/path, without a slash at its end.
BaseAddress: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True), AfterValidator(_checked)
]
#: A text that is not empty.
Given: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class DatabaseServer(BaseModel):
    """Where a database's server is, and who we are there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Given = Field(
        title="Host",
        description="Its name, or the folder of its socket.",
        examples=["db.example.com"],
    )
    port: int = Field(ge=1, le=65535, title="Port")
    database: Given = Field(title="Database")
    user: Given = Field(title="Sign in as", examples=["tenure"])
    plain: bool = Field(
        default=False,
        title="Without encryption",
        description="Only inside a network that you trust. This machine needs none.",
    )
    ca_file: str = Field(
        default="",
        title="File of issuers",
        description="PEM certificates of who issued the server's, where this machine does not "
        "know them.",
    )

    @property
    def is_socket(self) -> bool:
        return self.host.startswith("/")

    @property
    def is_encrypted(self) -> bool:
        """Not on this machine, unless somebody says who issued the server's certificate."""
        is_local = self.is_socket or is_loopback(self.host)
        return not self.plain and (not is_local or bool(self.ca_file))

    @field_validator("host")
    @classmethod
    def _is_a_host(cls, value: str) -> str:
        if "," in value or "://" in value or " " in value:
            raise ValueError("expected the name of one host")
        if is_forbidden(value):
            raise ValueError("this address is link-local or a cloud's, never a database's")
        return value

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.ca_file and not Path(self.ca_file).is_file():
            raise ValueError(f"ca_file: there is no file {self.ca_file}")
        if self.ca_file and self.plain:
            raise ValueError("ca_file goes with an encrypted connection, and plain is set")
        return self
