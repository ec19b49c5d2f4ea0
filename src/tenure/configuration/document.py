"""The shape of the document. Each section that is given is complete; one that is not given (None)
stays as it is. What values mean together is checking's; nothing here knows files or a database.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from tenure.configuration.document_limits import (
    ChangeLimit,
    CreateLimit,
    FailureLimit,
    Limit,
)
from tenure.configuration.document_onboarding import Onboarding
from tenure.configuration.document_requests import Requestable, given
from tenure.configuration.document_sources import Source
from tenure.configuration.document_sso import SingleSignOn
from tenure.configuration.values import (
    Amount,
    AttributeName,
    Currency,
    Duration,
    EntitlementKey,
    Expression,
    Number,
    OnRename,
    Part,
    ReadAgain,
    Retention,
    Slug,
    Text,
)
from tenure.connectors.oauth import OAuthSettings
from tenure.core.expressions import AttributeType


class Company(Part):
    """Who we are, how corporate addresses are made, and whether changes wait for a review."""

    name: Text = Field(description="What the company is called.")
    domain: Annotated[str, StringConstraints(max_length=253)] = Field(
        default="", description="Domain of corporate e-mail addresses. Empty: none are made."
    )
    time_zone: str = Field(
        default="UTC", description="IANA name, for people whose source names none."
    )
    email_formats: list[str] = Field(
        default_factory=list,
        description="Tried in order until an address is free: {first}, {last}, {f}, {l}, {n}.",
    )
    plans: Literal["review", "automatic"] = Field(
        default="review",
        description="Whether changes wait for `tenure apply` or go ahead, within guards.",
    )
    leaver_grace: Duration | None = Field(
        default=None,
        description="For so long after somebody has left nothing is deleted, only closed: P14D.",
    )
    user_name_formats: list[str] = Field(
        default_factory=list,
        description="As email_formats, for `user_name`. Empty: none are made.",
    )
    on_rename: OnRename = Field(
        default="keep",
        description="Whether addresses and user names made here follow a changed name.",
    )
    name_retention: Retention = Field(
        default=timedelta(days=365),
        description="So long after its owner has left a name is given to nobody else; or never.",
    )
    warn_without_end: list[Annotated[str, StringConstraints(min_length=1, max_length=100)]] = Field(
        default_factory=lambda: ["contractor"],
        description="Values of employment_type of which a missing last day is told.",
    )
    colour: str = Field(
        default="", description="#rrggbb, for invitations and the portal. Empty: Tenure's own."
    )
    task_reminders: Literal["daily", "never"] = Field(
        default="daily",
        description="Whether who has something to do by hand is told, by one e-mail a day at most.",
    )
    tasks_to: Annotated[str, StringConstraints(max_length=254, pattern=r"^$|^[^@\s]+@[^@\s]+$")] = (
        Field(
            default="",
            description="Address for reminders of tasks that are nobody's. Empty: none.",
        )
    )
    onboarding: Onboarding = Field(default_factory=Onboarding)


class Attribute(Part):
    """One attribute of people beside the standard ones."""

    label: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    type: AttributeType = AttributeType.STRING
    sensitive: bool = Field(
        default=False, description="Shown nowhere, nor what mappings make of it."
    )


def _mapped(value: Any) -> Any:
    return {"value": value} if isinstance(value, str) else value


class MappedValue(Part):
    """An expression over `user`, and when it is written: always, or once at creation."""

    value: Expression
    when: Literal["always", "create"] = "always"


class Matching(Part):
    """An account and a person belong together when these two have the same value."""

    account: Expression = Field(
        description="Attribute of an account (userName), or an expression over `account`."
    )
    person: Expression = Field(
        description="Attribute of a person, an expression over `user`, or uid: what accounts made "
        "by Tenure have as external id."
    )
    case: Literal["fold", "exact"] = Field(
        default="fold", description="fold: without regard to case."
    )


DriftChoice = Literal["restore", "keep", "report"]


def _drift(value: Any) -> Any:
    return {"default": value} if isinstance(value, str) else value


class Removal(Part):
    """What becomes of an account that is no longer due."""

    then: Literal["disable", "delete", "keep"] = "disable"
    delete_after: Duration | None = Field(
        default=None, description="Delete it so long after it was disabled: P30D."
    )
    transfer_to: Literal["manager"] | None = Field(
        default=None,
        description="Who gets what a leaver owns there, before anything is deleted.",
    )

    @model_validator(mode="after")
    def _agrees(self) -> Removal:
        if self.delete_after is not None and self.then != "disable":
            raise ValueError(
                f"delete_after counts from the day an account is disabled, and `then: {self.then}`"
                " never disables one. Write then: disable, or leave delete_after out."
            )
        if self.transfer_to is not None and self.then == "keep":
            raise ValueError(
                "transfer_to hands over what is theirs, and `then: keep` leaves it theirs. Leave "
                "one of the two out."
            )
        return self


class Seat(Part):
    """What one account costs for a month."""

    price: Amount
    currency: Currency


class ApplicationGuard(Part):
    """What holds operations in an application."""

    creates: CreateLimit | None = Field(default=None, description="Accounts that are made.")
    changes: ChangeLimit | None = Field(
        default=None, description="Accounts that are changed, or given or refused something."
    )
    removals: Limit | None = Field(default=None, description="Accounts closed or deleted.")
    failures: FailureLimit | None = Field(default=None, description="Operations that fail.")


class Rates(Part):
    """How hard an application may be pressed: requests a second, and how many at once."""

    reads: Annotated[Number, Field(gt=0)] | None = None
    writes: Annotated[Number, Field(gt=0)] | None = None
    burst: Annotated[int, Field(ge=1)] | None = None
    concurrency: Annotated[int, Field(ge=1, le=256)] | None = None


def _entitlement(value: Any) -> Any:
    return {"key": value} if isinstance(value, str) else value


class Entitlement(Part):
    """Something that accounts can hold and that rules give: `group:sales`. A price is a month's."""

    key: EntitlementKey
    price: Amount | None = None
    currency: Currency | None = None
    seats: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Entitlement:
        if (self.price is None) != (self.currency is None):
            raise ValueError("A price needs its currency, and a currency its price. Give both.")
        return self


