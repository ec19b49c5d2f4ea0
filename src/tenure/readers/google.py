"""People of Google Workspace, by its Directory API: everybody each time, for it does not say who
changed. Whether anybody did, it says by the ETag of each user, which is asked for first.

https://developers.google.com/workspace/admin/directory/reference/rest/v1/users/list
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from typing import Annotated, Any, ClassVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from tenure.connectors.base import Check, ConnectorError, NotFound
from tenure.connectors.bearer import bearer
from tenure.connectors.fields import BaseAddress
from tenure.connectors.google.api import Api, explain
from tenure.connectors.google.entitlements import DIRECTORY
from tenure.connectors.google.resources import must_be_known, shown
from tenure.connectors.google.settings import GoogleSecrets
from tenure.connectors.http import Timeouts, segment
from tenure.readers.base import CursorExpired, Gone, ReaderConfig, ReaderError, Row, RowProblem
from tenure.readers.looping import iterate, run
from tenure.readers.texts import text

#: Columns that are made.
STATUS, MANAGER = "status", "manager_number"
USUAL = (
    *("userName", "name.givenName", "name.familyName", "displayName", "title", "ou"),
    *("enterprise.employeeNumber", "enterprise.department", "enterprise.costCenter"),
    *("enterprise.organization", "enterprise.manager", "phoneNumbers.work", "phoneNumbers.mobile"),
)
_NUMBER, _BOSS = "enterprise.employeeNumber", "enterprise.manager"
#: Managers whose numbers are kept in mind.
_KNOWN = 100_000
_FULL = {"projection": "full"}


class GoogleSourceSettings(BaseModel):
    """Which Workspace, and what is read of people."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    customer: Annotated[str, StringConstraints(pattern=r"^(my_customer|C\w+)$")] = Field(
        default="my_customer",
        title="Customer",
        description="my_customer is the Workspace of the administrator on whose behalf we act.",
    )
    base_url: BaseAddress = Field(
        default="https://admin.googleapis.com", title="Address of the Admin SDK"
    )
    allow_http: bool = Field(default=False, title="Allow http://", description="For tests only.")
    attributes: tuple[str, ...] = Field(
        default=USUAL,
        title="Attributes",
        description="The columns, besides status and manager_number, by the names that account "
        "mappings use; custom.SCHEMA.FIELD for custom attributes.",
    )
    deleted: bool = Field(
        default=False,
        title="Deleted people too",
        description="Those of the last 20 days, with the status deleted.",
    )
    page_size: int = Field(default=500, ge=1, le=500, title="People per page")
    timeouts: Timeouts = Field(default_factory=Timeouts, title="Time-outs")

    @field_validator("attributes")
    @classmethod
    def _are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            must_be_known(name)
        return value


