"""People of Microsoft 365 and Entra ID, by Microsoft Graph: everybody with their managers, or those
that changed, by its delta query (https://learn.microsoft.com/en-us/graph/delta-query-overview).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import chain
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from tenure.connectors.base import Check, ConnectorError, NotFound
from tenure.connectors.bearer import bearer
from tenure.connectors.fields import BaseAddress
from tenure.connectors.http import Timeouts, segment
from tenure.connectors.microsoft.graph import Graph, explain
from tenure.connectors.microsoft.properties import EXTENSION, EXTENSIONS
from tenure.connectors.microsoft.settings import MicrosoftSecrets
from tenure.readers.base import CursorExpired, Gone, ReaderConfig, ReaderError, Row, RowProblem
from tenure.readers.looping import iterate, run
from tenure.readers.texts import text

Property = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z][\w/]*$")]
#: Columns that are made.
STATUS, MANAGER = "status", "manager_number"
USUAL = (
    *("id", "userPrincipalName", "employeeId", "givenName", "surname", "displayName", "mail"),
    *("jobTitle", "department", "companyName", "officeLocation", "employeeType", "city"),
    *("country", "usageLocation", "preferredLanguage", "mobilePhone", "employeeHireDate"),
)
#: Points in time that mean a day.
_DAYS = frozenset({"employeeHireDate", "employeeLeaveDateTime"})
_NEEDED = frozenset({"id", "accountEnabled", "userType"})
_MANAGER = "manager"
_AT_ONCE = 8
_GONE = 410


class MicrosoftSourceSettings(BaseModel):
    """Which Graph, and what is read of people."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: BaseAddress = Field(
        default="https://graph.microsoft.com/v1.0",
        title="Address of Microsoft Graph",
        description="Another one in the clouds for governments and China.",
    )
    allow_http: bool = Field(default=False, title="Allow http://", description="For tests only.")
    attributes: tuple[Property, ...] = Field(
        default=USUAL,
        title="Properties",
        description="Of Graph's user: the columns, besides status and manager_number. "
        "employeeLeaveDateTime needs User-LifeCycleInfo.Read.All.",
    )
    guests: bool = Field(default=False, title="Guests too")
    time_zone: str = Field(
        default="UTC",
        title="Time zone of days",
        description="Of employeeHireDate and employeeLeaveDateTime, which are points in time.",
    )
    page_size: int = Field(default=999, ge=1, le=999, title="People per page")
    timeouts: Timeouts = Field(default_factory=Timeouts, title="Time-outs")

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("expected an IANA name such as Europe/Budapest")
        return value