class Application(Part):
    """One application that accounts are made in."""

    name: Text
    connector: str = Field(description="The kind of application, such as scim.")
    catalogue: Annotated[str, StringConstraints(max_length=100)] = ""
    colour: Annotated[str, StringConstraints(pattern=r"^[#a-zA-Z0-9(),.% /-]{0,64}$")] = Field(
        default="",
        description="Of its monogram, as CSS writes it: #4a7fd6. Empty: one is chosen.",
    )
    settings: dict[str, Any] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(
        default_factory=dict,
        description="References only: ${env:NAME}, ${file:/path} or ${box:NAME}.",
    )
    oauth: OAuthSettings | None = Field(
        default=None,
        description="How it is authorised by OAuth; takes the place of the secret `token`.",
    )
    expires: dict[str, date] = Field(
        default_factory=dict,
        description="The last day of secrets that die by themselves: token: 2027-03-31.",
    )
    mapping: dict[
        str,
        Annotated[
            MappedValue,
            BeforeValidator(_mapped, json_schema_input_type=str | MappedValue),
        ],
    ] = Field(default_factory=dict, description="Attribute of an account -> expression.")
    matching: list[Matching] = Field(
        default_factory=list,
        description="How accounts that are there already are recognised, tried in order. Empty: by "
        "external id, e-mail address, user name.",
    )
    orphans: Literal["report", "disable", "delete"] = Field(
        default="report",
        description="Accounts that are nobody's. disable and delete always wait for approval.",
    )
    ignore: list[Expression] = Field(
        default_factory=list,
        description='Service accounts: account.userName.startsWith("svc-").',
    )
    protect: list[Expression] = Field(
        default_factory=list,
        description='Accounts that are never touched: account.userName == "owner@acme.example".',
    )
    drift: Annotated[
        dict[str, DriftChoice],
        BeforeValidator(_drift, json_schema_input_type=DriftChoice | dict[str, DriftChoice]),
    ] = Field(
        default_factory=dict,
        description="What somebody changed in the application: for everything, or by attribute "
        "with `default`; `active` and `entitlements` are names too.",
    )
    recreate: Literal["never", "ask", "always"] = Field(
        default="ask",
        description="Whether an account that somebody deleted in the application is made again.",
    )
    reconcile_every: ReadAgain = Field(
        default=timedelta(days=1),
        description="How often its accounts are read by themselves, so that what somebody did "
        "there is seen: PT15M to P30D; or never.",
    )
    keeps_owner: str = Field(
        default="",
        description="The entitlement whose holders own the application, as role:admin: the last "
        "account with it is never taken away. Some applications say by themselves who owns them.",
    )
    mode: Literal["live", "report"] = Field(
        default="report",
        description="report: what would be done is shown, and nothing is written until it is live.",
    )
    removal: Removal = Field(default_factory=lambda: Removal())
    leave: Literal["keep", "disable", "free"] = Field(
        default="keep",
        description="While somebody is on leave; free: disabled, and licences are given back.",
    )
    on_rename: OnRename = Field(
        default="change",
        description="Whether the login (userName) follows the person; keep: it stays as made.",
    )
    lead: Duration | None = Field(default=None, description="How long before the first day: P7D.")
    ahead: Literal["enabled", "disabled"] = Field(
        default="enabled",
        description="How an account is made before the first day; disabled: opened on that day.",
    )
    requires: list[Slug] = Field(
        default_factory=list,
        description="Applications in which the person must have an open account first.",
    )
    owner: str = Field(
        default="",
        max_length=200,
        description="Who does by hand what it cannot do itself; empty: an administrator.",
    )
    remind_after: Duration | None = Field(
        default=None, description="A task by hand is overdue after so long; empty: two days."
    )
    requestable: Annotated[
        Requestable | None,
        BeforeValidator(given, json_schema_input_type=bool | Requestable | None),
    ] = Field(default=None, description="Whether people may ask for it in their portal, and how.")
    seat: Seat | None = None
    guard: ApplicationGuard = Field(default_factory=lambda: ApplicationGuard())
    limits: Rates = Field(default_factory=lambda: Rates())
    single_sign_on: SingleSignOn | None = Field(
        default=None, description="How people sign in to it through Tenure."
    )
    entitlements: list[
        Annotated[
            Entitlement,
            BeforeValidator(_entitlement, json_schema_input_type=str | Entitlement),
        ]
    ] = Field(default_factory=list)


