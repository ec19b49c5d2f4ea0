"""The shape of a source in the document: what is read, how, when, and what it means."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from tenure.configuration.document_limits import ChangeLimit, Limit, MissingLimit
from tenure.configuration.values import AttributeName, Duration, Expression, Part, Text
from tenure.connectors.oauth import OAuthSettings
from tenure.core.schedules import LEAST, check_cron
from tenure.core.tidying import Cleaning


class SourceGuard(Part):
    """What holds an import, and what is written back."""

    leavers: Limit | None = Field(default=None, description="People whom it makes leavers.")
    changes: ChangeLimit | None = Field(default=None, description="People whom it changes.")
    missing: MissingLimit | None = Field(
        default=None, description="Records of the last import that are not in this one."
    )
    write_back: Limit | None = Field(
        default=None, description="Records into which something is written back."
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


def _a_table(value: Any) -> Any:
    return value if isinstance(value, dict) and "table" in value else {"table": value}


class Table(Part):
    """What values of an attribute mean: theirs -> ours, without regard to case."""

    table: dict[str, str]
    others: Literal["keep", "error"] = Field(
        default="keep", description="Whether a row with another value is refused."
    )
    otherwise: str = Field(default="", description="What takes the place of any other value.")


def _both(value: Any) -> Any:
    return {"record": value, "person": value} if isinstance(value, str) else value


class SameAttribute(Part):
    """An attribute of a record that is the same as one of a person, without regard to case."""

    record: AttributeName
    person: AttributeName


class Source(Part):
    """One place that people come from."""

    name: Text
    reader: str = Field(description="The kind of source, such as csv.")
    catalogue: Annotated[str, StringConstraints(max_length=100)] = Field(
        default="", description="The entry of the catalogue that it was made from."
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
    mapping: dict[str, Expression] = Field(
        description='Attribute of a person -> expression over `row`: row["Employee ID"].'
    )
    dates: list[str] = Field(
        default_factory=list,
        description="Forms of dates, tried in order: %Y-%m-%d (2026-12-31), %d.%m.%Y (31.12.2026).",
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
    correlation: list[
        Annotated[
            SameAttribute,
            BeforeValidator(_both, json_schema_input_type=AttributeName | SameAttribute),
        ]
    ] = Field(
        default_factory=list,
        description="By what a record is tied to a person whom another source has, in order: "
        "employee_number, email, or {record: badge, person: badge_number}. Not given: the employee "
        "number alone.",
    )
    suggest: list[
        Annotated[
            list[AttributeName],
            Field(min_length=1),
            BeforeValidator(_together, json_schema_input_type=str | list[str]),
        ]
    ] = Field(
        default_factory=list,
        description="Who is alike in all of one list, however it is spelled, may be the same "
        "person: [given_name, family_name, birth_date]. It is asked.",
    )
    schedule: Annotated[
        Schedule | None,
        BeforeValidator(_continuously, json_schema_input_type=Schedule | Literal["continuous"]),
    ] = Field(default=None, description="When it is imported by itself. Not given: by hand.")
    full_every: Duration = Field(
        default=timedelta(days=1),
        description="A source that can say what changed is read whole so often all the same.",
    )
    values: dict[
        AttributeName,
        Annotated[Table, BeforeValidator(_a_table, json_schema_input_type=dict[str, str] | Table)],
    ] = Field(default_factory=dict, description="Tables of values: department: {ENG: Engineering}.")
    clean: dict[
        AttributeName,
        Annotated[
            list[Cleaning],
            BeforeValidator(_together, json_schema_input_type=Cleaning | list[Cleaning]),
        ],
    ] = Field(
        default_factory=dict,
        description="What is done to an attribute: lower, upper, title, email, phone (E.164), "
        "country (ISO 3166).",
    )
    region: Annotated[str, StringConstraints(pattern="^([A-Z]{2})?$")] = Field(
        default="", description="The country of telephone numbers that name none: HU."
    )
    time_zones: dict[str, str] = Field(
        default_factory=dict,
        description="Of locations, for people whose row names none: {Budapest: Europe/Budapest}.",
    )
    manager_by: Literal["employee_number", "id", "email"] = Field(
        default="employee_number",
        description="What `manager` holds; id: the source's own name of the manager's record.",
    )
    first_for: list[AttributeName] = Field(
        default_factory=list,
        description="Attributes for which it goes before all other sources.",
    )
    write_back: dict[Literal["email", "user_name"], Text] = Field(
        default_factory=dict,
        description="What is written into a person's record there, and into which column: "
        "{email: E-mail}.",
    )
    authoritative: bool = Field(
        default=False, description="Somebody stays as long as one such source has them."
    )
