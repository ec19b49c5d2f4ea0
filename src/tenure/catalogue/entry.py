"""The shape of one entry: `entries/<slug>.yaml`. What it says of an application was read in a
source that it names, or stands under `not_confirmed`. Knows no database, page or command.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from tenure.catalogue.parts import (
    AUTHENTICATION,
    CHECKED,
    Authentication,
    Common,
    Name,
    Part,
    Sentence,
    Setting,
    Step,
    Steps,
    Text,
    agrees,
    filled,
    places_in,
    texts_in,
    wrong_value,
)

__all__ = [
    "AUTHENTICATION",
    "CAPABILITIES",
    "CATEGORIES",
    "CHECKED",
    "PROTOCOLS",
    "Authentication",
    "Entry",
    "Setting",
    "Step",
    "filled",
    "json_schema",
    "texts_in",
    "wrong_value",
]

#: Category -> what people read, in the order in which they are shown.
CATEGORIES = {
    "office": "Office suites",
    "communication": "Communication",
    "work": "Work and projects",
    "content": "Design and content",
    "files": "Files and signatures",
    "service": "Service desk and support",
    "sales": "Sales and marketing",
    "development": "Software development",
    "operations": "Operations and monitoring",
    "cloud": "Cloud and network",
    "data": "Data and analytics",
    "identity": "Identity and passwords",
    "business": "Business and finance",
}
#: What an interface for provisioning may offer -> what people read.
CAPABILITIES = {
    "import": "Read accounts",
    "create": "Create",
    "update": "Update",
    "disable": "Disable",
    "delete": "Delete",
    "groups": "Groups",
    "roles": "Roles",
    "licences": "Licences",
}
PROTOCOLS = {"saml": "SAML", "oidc": "OpenID Connect", "ldap": "LDAP", "jwt": "JWT"}
Capability = Literal[
    "import", "create", "update", "disable", "delete", "groups", "roles", "licences"
]


class Instructions(Part):
    """Numbered steps, in the order in which they are taken."""

    general: Steps = Field(min_length=1, description="Before anything else: plan, roles, domain.")
    single_sign_on: Steps = Field(min_length=1)
    provisioning: Steps = Field(min_length=1)


class SingleSignOn(Part):
    """What the application is as a service provider. `{setting}` stands for a setting's value."""

    protocols: tuple[Literal["saml", "oidc", "ldap", "jwt"], ...] = ()
    confirmed: bool = Field(
        default=True, description="Whether a source says that it has these protocols."
    )
    plan: str = Field(default="", description="Which plan of theirs has it.")
    entity_id: str = ""
    acs: str = Field(default="", description="Where assertions are posted.")
    start: str = Field(default="", description="Where somebody begins to sign in.")
    metadata: str = Field(default="", description="Where the application shows its own metadata.")
    name_id: str = Field(default="", description="What the subject of an assertion is.")
    makes_accounts: bool | None = Field(
        default=None, description="Whether signing in makes an account by itself. None: not known."
    )


class Connection(Part):
    """The connector and what it is told. `{setting}` in `settings` and `oauth` stands for a
    setting's value, and in `oauth` `{secret}` for where a secret is; `spec` stays as it is.

    `manual`: no connector can do it yet; people do, by the instructions.
    """

    kind: Text
    settings: dict[str, Any] = Field(default_factory=dict)
    dialect: dict[str, Any] = Field(
        default_factory=dict, description="How it differs from the SCIM standard."
    )
    spec: dict[str, Any] = Field(
        default_factory=dict, description="Requests of an interface of its own."
    )
    oauth: dict[str, Any] = Field(
        default_factory=dict, description="How it is authorised by OAuth, as in tenure.yaml."
    )


class Off(Part):
    """What the end of an account means there."""

    disable: Sentence | None = Field(default=None, description="None: it cannot be disabled.")
    delete: Sentence | None = Field(default=None, description="None: it cannot be deleted.")
    then: Literal["disable", "delete", "keep"] = Field(
        default="disable", description="What is done by default when access ends."
    )
    sessions: Literal["end", "go_on"] | None = Field(
        default=None,
        description="Whether what somebody is signed in to ends with the account. None: not known.",
    )
    sign_out: Sentence | None = Field(
        default=None, description="How an administrator signs somebody out there by hand."
    )


class Matching(Part):
    """An account and a person belong together when these two have the same value."""

    account: Text
    person: Text
    case: Literal["fold", "exact"] = "fold"


def _mapped(value: Any) -> Any:
    return {"value": value} if isinstance(value, str) else value


class Mapped(Part):
    """An expression over `user`, and when it is written."""

    value: Text
    when: Literal["always", "create"] = "always"


class Pace(Part):
    """How hard it may be pressed: requests a second, and how many at once."""

    reads: Annotated[float, Field(gt=0)] | None = None
    writes: Annotated[float, Field(gt=0)] | None = None
    burst: Annotated[int, Field(ge=1)] | None = None
    concurrency: Annotated[int, Field(ge=1, le=256)] | None = None


class Entry(Common):
    """One application."""

    category: Literal[tuple(CATEGORIES)]  # type: ignore[valid-type]  # one list for both
    plan: Text = Field(description="Which plan or edition of theirs provisioning needs.")
    can: tuple[Capability, ...] = Field(
        default=(), description="What its interface offers, as a source says."
    )
    cannot: tuple[Capability, ...] = Field(
        default=(), description="What it does not offer. What is in neither is not known."
    )
    sso: SingleSignOn = Field(default_factory=SingleSignOn)
    connector: Connection
    interface: Sentence = Field(description="By what interface accounts are managed, in words.")
    off: Off
    attributes: dict[Name, Text] = Field(
        default_factory=dict,
        description="What people must have beside the standard attributes, by name, and its label.",
    )
    mapping: dict[
        str, Annotated[Mapped, BeforeValidator(_mapped, json_schema_input_type=str | Mapped)]
    ] = Field(default_factory=dict)
    matching: tuple[Matching, ...] = Field(
        default=(), description="Empty: by external id, e-mail address, user name."
    )
    pace: Pace = Field(default_factory=Pace)
    licences: Sentence = Field(description="What a seat is, and when it is free again.")
    instructions: Instructions

    @property
    def automatic(self) -> bool:
        """Whether Tenure manages its accounts by itself; otherwise people do."""
        return self.connector.kind != "manual"

    @property
    def oauth_places(self) -> set[str]:
        """Settings and secrets that only authorising by OAuth needs."""
        return places_in(self.connector.oauth)

    @model_validator(mode="after")
    def _agrees(self) -> Entry:
        both = sorted(set(self.can) & set(self.cannot))
        if both:
            raise ValueError(f"{', '.join(both)}: in `can` and in `cannot`. Keep one.")
        agrees(self, self.connector.settings, self.connector.oauth)
        if self.automatic and not self.mapping:
            raise ValueError("There is no mapping, so no account could be made.")
        if not self.automatic and (self.mapping or self.settings or self.secrets):
            raise ValueError("Nothing is asked or mapped where people do the work.")
        return self


def json_schema() -> dict[str, Any]:
    """JSON Schema of an entry, for editors and for whoever writes one."""
    schema = Entry.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Entry of Tenure's catalogue",
    }