def _nothing_more(value: Any) -> Any:
    return [] if value is None else value


class Rule(Part):
    """Who meets the condition gets everything that the rule gives."""

    name: Text
    description: str = ""
    when: Expression = Field(description='A condition: user.department == "Sales".')
    give: dict[
        str,
        Annotated[
            list[EntitlementKey],
            BeforeValidator(_nothing_more, json_schema_input_type=list[EntitlementKey] | None),
        ],
    ] = Field(description="Application -> entitlements in it; [] for just an account.")
    enabled: bool = True
    grace: Duration | None = Field(
        default=None,
        description="For how long what it gives stays once somebody meets it no more: P7D.",
    )


class Group(Part):
    """People whom rules speak of together: `"field-sales" in user.groups`."""

    name: Text
    when: Expression | None = Field(
        default=None, description='A condition: user.department == "Sales".'
    )
    people: list[Annotated[str, StringConstraints(min_length=1, max_length=100)]] = Field(
        default_factory=list, description="Employee numbers of those who are in it by name."
    )

    @model_validator(mode="after")
    def _has_somebody(self) -> Group:
        if self.when is None and not self.people:
            raise ValueError("Nobody is in this group. Give a condition (when), people, or both.")
        return self


class Document(Part):
    """The whole configuration."""

    company: Company | None = None
    attributes: dict[AttributeName, Attribute] | None = None
    sources: dict[Slug, Source] | None = None
    applications: dict[Slug, Application] | None = None
    groups: dict[Slug, Group] | None = None
    rules: dict[Slug, Rule] | None = None


#: The sections, in the order in which they are written and applied.
SECTIONS = ("company", "attributes", "sources", "applications", "groups", "rules")
