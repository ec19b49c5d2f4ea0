"""One HR system as a source of people, as data: what a person who reads its documentation writes.

    name, settings, secrets, base_url, auth, errors, limits     as for any interface
    people      how they are listed, read one by one, which changed, what is written back
    joins       other lists that belong to a person: departments, employments
    columns     what of it becomes a column, and where it is
    webhook     what it sends when something changes

Shape only. Whether expressions compile and names exist is `compiling`'s.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from tenure.connectors.rest.interface import Interface, Name
from tenure.connectors.rest.spec_requests import Part, Place, Request, Steps
from tenure.readers.webhook import Webhook

#: What a text of the source is, besides text: it becomes a date as 2026-12-31.
Kind = Literal["text", "date", "epoch", "epoch_ms"]


def _column(value: Any) -> Any:
    if isinstance(value, str):
        return {"read": value} if value.startswith("=") else {"path": value}
    return {"path": value} if isinstance(value, list) else value


def _places(value: Any) -> Any:
    return value if isinstance(value, list) else [value] if value else []


class Column(Part):
    """One column of the rows, and where it is in a person's record."""

    path: Annotated[
        list[Place], BeforeValidator(_places, json_schema_input_type=str | list[str])
    ] = Field(
        default_factory=list,
        description="Where it is in a record; of several places, the first that holds something.",
    )
    read: str = Field(
        default="",
        description="=expression over item, settings and value (at path). Where it gives nothing, "
        "what is at path stands.",
    )
    field: str = Field(
        default="",
        description="What requests ask for it by, where they use `fields` and that is not its "
        "(first) place.",
    )
    kind: Kind = Field(
        default="text",
        alias="is",
        description="date: a date, or a moment of which only the date counts. epoch, epoch_ms: "
        "seconds or milliseconds since 1970, /Date(...)/ too.",
    )
    hint: str = Field(default="", description="What it is, for whoever writes the mapping.")

    @model_validator(mode="after")
    def _is_somewhere(self) -> Column:
        if not self.path and not self.read:
            raise ValueError("Give `path`, or `read` as an expression over item.")
        return self


ColumnOrPlace = Annotated[
    Column, BeforeValidator(_column, json_schema_input_type=Column | list[str] | str)
]


class Join(Part):
    """Another list that says more of a person. What is found stands in the record under the name
    of the join. One read whole has `list`; one that is asked for person by person has `get`; with
    both, `get` is for a few people and `list` for all."""

    list: Request | None = None
    get: Request | None = Field(default=None, description="Asked with `on`, `id` and `item`.")
    key: Place = Field(default="id", description="Where, in a listed thing, what `on` gives is.")
    on: str = Field(
        default="",
        description="Where the record has it: a place, or =expression over item. Default: its id.",
    )
    many: bool = Field(default=False, description="There may be several: a list is what stands.")

    @model_validator(mode="after")
    def _is_something(self) -> Join:
        if self.list is None and self.get is None:
            raise ValueError("Give `list`, or `get` where it is asked for each person.")
        return self


class Cursor(Part):
    """What says up to where changes were read."""

    by: Literal["clock", "answer"] = Field(
        default="clock", description="clock: our time. answer: what the source itself says."
    )
    at: Place = Field(default="", description="Where the answer has it, with `by: answer`.")
    form: str = Field(
        default="iso",
        description="How a time is written in requests: iso, date, epoch, epoch_ms, or %d-%b-%Y.",
    )
    overlap: int = Field(
        default=300, ge=0, description="So many seconds are read again, as clocks differ."
    )

    @model_validator(mode="after")
    def _agrees(self) -> Cursor:
        if (self.by == "answer") != bool(self.at):
            raise ValueError("`at` says where the answer has it: `by: answer` needs it, no other.")
        if self.form not in {"iso", "date", "epoch", "epoch_ms"} and "%" not in self.form:
            raise ValueError("`form` is iso, date, epoch, epoch_ms, or a form with % in it.")
        return self


class Changes(Part):
    """Who changed since `cursor`: whole records, or ids that are then read one by one."""

    list: Steps = Field(description="One request or several, with `cursor` and `until`.")
    ids: Place = Field(
        default="", description="Where the id is in what is listed, if it is no whole record."
    )
    gone: str = Field(default="", description="=condition over item: the record was deleted there.")
    cursor: Cursor = Field(default_factory=Cursor)
    days: int = Field(
        default=0, ge=0, description="How long back it can be asked; older: read whole. 0: always."
    )


class Write(Part):
    """What it takes back: the columns, and the requests with `values`, `id` and `current`."""

    columns: list[str] = Field(min_length=1)
    requests: Steps


class People(Part):
    """How they are read."""

    id: Place = Field(default="id", description="What never changes and is unique.")
    list: Steps = Field(description="Everybody, those who left too: one request or several.")
    get: Request | None = Field(default=None, description="One record by its `id`.")
    record: str = Field(
        default="",
        description="=expression over item: the record in a thing that is listed, if it is not "
        "the thing itself.",
    )
    empty: tuple[Any, ...] = Field(
        default=(),
        description="Values that mean that nothing is there: false, or '0000-00-00'.",
    )
    ignore: str = Field(
        default="", description="=condition over item: records that are no people of this company."
    )
    changes: Changes | None = None
    write: Write | None = None


class PeopleSpec(Interface):
    """One HR system, or anything else that people can be read from by HTTP."""

    people: People
    joins: dict[Name, Join] = Field(default_factory=dict)
    columns: dict[str, ColumnOrPlace] = Field(min_length=1)
    fields: list[str] = Field(
        default_factory=list,
        description="What requests ask for besides what the columns need, where they use `fields`.",
    )
    check: dict[str, Request] = Field(
        default_factory=dict, description="What a check asks first, by a name of yours."
    )
    webhook: Webhook | None = None

    @model_validator(mode="after")
    def _agrees(self) -> PeopleSpec:
        if self.webhook is not None and self.webhook.secret not in self.secrets:
            raise ValueError(f"webhook.secret: there is no secret {self.webhook.secret!r}.")
        lists = self.people.list if isinstance(self.people.list, list) else [self.people.list]
        needs = any(one.details for one in lists)
        needs = needs or (self.people.changes is not None and bool(self.people.changes.ids))
        needs = needs or self.people.write is not None or self.webhook is not None
        if needs and self.people.get is None:
            raise ValueError(
                "people.get is missing: details, changes by ids, writing and webhooks read a "
                "record by its id."
            )
        for name in self.people.write.columns if self.people.write else ():
            if name not in self.columns:
                raise ValueError(f"people.write.columns: there is no column {name!r}.")
        return self
