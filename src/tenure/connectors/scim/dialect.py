"""How one application speaks SCIM, as data: what a catalogue entry or `tenure.yaml` says of it.

What is not said here (None) is taken from what the server declares of itself, then from what was
seen to work, then from the standard (see `speech`). What is said here wins over all of them. It
must not know requests: the modules beside it act on it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

Attribute = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,100}$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{1,500}$")]
Urn = Annotated[str, StringConstraints(pattern=r"^(?i:urn):\S+$")]


#: Headers that carry credentials, or say how a request is made.
_NEVER = frozenset(
    {"authorization", "proxy-authorization", "cookie", "host", "content-length", "content-type",
     "connection", "transfer-encoding", "if-match"}
)  # fmt: skip


class Part(BaseModel):
    """A piece of the dialect: no names but its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Pages(Part):
    """How lists are read (RFC 7644, 3.4.2.4; by cursor RFC 9865)."""

    by: Literal["index", "cursor", "none"] | None = Field(
        default=None,
        title="Pages by",
        description="index: startIndex and count. cursor: nextCursor. none: everything comes at "
        "once, and nothing is asked for. Not given: as the server says, else by index.",
    )
    first: Literal[0, 1] | None = Field(
        default=None,
        title="First index",
        description="Where startIndex begins: 1 by the standard. Not given: found out.",
    )
    largest: int | None = Field(
        default=None,
        ge=1,
        title="Largest page",
        description="How many it gives at once at most, or allows to be asked for.",
    )
    count: bool | None = Field(
        default=None,
        title="Takes count",
        description="false: it fails when it is asked for a number. Not given: found out.",
    )


class Changes(Part):
    """How accounts are changed."""

    by: Literal["patch", "put", "none"] | None = Field(
        default=None,
        title="Change accounts with",
        description="patch sends what changes; put sends the whole account, read just before. "
        "none: accounts cannot be changed. Not given: patch, unless the server has none.",
    )
    only: list[Attribute] | None = Field(
        default=None,
        title="Only these attributes",
        description="What can be changed after an account is made; the rest is a person's task.",
    )
    paths: bool | None = Field(
        default=None,
        title="PATCH with paths",
        description="false: one operation without a path, whose value holds the attributes.",
    )
    entries: Literal["filter", "list"] | None = Field(
        default=None,
        title="Entries of a list",
        description='filter: emails[type eq "work"].value is understood. list: the whole list is '
        "written anew. Not given: found out.",
    )
    operations: Literal["lower", "capital"] = Field(
        default="lower",
        title="Operation names",
        description="lower: replace, as the standard says. capital: Replace.",
    )


class Off(Part):
    """What takes access away and keeps the account, where that is possible."""

    by: Literal["active", "delete", "group", "none"] = Field(
        default="active",
        title="Switched off by",
        description="active: active=false. delete: DELETE. group: leaving the group named in "
        "group. none: it cannot be done; a person has to.",
    )
    send: Literal["patch", "put"] | None = Field(
        default=None,
        title="Send active with",
        description="Where active is changed in another way than the rest. Not given: as changes.",
    )
    group: str = Field(
        default="", title="Group of those who are on", description="By its name, for by: group."
    )
    final: bool = Field(
        default=False,
        title="Switched off is gone",
        description="active=false removes the account: it cannot be switched on again.",
    )

    @model_validator(mode="after")
    def _agrees(self) -> Off:
        if (self.by == "group") != bool(self.group):
            raise ValueError("by: group needs the group's name in group, and only that does")
        return self


class Members(Part):
    """How memberships of groups are read and changed."""

    by: Literal["patch", "put", "user", "none"] | None = Field(
        default=None,
        title="Change members by",
        description="patch of the group with the difference; put of the whole group; user: a "
        "change of the account's groups; none: a person does it. Not given: as changes.",
    )
    remove: Literal["filter", "list"] | None = Field(
        default=None,
        title="Remove members by",
        description='filter: members[value eq "id"]. list: path members with the values. Not '
        "given: found out.",
    )
    per_request: int = Field(
        default=100,
        ge=1,
        le=10_000,
        title="Members per request",
        description="More are sent in several requests.",
    )
    shown: Literal["list", "group", "filter", "users", "never"] | None = Field(
        default=None,
        title="Members are shown",
        description="list: where all groups are listed. group: only where one group is read. "
        "filter: by a search for accounts with groups.value. users: in each account's groups. "
        "never: nowhere. Not given: found out.",
    )
    references: bool | None = Field(
        default=None,
        title="Members need $ref",
        description="Each member is named by its address, too. Not given: found out.",
    )


class Bulk(Part):
    """Several changes in one request (RFC 7644, 3.7)."""

    use: bool | None = Field(
        default=None,
        title="Bulk",
        description="true: whatever can go in one request does. false: nothing does. Not given: "
        "where the server says that it has it, and as long as it is faster.",
    )
    operations: int | None = Field(
        default=None,
        ge=2,
        le=10_000,
        title="Operations per request",
        description="At most. Not given: as the server says (maxOperations).",
    )
    bytes: int | None = Field(
        default=None,
        ge=1000,
        title="Bytes per request",
        description="At most. Not given: as the server says (maxPayloadSize).",
    )
    counts: Literal["request", "operations"] = Field(
        default="request",
        title="Counts as",
        description="For the limit of writes a second. operations: each one in it counts.",
    )