class GoogleReader:
    """One Workspace."""

    Settings: ClassVar[type[BaseModel]] = GoogleSourceSettings
    Secrets: ClassVar[type[BaseModel]] = GoogleSecrets

    def __init__(self, config: ReaderConfig) -> None:
        if config.file is not None:
            raise ReaderError("This source is Google Workspace: it reads no file.")
        self._settings = GoogleSourceSettings.model_validate(dict(config.settings))
        self._bearer = bearer(config, GoogleSecrets)
        self._managers: dict[str, str] = {}
        self._cursor = ""

    def columns(self) -> Sequence[str]:
        return list(dict.fromkeys([*self._settings.attributes, STATUS, MANAGER]))

    def rows(self) -> Iterator[Row | RowProblem]:
        return chain.from_iterable(iterate(self._all))

    def changes(self, cursor: str) -> Iterator[Row | RowProblem | Gone]:
        """Nothing where nobody changed; otherwise `CursorExpired`."""

        async def now() -> str:
            async with self._opened() as api:
                return await self._digest(api)

        if run(now()) != cursor:
            raise CursorExpired("Somebody changed, and Google does not say who.")
        self._cursor = cursor
        return iter(())

    def cursor(self) -> str:
        return self._cursor

    def fetch(self, id: str) -> Row | RowProblem | Gone:
        async def fetched() -> Row | Gone:
            async with self._opened() as api:
                try:
                    found = await api.get(f"{DIRECTORY}/users/{segment(id)}", _FULL)
                except NotFound:
                    return Gone(id)
                (row,) = await self._rows(api, [found], 0, deleted=False)
                return row

        return run(fetched())

    def check(self) -> Sequence[Check]:
        """Users."""

        async def checked() -> Check:
            async with self._opened() as api:
                params = {"customer": self._settings.customer, "maxResults": "1"}
                try:
                    await api.get(f"{DIRECTORY}/users", params)
                except ConnectorError as error:
                    return Check("Users", False, str(error))
                return Check("Users", True, "Can be read.")

        try:
            return [run(checked())]
        except ReaderError as error:
            return [Check("Users", False, str(error))]

    async def _all(self) -> AsyncIterator[list[Row]]:
        self._cursor = ""
        async with self._opened() as api:
            before = await self._digest(api)
            count = 0
            for deleted in self._kinds():
                async for page in self._pages(api, _FULL, deleted=deleted):
                    yield await self._rows(api, page, count, deleted=deleted)
                    count += len(page)
        self._cursor = before

    async def _digest(self, api: Api) -> str:
        """Of the ETags of all users, in whatever order they come."""
        sum_, count = 0, 0
        fields = {"fields": "nextPageToken,users(id,etag)"}
        for deleted in self._kinds():
            async for page in self._pages(api, fields, deleted=deleted):
                for one in page:
                    tag = f"{one.get('id')} {one.get('etag')} {deleted}".encode()
                    sum_ ^= int.from_bytes(hashlib.sha256(tag).digest(), "big")
                    count += 1
        settings = self._settings
        told = [settings.base_url, settings.customer, *settings.attributes, count, f"{sum_:x}"]
        return hashlib.sha256(orjson.dumps(told)).hexdigest()

    def _kinds(self) -> tuple[bool, ...]:
        return (False, True) if self._settings.deleted else (False,)

    def _pages(
        self, api: Api, params: Mapping[str, str], *, deleted: bool
    ) -> AsyncIterator[list[dict[str, Any]]]:
        settings = self._settings
        given = {
            **params,
            "customer": settings.customer,
            "maxResults": str(settings.page_size),
            **({"showDeleted": "true"} if deleted else {}),
        }
        return api.pages(f"{DIRECTORY}/users", "users", given)

    async def _rows(
        self, api: Api, users: Sequence[dict[str, Any]], before: int, *, deleted: bool
    ) -> list[Row]:
        await self._get_to_know(api, users)
        return [
            self._row(number, user, deleted=deleted)
            for number, user in enumerate(users, start=before + 1)
        ]

    def _row(self, number: int, user: Mapping[str, Any], *, deleted: bool) -> Row:
        made = {
            STATUS: _status(user, deleted=deleted),
            MANAGER: self._managers.get(_address(shown(user, _BOSS)), ""),
        }
        values = {name: text(shown(user, name)) for name in self._settings.attributes}
        return Row(number, {**made, **values}, str(user["id"]))

    async def _get_to_know(self, api: Api, users: Sequence[dict[str, Any]]) -> None:
        """The numbers of their managers, who are told by their addresses."""
        if len(self._managers) > _KNOWN:
            self._managers.clear()
        for user in users:
            self._managers[_address(user.get("primaryEmail"))] = text(shown(user, _NUMBER))
        names = {_address(shown(user, _BOSS)) for user in users} - {""}
        missing = sorted(names - self._managers.keys())
        numbers = await asyncio.gather(*(self._number(api, name) for name in missing))
        self._managers.update(zip(missing, numbers, strict=True))

    async def _number(self, api: Api, address: str) -> str:
        try:
            found = await api.get(f"{DIRECTORY}/users/{segment(address)}", _FULL)
        except ConnectorError as error:
            # An address of somebody elsewhere is refused rather than not found.
            if error.status in {403, 404}:
                return ""
            raise
        return text(shown(found, _NUMBER))

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Api]:
        async with self._bearer.funnel(self._settings, how=explain) as http:
            yield Api(http)


def _status(user: Mapping[str, Any], *, deleted: bool) -> str:
    if deleted:
        return "deleted"
    if user.get("archived"):
        return "archived"
    return "suspended" if user.get("suspended") else "active"


def _address(value: object) -> str:
    return str(value or "").strip().casefold()
