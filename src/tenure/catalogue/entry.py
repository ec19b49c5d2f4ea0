"""The shape of one entry: `entries/<slug>.yaml`. What it says of an application was read in a
source that it names, or stands under `not_confirmed`. Knows no database, page or command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

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
AUTHENTICATION = {
    "bearer": "Bearer token",
    "api_key": "API key",
    "two_keys": "Two keys",
    "basic": "User name and password",
    "session": "Session",
    "oauth_code": "OAuth 2.0, authorised by an administrator",
    "oauth_client": "OAuth 2.0, client credentials",
    "service_account": "Service account (OAuth 2.0, signed)",
    "none": "None",
}
CHECKED = {
    "live": "Against the running application",
    "specification": "Against the published specification",
    "documentation": "Against the documentation only",
}
_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")

Capability = Literal[
    "import", "create", "update", "disable", "delete", "groups", "roles", "licences"
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Address = Annotated[str, StringConstraints(pattern=r"^https://[^\s]+$", max_length=500)]


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return value


def _sentence(value: str) -> str:
    if value[-1] not in ".?!":
        raise ValueError("is not a sentence: it ends without a full stop")
    return value


Sentence = Annotated[Text, AfterValidator(_sentence)]


class Part(BaseModel):
    """A piece of an entry: no names but its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Part):
    """A page that was read, and what of the entry rests on it."""

    address: Address
    title: Text
    read: date = Field(description="The day on which it was read.")
    supports: Text = Field(description="What of this entry it says.")
    by: Literal["vendor", "copy", "microsoft", "third party"] = Field(
        default="vendor",
        description="Whose words: the vendor's; a copy of the vendor's specification; Microsoft's "
        "tutorial for it; somebody else's, which is a lead and no proof.",
    )


class Setting(Part):
    """Something that differs from company to company, asked when the application is added."""

    name: Name
    title: Text
    hint: Text = Field(description="Where the reader finds it, in the application's own words.")
    example: Text
    pattern: Annotated[str, AfterValidator(_pattern)] = Field(
        default="", description="The whole value has this form."
    )
    default: str = Field(default="", description="What goes where nothing is said.")
    choices: tuple[str, ...] = ()


class Secret(Part):
    """A credential. Its name is one of the connector's secrets."""

    name: Name
    title: Text
    hint: Text


def _step(value: Any) -> Any:
    return {"text": value} if isinstance(value, str) else value


class Step(Part):
    """One thing to do. **bold**, `code` and [words](https://address) are all that is marked up."""

    text: Text
    copy_: Text | None = Field(
        default=None, alias="copy", description="A value to be pasted elsewhere, shown by itself."
    )


Steps = tuple[Annotated[Step, BeforeValidator(_step, json_schema_input_type=str | Step)], ...]


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


class Authentication(Part):
    """How Tenure is let in."""

    kind: Literal[
        "bearer",
        "api_key",
        "two_keys",
        "basic",
        "session",
        "oauth_code",
        "oauth_client",
        "service_account",
        "none",
    ]
    by: str = Field(default="", description="Who can make the credential.")
    scopes: tuple[str, ...] = ()
    ends: str = Field(default="", description="When it stops working by itself.")


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


class Checked(Part):
    """How somebody made sure that the entry is right."""

    how: Literal["live", "specification", "documentation"]
    against: Sentence
    on: date


class Entry(Part):
    """One application."""

    slug: Slug
    name: Text
    aliases: tuple[str, ...] = Field(default=(), description="Other names that people look for.")
    category: Literal[tuple(CATEGORIES)]  # type: ignore[valid-type]  # one list for both
    summary: Sentence
    vendor: Address = Field(description="The vendor's page.")
    colour: Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]
    monogram: Annotated[str, StringConstraints(min_length=1, max_length=2)]
    hosting: tuple[Literal["cloud", "self-hosted"], ...] = Field(min_length=1)
    plan: Text = Field(description="Which plan or edition of theirs provisioning needs.")
    can: tuple[Capability, ...] = Field(
        default=(), description="What its interface offers, as a source says."
    )
    cannot: tuple[Capability, ...] = Field(
        default=(), description="What it does not offer. What is in neither is not known."
    )
    sso: SingleSignOn = Field(default_factory=SingleSignOn)
    authentication: Authentication
    settings: tuple[Setting, ...] = ()
    secrets: tuple[Secret, ...] = ()
    connector: Connection
    interface: Sentence = Field(description="By what interface accounts are managed, in words.")
    off: Off
    mapping: dict[
        str, Annotated[Mapped, BeforeValidator(_mapped, json_schema_input_type=str | Mapped)]
    ] = Field(default_factory=dict)
    matching: tuple[Matching, ...] = Field(
        default=(), description="Empty: by external id, e-mail address, user name."
    )
    pace: Pace = Field(default_factory=Pace)
    licences: Sentence = Field(description="What a seat is, and when it is free again.")
    instructions: Instructions
    traps: tuple[Sentence, ...] = ()
    confirmed: tuple[Sentence, ...] = ()
    not_confirmed: tuple[Sentence, ...] = ()
    sources: tuple[Source, ...] = Field(min_length=1)
    checked: Checked

    @property
    def automatic(self) -> bool:
        """Whether Tenure manages its accounts by itself; otherwise people do."""
        return self.connector.kind != "manual"

    @property
    def oauth_places(self) -> set[str]:
        """Settings and secrets that only authorising by OAuth needs."""
        return {name for text in texts_in(self.connector.oauth) for name in _PLACE.findall(text)}

    @model_validator(mode="after")
    def _agrees(self) -> Entry:
        both = sorted(set(self.can) & set(self.cannot))
        if both:
            raise ValueError(f"{', '.join(both)}: in `can` and in `cannot`. Keep one.")
        known = {setting.name for setting in self.settings}
        authorising = {secret.name for secret in self.secrets}
        places = {
            name for text in texts_in(self.connector.settings) for name in _PLACE.findall(text)
        } | (self.oauth_places - authorising)
        for name in sorted(places - known):
            raise ValueError(f"{{{name}}} stands for a setting that there is not. Add {name}.")
        for setting in self.settings:
            _agrees_with_itself(setting)
        if self.automatic and not self.mapping:
            raise ValueError("There is no mapping, so no account could be made.")
        if not self.automatic and (self.mapping or self.settings or self.secrets):
            raise ValueError("Nothing is asked or mapped where people do the work.")
        return self


def _agrees_with_itself(setting: Setting) -> None:
    for what in ("example", "default"):
        value = getattr(setting, what)
        if value and (problem := wrong_value(setting, value)):
            raise ValueError(f"{setting.name}: its own {what} {value!r} {problem}")


def wrong_value(setting: Setting, value: str) -> str | None:
    """Why it cannot be the setting's value; None where it can."""
    if setting.choices and value not in setting.choices:
        return f"is not one of {', '.join(setting.choices)}."
    if setting.pattern and not re.fullmatch(setting.pattern, value):
        return f"does not have the right form. Expected one such as {setting.example}."
    return None


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a value, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)


def filled(value: Any, answers: dict[str, str]) -> Any:
    """The value with `{setting}` replaced in every text of it; other braces stay."""
    if isinstance(value, str):
        return _PLACE.sub(lambda found: answers.get(found[1], found[0]), value)
    if isinstance(value, dict):
        return {key: filled(item, answers) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [filled(item, answers) for item in value]
    return value


def json_schema() -> dict[str, Any]:
    """JSON Schema of an entry, for editors and for whoever writes one."""
    schema = Entry.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Entry of Tenure's catalogue",
    }
