"""The shape of a source in the document: what is read, how, when, and what it means."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from tenure.configuration.document_limits import ChangeLimit, Limit, MissingLimit
from tenure.configuration.values import AttributeName, Duration, Expression, Part, Text
from tenure.connectors.oauth import OAuthSettings
from tenure.core.schedules import LEAST, check_cron


class SourceGuard(Part):
    """What holds an import."""

    leavers: Limit | None = Field(default=None, description="People whom it makes leavers.")
    changes: ChangeLimit | None = Field(default=None, description="People whom it changes.")
    missing: MissingLimit | None = Field(
        default=None, description="Records of the last import that are not in this one."
    )


def _together(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _continuously(value: Any) -> Any:
    return {"continuous": True} if value == "continuous" else value


class Schedule(Part):
    """When a source is imported by itself: one of the three."""

    every: Duration | None = Field(default=None, description="After so long again: PT15M.")
    cron: str = Field(
        default="",
        description="Minute, hour, day, month, day of the week, in the company's time zone: \"0 6 "
        '* * 1-5".',
    )
    continuous: bool = Field(default=False, description="As soon as the last one has ended.")

    @model_validator(mode="after")
    def _one(self) -> Schedule:
        if (self.every is not None) + bool(self.cron) + self.continuous != 1:
            raise ValueError(
                'Expected one of every (PT15M), cron ("0 6 * * 1-5") or continuous, and no more.'
            )
        if self.every is not None and self.every < LEAST:
            raise ValueError("Less than a minute is too often. Expected PT1M or more.")
        if self.cron:
            check_cron(self.cron)
        return self


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
    schedule: Annotated[
        Schedule | None,
        BeforeValidator(_continuously, json_schema_input_type=Schedule | Literal["continuous"]),
    ] = Field(default=None, description="When it is imported by itself. Not given: by hand.")
    full_every: Duration = Field(
        default=timedelta(days=1),
        description="A source that can say what changed is read whole so often all the same.",
    )