class Owners(Part):
    """Whose accounts own or administer the application."""

    attribute: Attribute = Field(
        default="roles", title="Attribute", description="By its name, as in a mapping."
    )
    value: str = Field(
        default="",
        title="Value",
        description="That says so, whatever its case. Not given: nobody is known as an owner.",
    )


class Sessions(Part):
    """How somebody is signed out there, which SCIM has no word for: a request of the application's
    own interface that takes the same token."""

    request: Annotated[
        str,
        StringConstraints(pattern=r"^(POST|PUT|PATCH|DELETE) (/|https?://)\S*$", max_length=500),
    ] = Field(
        title="Request",
        description="Method and path below the SCIM address, or a whole address: {id} is the "
        "account's id, {userName} its user name.",
    )
    body: dict[str, str | bool | int] | None = Field(
        default=None, title="Body", description="Sent as JSON; {id} and {userName} in its texts."
    )
    success: str = Field(
        default="",
        title="Says that it worked",
        description="Member of the answer that has to be true. Not given: the status says it.",
    )
    gone: list[str] = Field(
        default_factory=list,
        title="Says that there is nobody",
        description="Values of the answer's error that mean that there is no such account.",
    )


class Pace(Part):
    """How hard it may be pressed, where the application's own limits do not say."""

    reads: float | None = Field(default=None, gt=0, title="Reads a second")
    writes: float | None = Field(default=None, gt=0, title="Writes a second")
    burst: int | None = Field(default=None, ge=1, title="At once at first")
    concurrency: int | None = Field(default=None, ge=1, le=256, title="Requests under way")


class Dialect(Part):
    """How an application deviates from SCIM, or what it leaves open."""

    version: Literal["1.1", "2.0"] = Field(default="2.0", title="SCIM version")
    content_type: Literal["application/scim+json", "application/json"] | None = Field(
        default=None,
        title="Type of what is sent",
        description="Not given: application/scim+json, or application/json for SCIM 1.1.",
    )
    headers: dict[HeaderName, HeaderValue] = Field(
        default_factory=dict,
        title="More headers",
        description="Sent with every request; nothing secret.",
    )
    user_name: Literal["any", "email"] = Field(
        default="any",
        title="User names are",
        description="email: they are e-mail addresses, and nothing else is sent.",
    )
    unique_names: bool | None = Field(
        default=None,
        title="User names are unique",
        description="true: a second account of one name is refused (409). false: it is made. Not "
        "given: before an account is made that may have been made already, everybody is listed.",
    )
    required: list[Attribute] = Field(
        default_factory=list,
        title="Required attributes",
        description="Without these no account is made, beside userName.",
    )
    schemas: list[Urn] = Field(
        default_factory=list,
        title="Extension schemas",
        description="Named in every new account, whether or not it has any of their attributes.",
    )
    typed: bool | None = Field(
        default=None,
        title="Lists have types",
        description="false: e-mail addresses, phone numbers and the like have no type and no "
        "primary; the first is the one. Not given: found out.",
    )
    booleans: Literal["boolean", "text"] = Field(
        default="boolean",
        title="Booleans are",
        description='text: "True" and "False". They are read in both ways.',
    )
    external_id: bool | None = Field(
        default=None,
        title="Keeps externalId",
        description="false: it is not sent, and accounts are not looked for by it.",
    )
    filters: list[Attribute] | None = Field(
        default=None,
        title="Searchable by",
        description="Attributes that a filter with eq works for; []: none. What is found is "
        "checked in any case. Not given: as the server says; all are tried.",
    )
    pages: Pages = Field(default_factory=Pages, title="Lists")
    changes: Changes = Field(default_factory=Changes, title="Changes")
    etags: bool | None = Field(
        default=None,
        title="Versions",
        description="true: changes name the version that they are made to (If-Match). Not given: "
        "as the server says.",
    )
    off: Off = Field(default_factory=Off, title="Switching off")
    delete: Literal["removes", "switches_off", "unsupported"] = Field(
        default="removes",
        title="DELETE",
        description="switches_off: the account stays, without access. unsupported: a person does "
        "it.",
    )
    members: Members = Field(default_factory=Members, title="Groups' members")
    bulk: Bulk = Field(default_factory=Bulk, title="Several at once")
    owners: Owners = Field(default_factory=Owners, title="Owners")
    sessions: Sessions | None = Field(
        default=None,
        title="Signing out",
        description="Not given: what somebody is signed in to cannot be ended there.",
    )
    limits: Pace = Field(default_factory=Pace, title="Pace")

    @field_validator("headers")
    @classmethod
    def _are_ours_to_send(cls, value: dict[str, str]) -> dict[str, str]:
        if wrong := sorted(name for name in value if name.casefold() in _NEVER):
            raise ValueError(
                f"{', '.join(wrong)} cannot be given here: credentials are secrets, and the rest "
                "is told by what is sent"
            )
        return value

    def written(self) -> dict[str, object]:
        """As a person would write it: what is not the default."""
        return self.model_dump(mode="json", exclude_defaults=True)
