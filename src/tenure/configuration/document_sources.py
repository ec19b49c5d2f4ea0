"""The shape of a source in the document: what is read, how, when, and what it means."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from tenure.configuration.document_limits import ChangeLimit, Limit, MissingLimit
from tenure.configuration.values import AttributeName, Expression, Part, Text
from tenure.connectors.oauth import OAuthSettings


class SourceGuard(Part):
    """What holds an import."""

    leavers: Limit | None = Field(default=None, description="People whom it makes leavers.")
    changes: ChangeLimit | None = Field(default=None, description="People whom it changes.")
    missing: MissingLimit | None = Field(
        default=None, description="Records of the last import that are not in this one."
    )


def _together(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Source(Part):
    """One place that people come from."""

    name: Text
    reader: str = Field(description="The kind of source, such as csv.")
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
    mapping: dict[str, Expression] = Field(
        description='Attribute of a person -> expression over `row`: row["Employee ID"].'
    )
    dates: list[str] = Field(
        default_factory=list,
        description="Forms of dates, tried in order: %Y-%m-%d, %d.%m.%Y.",
    )
    statuses: dict[str, Literal["active", "on_leave", "left"]] = Field(
        default_factory=dict, description="What the values of `status` mean."
    )
    absence: Literal["ignore", "leave"] = Field(
        default="ignore",
        description="Whether somebody who is no longer in the source has left.",
    )
    guard: SourceGuard = Field(default_factory=lambda: SourceGuard())
    rehire: list[
        Annotated[
            list[AttributeName],
            Field(min_length=1),
            BeforeValidator(_together, json_schema_input_type=str | list[str]),
        ]
    ] = Field(
        default_factory=list,
        description="A new employee number with the attributes of somebody known may be theirs: "
        "personal_email, or several together. It is asked.",
    )