class MicrosoftReader:
    """One tenant."""

    Settings: ClassVar[type[BaseModel]] = MicrosoftSourceSettings
    Secrets: ClassVar[type[BaseModel]] = MicrosoftSecrets

    def __init__(self, config: ReaderConfig) -> None:
        if config.file is not None:
            raise ReaderError("This source is Microsoft Graph: it reads no file.")
        self._settings = MicrosoftSourceSettings.model_validate(dict(config.settings))
        self._bearer = bearer(config, MicrosoftSecrets)
        names = {
            EXTENSIONS if EXTENSION.fullmatch(name) else name for name in self._settings.attributes
        }
        self._select = ",".join(sorted(names | _NEEDED))
        self._cursor = ""

    def columns(self) -> Sequence[str]:
        return list(dict.fromkeys([*self._settings.attributes, STATUS, MANAGER]))

    def rows(self) -> Iterator[Row | RowProblem]:
        return chain.from_iterable(iterate(self._all))

    def changes(self, cursor: str) -> Iterator[Row | RowProblem | Gone]:
        return chain.from_iterable(iterate(lambda: self._changed(cursor)))

    def cursor(self) -> str:
        return self._cursor

    def fetch(self, id: str) -> Row | RowProblem | Gone:
        async def fetched() -> Row | Gone:
            async with self._opened() as graph:
                return await self._one(graph, id, 1)

        return run(fetched())

    def check(self) -> Sequence[Check]:
        """Users and Changes."""

        async def checked() -> list[Check]:
            async with self._opened() as graph:
                params = {"$select": self._select, "$expand": self._manager, "$top": "1"}
                lines = [await _tried("Users", "Can be read.", graph.get("/users", params))]
                if lines[0].ok:
                    lines.append(await _tried("Changes", "Are asked for.", self._now(graph)))
                return lines

        try:
            return run(checked())
        except ReaderError as error:
            return [Check("Users", False, str(error))]

    # Reading.

    async def _all(self) -> AsyncIterator[list[Row]]:
        """Where to go on is asked before: what changes meanwhile comes again."""
        self._cursor = ""
        async with self._opened() as graph:
            link = await self._now(graph)
            count = 0
            params = {
                "$select": self._select,
                "$expand": self._manager,
                "$top": str(self._settings.page_size),
            }
            async for page in graph.pages("/users", params):
                ours = [one for one in page if self._is_ours(one)]
                yield [self._row(number, one) for number, one in enumerate(ours, start=count + 1)]
                count += len(ours)
        self._cursor = self._written(link)

    async def _changed(self, cursor: str) -> AsyncIterator[list[Row | Gone]]:
        """Each as it is now: a delta tells some properties, and of a manager the id only."""
        self._cursor = ""
        link = self._read(cursor)
        seen: set[str] = set()
        async with self._opened() as graph:
            try:
                async for page, after in graph.delta(link):
                    link = after
                    new = [one for one in page if str(one.get("id")) not in seen]
                    seen |= {str(one.get("id")) for one in new}
                    yield await self._told(graph, new)
            except ConnectorError as error:
                if error.status == _GONE:
                    raise CursorExpired(
                        "Microsoft does not know any more what changed since then."
                    ) from None
                raise
        self._cursor = self._written(link)

    async def _told(self, graph: Graph, changed: Sequence[Mapping[str, Any]]) -> list[Row | Gone]:
        gone: list[Row | Gone] = [Gone(str(one["id"])) for one in changed if "@removed" in one]
        ids = list(dict.fromkeys(str(one["id"]) for one in changed if "@removed" not in one))
        for at in range(0, len(ids), _AT_ONCE):
            asked = (self._one(graph, one, at + 1) for one in ids[at : at + _AT_ONCE])
            gone += await asyncio.gather(*asked)
        return gone

    async def _one(self, graph: Graph, id: str, number: int) -> Row | Gone:
        try:
            found = await graph.get(
                f"/users/{segment(id)}", {"$select": self._select, "$expand": self._manager}
            )
        except NotFound:
            return Gone(id)
        return self._row(number, found) if self._is_ours(found) else Gone(id)

    async def _now(self, graph: Graph) -> str:
        """Where changes from now on are told."""
        link = ""
        params = {"$deltatoken": "latest", "$select": f"{self._select},{_MANAGER}"}
        async for _, after in graph.delta("/users/delta", params):
            link = after
        return link

    @property
    def _manager(self) -> str:
        return f"{_MANAGER}($select=id,employeeId)"

    def _is_ours(self, user: Mapping[str, Any]) -> bool:
        return self._settings.guests or user.get("userType") != "Guest"

    def _row(self, number: int, user: Mapping[str, Any]) -> Row:
        manager = user.get(_MANAGER)
        made = {
            STATUS: "inactive" if user.get("accountEnabled") is False else "active",
            MANAGER: text((manager or {}).get("employeeId")),
        }
        values = {name: self._text(user, name) for name in self._settings.attributes}
        return Row(number, {**made, **values}, str(user["id"]))

    def _text(self, user: Mapping[str, Any], name: str) -> str:
        if EXTENSION.fullmatch(name):
            user = user.get(EXTENSIONS) or {}
        value = user.get(name)
        if name in _DAYS and isinstance(value, str):
            return _day(value, self._settings.time_zone)
        return text(value)

    # The cursor: other properties are another source.

    def _written(self, link: str) -> str:
        return orjson.dumps({"mark": self._mark, "link": link}).decode() if link else ""

    def _read(self, cursor: str) -> str:
        try:
            found = orjson.loads(cursor)
            if found["mark"] == self._mark:
                return str(found["link"])
        except (orjson.JSONDecodeError, TypeError, KeyError):
            pass
        raise CursorExpired("What is read of people is set anew.")

    @property
    def _mark(self) -> str:
        settings = self._settings
        told = [settings.base_url, self._select, settings.guests, settings.time_zone]
        return hashlib.sha256(orjson.dumps(told)).hexdigest()[:16]

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Graph]:
        async with self._bearer.funnel(self._settings, how=explain) as http:
            yield Graph(http, self._settings.base_url)


async def _tried(what: str, said: str, asking: Any) -> Check:
    try:
        await asking
    except ConnectorError as error:
        return Check(what, False, str(error))
    return Check(what, True, said)


def _day(value: str, zone: str) -> str:
    """The day of a point in time, where people are."""
    try:
        return datetime.fromisoformat(value).astimezone(ZoneInfo(zone)).date().isoformat()
    except (ValueError, OverflowError):
        return value
