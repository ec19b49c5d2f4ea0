"""How an interface of somebody else's is spoken to, as data: what an administrator is asked, where
it is, who asks, how it says no, how hard it may be pressed. What is done with it (accounts that are
managed, people that are read) is written beside this, in `spec` and in the readers' specification.

Shape only. Whether expressions compile and names exist is `compiling_interface`'s.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from tenure.connectors.rest.spec_auth import Auth, NoAuth
from tenure.connectors.rest.spec_requests import Errors, Part, Pattern

#: Names of settings that every interface of this kind has.
RESERVED = frozenset({"spec", "spec_file", "allow_http", "timeouts"})
_NAME = r"^[a-z][a-z0-9_]*$"
Name = Annotated[str, Field(pattern=_NAME, max_length=64)]


class Setting(Part):
    """One thing that an administrator fills in."""

    title: str
    hint: str = ""
    example: str = ""
    kind: Literal["text", "url", "number", "yes_no"] = "text"
    pattern: Pattern = Field(default="", description="Regular expression for the whole value.")
    choices: list[str] = Field(default_factory=list)
    default: str | bool | int | None = None
    optional: bool = False


class Secret(Part):
    """One credential."""

    title: str
    hint: str = ""
    optional: bool = False


class Rpc(Part):
    """JSON-RPC 2.0: `RPC method` in a request is a POST to this path, its body the parameters."""

    path: str = "/"
    extra: dict[str, Any] = Field(
        default_factory=dict, description="What stands beside method and params, such as auth."
    )


class SpecLimits(Part):
    """How hard it may be pressed, and the headers in which it says so itself."""

    reads: float | None = Field(default=None, gt=0, description="Requests per second that read.")
    writes: float | None = Field(default=None, gt=0, description="Requests per second that write.")
    burst: int = Field(default=20, ge=1)
    concurrency: int = Field(default=8, ge=1, le=64)
    remaining: str = Field(default="", description="Header: how many are left.")
    reset: str = Field(default="", description="Header: when there will be more.")
    reset_is: Literal["seconds", "epoch", "epoch_ms"] = "seconds"
    largest_answer: int = Field(default=16, ge=1, le=256, description="In MiB.")


class Certificate(Part):
    """A certificate that says who asks, beside whatever else does (mutual TLS). Both as PEM."""

    certificate: str = "{secrets.certificate}"
    private_key: str = "{secrets.private_key}"


class Interface(Part):
    """How one interface is spoken to."""

    name: str = Field(min_length=1, max_length=100)
    about: str = ""
    sources: list[str] = Field(
        default_factory=list, description="The pages of its documentation that this is from."
    )
    settings: dict[Name, Setting] = Field(default_factory=dict)
    secrets: dict[Name, Secret] = Field(default_factory=dict)
    base_url: str = Field(description="https://api.example.com/v1, or {settings.url}/api.")
    headers: dict[str, str] = Field(default_factory=dict)
    auth: Auth = Field(default_factory=lambda: NoAuth(kind="none"))
    certificate: Certificate | None = Field(
        default=None, description="What the other side wants to see of us, for mutual TLS."
    )
    rpc: Rpc | None = None
    envelope: str = Field(
        default="", description="What stands around every `xml`, which goes where {xml} is: SOAP."
    )
    errors: Errors = Field(default_factory=Errors)
    limits: SpecLimits = Field(default_factory=SpecLimits)

    @model_validator(mode="after")
    def _names_are_free(self) -> Interface:
        taken = sorted(
            name for name in self.settings if name in RESERVED or hasattr(BaseModel, name)
        )
        if taken:
            raise ValueError(f"Settings cannot be called {', '.join(taken)}. Choose other names.")
        if self.envelope and self.envelope.count("{xml}") != 1:
            raise ValueError("`envelope` has {xml} in it once: where a request's own XML goes.")
        return self
