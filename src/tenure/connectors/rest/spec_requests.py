"""What one request of a specification may say: what is sent, where the answer's parts are, how it
is paged, and which answers are errors. Shape only: expressions are compiled in `compiling`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from tenure.connectors.rest.paths import json_path

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "RPC")
_STATUSES = re.compile(r"[1-5](\d\d|xx)")
#: What an error rule may make of an answer.
MEANINGS = (
    "done",
    "not_found",
    "already_exists",
    "rejected",
    "retry_later",
    "stop",
    "unsupported",
    "unknown",
    "sign_in_again",
)


#: The ways to send something.
PAYLOADS = ("body", "form", "multipart", "xml")


def _place(text: str) -> str:
    json_path(text)
    return text


def _line(text: str) -> str:
    method, _, path = text.strip().partition(" ")
    if method not in _METHODS or not path.strip():
        raise ValueError(
            f"{text!r} is no request. Expected a method and a path, such as GET /users/{{id}}; the "
            f"methods are {', '.join(_METHODS)}."
        )
    path = path.strip()
    if method != "RPC" and not path.startswith(("/", "https://", "http://", "?")):
        raise ValueError(f"The path {path!r} begins with neither / nor https://.")
    return f"{method} {path}"


def _status(text: Any) -> str:
    if not _STATUSES.fullmatch(str(text)):
        raise ValueError(f"{text!r} is no status. Expected one such as 404, or 5xx for all of it.")
    return str(text)


def _statuses(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}.") from None
    return text


Place = Annotated[str, AfterValidator(_place)]
Line = Annotated[str, AfterValidator(_line)]
Statuses = Annotated[
    list[Annotated[str, BeforeValidator(_status)]],
    BeforeValidator(_statuses, json_schema_input_type=list[str | int] | str | int),
]
Pattern = Annotated[str, AfterValidator(_pattern)]
Meaning = Literal[
    "done",
    "not_found",
    "already_exists",
    "rejected",
    "retry_later",
    "stop",
    "unsupported",
    "unknown",
    "sign_in_again",
]


class Part(BaseModel):
    """A piece of a specification: no names but its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ErrorRule(Part):
    """An answer that means something else than its status says. The first rule that fits counts."""

    status: Statuses = Field(
        default_factory=list,
        description="Statuses, such as 409, 5xx or [400, 422]. Default: 300 and more.",
    )
    when: str = Field(
        default="", description="Condition over body, status and headers: =body.code == 102."
    )
    matches: Pattern = Field(
        default="", description="Regular expression that the answer's text contains, in any case."
    )
    means: Meaning
    message: str = Field(default="", description="What an administrator is told to do about it.")

    @model_validator(mode="after")
    def _says_when(self) -> ErrorRule:
        if not self.status and not self.when and not self.matches:
            raise ValueError("This fits every answer. Give one of status, when and matches.")
        return self


class Errors(Part):
    """How the application says that something went wrong."""

    message: list[Place] = Field(
        default_factory=list, description="Where the error's text may be; the first that is there."
    )
    code: Place = Field(default="", description="Where the application's own code for it is.")
    rules: list[ErrorRule] = Field(default_factory=list)


class Paging(Part):
    """How a long listing comes in pages. `page.number`, `page.offset`, `page.size` and
    `page.cursor` can be used in the request."""

    by: Literal["number", "offset", "cursor", "link", "url"] = Field(
        description="number: pages 1, 2, 3. offset: how many to leave out. cursor: a token of the "
        "page before. link: the Link header. url: the next page's address in the body."
    )
    size: int = Field(default=100, ge=1, le=10_000, description="How many are asked for.")
    first: int = Field(default=-1, ge=-1, le=1, description="The first page's number, or offset.")
    next: str = Field(
        default="", description="Where the next cursor or address is: a place, or =expression."
    )
    more: str = Field(
        default="", description="Where it says whether there is more: a place, or =expression."
    )
    total: Place = Field(default="", description="Where the number of all is, if it says it.")
    past_end: Literal["empty", "error", "repeat"] = Field(
        default="empty",
        description="What comes after the last page: nothing, an error 400, 404 or 416, or the "
        "last page again.",
    )

    @model_validator(mode="after")
    def _has_next(self) -> Paging:
        if self.by in {"cursor", "url"} and not self.next:
            raise ValueError(f"Paging by {self.by} needs `next`: where the next one is.")
        if self.by not in {"cursor", "url"} and self.next:
            raise ValueError(f"Paging by {self.by} has no `next`. Take it out.")
        return self

    @property
    def start(self) -> int:
        """The first page's number (usually 1) or offset (usually 0)."""
        if self.first >= 0:
            return self.first
        return 1 if self.by == "number" else 0


class Request(Part):
    """One request, and what its answer holds."""

    request: Line = Field(description="Method and path: POST /users/{id}/lock. RPC: see rpc.")
    query: dict[str, Any] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = Field(default=None, description="What is sent as JSON. =expressions anywhere.")
    form: dict[str, Any] = Field(default_factory=dict, description="What is sent as a web form.")
    multipart: dict[str, Any] = Field(
        default_factory=dict, description="The same as multipart/form-data."
    )
    xml: str = Field(
        default="", description="What is sent as XML, with {expressions} in it; escaped there."
    )
    status: list[int] = Field(
        default_factory=list, description="Statuses that are success. Default: every 2xx."
    )
    answer: Literal["json", "xml", "text", "nothing"] = Field(
        default="json", description="What the answer is read as."
    )
    lists: list[str] = Field(
        default_factory=list,
        description="Elements of XML that may come several times: they are lists then, always.",
    )
    items: Place = Field(default=".", description="Where the list is in the answer.")
    item: Place = Field(default="", description="Where the one thing is in the answer.")
    id: str = Field(
        default="",
        description="Where its id is, if not where it always is. After a create also an "
        "=expression over body and headers.",
    )
    absent_is_empty: bool = Field(
        default=False, description="Nothing at `items` is an empty list, and no mistake."
    )
    paging: Paging | None = None
    details: bool = Field(
        default=False, description="Read each account by `get`: the list does not show everything."
    )
    changes: bool | None = Field(
        default=None, description="Whether it changes anything. Default: all but GET in a write."
    )
    save: str = Field(
        default="",
        pattern=r"^([a-z][a-z0-9_]*)?$",
        description="A name for the answer in later steps: steps.NAME.body.",
    )
    when: str = Field(default="", description="The step is left out unless this holds.")
    each: str = Field(default="", description="=list: the step is done for `one` after the other.")
    errors: list[ErrorRule] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_body(self) -> Request:
        given = [n for n in PAYLOADS if n in self.model_fields_set]
        if len(given) > 1:
            raise ValueError(f"A request has one of body, form, multipart and xml, not {given}.")
        if given and self.method == "GET":
            raise ValueError("A GET has no body. Use query, or another method.")
        return self

    @property
    def method(self) -> str:
        return self.request.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.request.partition(" ")[2]


#: What pydantic calls the two forms of a verb; never a name in a specification.
ONE, SEVERAL = "(one request)", "(several requests)"


def _form(value: Any) -> str:
    return SEVERAL if isinstance(value, list) else ONE


Steps = Annotated[
    Annotated[Request, Tag(ONE)] | Annotated[list[Request], Tag(SEVERAL), Field(min_length=1)],
    Discriminator(_form),
]


def steps(verb: Request | list[Request]) -> list[Request]:
    """A verb's requests, in order."""
    return verb if isinstance(verb, list) else [verb]
