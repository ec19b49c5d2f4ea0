"""One application's own interface, as data: what a person who reads its documentation writes down.

    name, settings, secrets     what an administrator is asked
    base_url, headers, auth     how it is spoken to
    account                     how an account looks there
    requests                    one or more requests for each verb
    entitlements                groups, roles and licences
    errors, limits, cannot      how it says no, how hard it may be pressed, what a person has to do

Shape only. Whether expressions compile and names exist is `compiling`'s.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from tenure.connectors.rest.interface import Interface
from tenure.connectors.rest.spec_requests import Part, Place, Request, Steps

EntitlementKind = Literal["group", "role", "licence"]


def _attribute(value: Any) -> Any:
    if isinstance(value, str):
        return {"read": value} if value.startswith("=") else {"path": value}
    return value


class Attribute(Part):
    """One attribute of accounts: where it is, and how it is written another way there."""

    path: Place = Field(default="", description="Where it is in an account; empty: nowhere alone.")
    read: str = Field(default="", description="=expression over value (at path) and item.")
    write: str | Literal[False] = Field(
        default="", description="=expression over value and account. false: it is not written."
    )
    empty: Any = Field(default=None, description="What is sent to clear it.")
    fixed: bool = Field(
        default=False, description="It cannot be changed after the account is made."
    )
    example: Any = Field(
        default=None, description="For the check's canary; {canary} in it is the canary's name."
    )

    @model_validator(mode="after")
    def _is_somewhere(self) -> Attribute:
        if not self.path and not self.read:
            raise ValueError("Give `path`, or `read` as an expression over item.")
        return self


AttributeOrPlace = Annotated[
    Attribute, BeforeValidator(_attribute, json_schema_input_type=Attribute | str)
]


class Active(Part):
    """How an account shows whether it is open. One of `open`, `closed` and `when`; with `path`
    alone, a true value is open."""

    path: Place = ""
    open: Any = Field(default=None, description="The value, or values, of an open account.")
    closed: Any = Field(default=None, description="The value, or values, of a closed one.")
    when: str = Field(default="", description="=condition over item that holds for an open one.")
    missing: Literal["open", "closed", "unknown"] = Field(
        default="unknown", description="What it means where nothing is there."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Active:
        ways = [n for n in ("open", "closed", "when") if n in self.model_fields_set]
        if len(ways) > 1 or bool(self.path) == bool(self.when):
            raise ValueError("Give `path`, with `open` or `closed` if need be; or `when` alone.")
        return self


class Account(Part):
    """How an account looks there."""

    id: Place = Field(default="id", description="What never changes and is unique.")
    attributes: dict[str, AttributeOrPlace] = Field(min_length=1)
    active: Active | None = None
    empty: Any = Field(default=None, description="What is sent to clear an attribute: null or ''.")
    read_only: list[Place] = Field(
        default_factory=list, description="What is left out when a whole account is sent back."
    )
    unique_names: bool = Field(
        default=False,
        description="No second account of one name is made there: whoever asks is refused.",
    )
    ignore: str = Field(
        default="", description="=condition over item: accounts that are none (bots, guests)."
    )


class Requests(Part):
    """The verbs. What is left out cannot be done, and becomes a task for a person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    list: Steps
    get: Steps
    find: dict[str, Steps] = Field(default_factory=dict)
    create: Steps | None = None
    update: Steps | None = None
    disable: Steps | None = None
    enable: Steps | None = None
    delete: Steps | None = None
    end_sessions: Steps | None = Field(
        default=None, description="Signs the account out everywhere, and leaves it open."
    )
    own_account: Request | None = None
    check: dict[str, Request] = Field(default_factory=dict)


class Entitlement(Part):
    """Groups, roles or licences. Either accounts are members of it (add and remove), or it is a
    field of the account (field and change)."""

    list: Request | None = None
    values: dict[str, str] = Field(
        default_factory=dict, description="Id -> name, where they are always the same."
    )
    id: Place = "id"
    name: Place = "name"
    members: Request | None = Field(default=None, description="Who is in it, page by page.")
    member: Place = Field(default="id", description="Where an account's id is in a member.")
    members_at: Place = Field(
        default="", description="Where the ids of members are in the listed thing itself."
    )
    add: Steps | None = None
    remove: Steps | None = None
    chunk: int = Field(
        default=0, ge=0, le=10_000, description="How many `members` go into one request; 0: one."
    )
    create: Steps | None = None
    delete: Steps | None = Field(default=None, description="Takes away what `create` made.")
    field: str = Field(
        default="",
        description="Where an account shows what it holds: a place, or =expression over item.",
    )
    change: Steps | None = Field(
        default=None, description="Sets the field to `values` (a list), or `value` (one)."
    )

    @model_validator(mode="after")
    def _is_something(self) -> Entitlement:
        if self.list is None and not self.values:
            raise ValueError("Give `list` as a request, or `values` where they never change.")
        if bool(self.field) != bool(self.change):
            raise ValueError("`field` and `change` belong together: give both or neither.")
        if self.field and (self.add or self.remove):
            raise ValueError("Give `field` and `change`, or `add` and `remove`, not all of them.")
        return self


class Spec(Interface):
    """One application's own interface."""

    account: Account
    requests: Requests
    entitlements: dict[EntitlementKind, Entitlement] = Field(default_factory=dict)
    cannot: dict[str, str] = Field(
        default_factory=dict,
        description="Verb -> what a person has to do there by hand: delete: Open the user and ...",
    )
