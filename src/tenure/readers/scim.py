"""People from a system that speaks SCIM (RFC 7644), in whatever dialect: everybody, by index or
cursor; or those that changed, where it can be asked for by `meta.lastModified`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, ClassVar, NamedTuple

import orjson
from pydantic import BaseModel, Field, field_validator

from tenure.connectors.base import Check, ConnectorError, Limits, NotFound
from tenure.connectors.bearer import bearer
from tenure.connectors.http import HttpFunnel, segment
from tenure.connectors.scim import version1
from tenure.connectors.scim.attributes import boolean, flatten, path
from tenure.connectors.scim.finding import Resource
from tenure.connectors.scim.listing import first_page
from tenure.connectors.scim.opening import funnel, resources
from tenure.connectors.scim.settings import ScimAddress, ScimSecrets
from tenure.connectors.scim.speech import Speech
from tenure.readers.base import CursorExpired, Gone, ReaderConfig, ReaderError, Row, RowProblem
from tenure.readers.looping import iterate, run
from tenure.readers.texts import text

#: Columns that are made.
STATUS, MANAGER = "status", "manager_number"
USUAL = (
    *("userName", "externalId", "displayName", "name.givenName", "name.familyName", "title"),
    *("emails.work", "phoneNumbers.work", "phoneNumbers.mobile", "userType", "locale", "timezone"),
    *("enterprise.employeeNumber", "enterprise.department", "enterprise.division"),
    *("enterprise.costCenter", "enterprise.organization", "enterprise.manager"),
)
_NUMBER, _BOSS = "enterprise.employeeNumber", "enterprise.manager"
_MODIFIED = "meta.lastModified"
#: Statuses with which a filter is refused that is not known.
_REFUSED = frozenset({400, 403, 404, 500, 501})
#: Managers whose numbers are kept in mind.
_KNOWN = 100_000


class ScimSourceSettings(ScimAddress):
    """Where people are, and what is read of them."""

    attributes: tuple[str, ...] = Field(
        default=USUAL,
        title="Attributes",
        description="The columns, besides status and manager_number, by the names that account "
        "mappings use.",
    )
    number: str = Field(
        default=_NUMBER,
        title="Attribute of the employee number",
        description="By which manager_number says who the manager is.",
    )
    overlap: int = Field(
        default=300,
        ge=0,
        le=86_400,
        title="Asked again, in seconds",
        description="How far before the last change that was seen changes are asked for.",
    )

    @field_validator("attributes")
    @classmethod
    def _are_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            path(name)
        return value

    @field_validator("number")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        path(value)
        return value


class _Open(NamedTuple):
    """A connection."""

    http: HttpFunnel
    speech: Speech


class ScimReader:
    """One SCIM service."""

    Settings: ClassVar[type[BaseModel]] = ScimSourceSettings
    Secrets: ClassVar[type[BaseModel]] = ScimSecrets

    def __init__(self, config: ReaderConfig) -> None:
        if config.file is not None:
            raise ReaderError("This source is a SCIM service: it reads no file.")
        self._settings = ScimSourceSettings.model_validate(dict(config.settings))
        self._bearer = bearer(config, ScimSecrets)
        self._managers: dict[str, str] = {}
        self._newest: datetime | None = None
        self._whole = False

    def columns(self) -> Sequence[str]:
        return list(dict.fromkeys([*self._settings.attributes, STATUS, MANAGER]))

    def rows(self) -> Iterator[Row | RowProblem]:
        return chain.from_iterable(iterate(self._all))

    def changes(self, cursor: str) -> Iterator[Row | RowProblem | Gone]:
        """Who was deleted is not told in this way: that takes a full reading."""
        return chain.from_iterable(iterate(lambda: self._changed(cursor)))

    def cursor(self) -> str:
        if not self._whole or self._newest is None:
            return ""
        told = {"mark": self._mark, "since": self._newest.isoformat()}
        return orjson.dumps(told).decode()

    def fetch(self, id: str) -> Row | RowProblem | Gone:
        async def fetched() -> Row | Gone:
            async with self._opened() as opened:
                found = await self._resource(opened, id)
                if found is None:
                    return Gone(id)
                (row,) = await self._rows(opened, [found], 0)
                return row

        return run(fetched())

    def check(self) -> Sequence[Check]:
        """Users, and Changes."""

        async def checked() -> list[Check]:
            async with self._opened() as opened:
                try:
                    page = await first_page(
                        opened.http, "/Users", speech=opened.speech, page_size=1
                    )
                except ConnectorError as error:
                    return [Check("Users", False, str(error))]
                said = f"{page.total} there." if page.counted else "Can be read."
                lines = [Check("Users", True, said)]
                asked = opened.speech.filterable(_MODIFIED)
                how = (
                    "Are asked for." if asked else "It has no filters: it is read whole each time."
                )
                return [*lines, Check("Changes", True, how)]

        try:
            return run(checked())
        except ReaderError as error:
            return [Check("Users", False, str(error))]

    # Reading.

    async def _all(self) -> AsyncIterator[list[Row]]:
        self._whole, self._newest = False, None
        seen: set[str] = set()
        async with self._opened() as opened:
            async for page in resources(*opened, self._settings, "/Users"):
                # Somebody who moves between pages comes twice.
                new = [one for one in page if one["id"] not in seen]
                yield await self._rows(opened, new, len(seen))
                seen |= {one["id"] for one in new}
            # Where it says itself that it has no filters, there is nothing to go on from.
            self._whole = opened.speech.filterable(_MODIFIED)

    async def _changed(self, cursor: str) -> AsyncIterator[list[Row]]:
        since = self._since(cursor)
        self._whole, self._newest = False, since
        asked = since - timedelta(seconds=self._settings.overlap)
        earliest = asked - timedelta(seconds=1)
        query = {"filter": f'{_MODIFIED} ge "{asked.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"'}
        count = 0
        async with self._opened() as opened:
            if not opened.speech.filterable(_MODIFIED):
                raise CursorExpired("It cannot be asked for changes.")
            try:
                async for page in resources(
                    *opened, self._settings, "/Users", query, trusting=True
                ):
                    if any((_modified(one) or since) < earliest for one in page):
                        raise CursorExpired("It ignores that only changes are asked for.")
                    yield await self._rows(opened, page, count)
                    count += len(page)
            except ConnectorError as error:
                if error.status in _REFUSED:
                    raise CursorExpired(f"It cannot be asked for changes: {error}") from None
                raise
            self._whole = True

    async def _resource(self, opened: _Open, id: str) -> Resource | None:
        try:
            found = await opened.http.read(f"/Users/{segment(id)}", single=True)
        except NotFound:
            return None
        if not isinstance(found, dict) or not found.get("id"):
            raise ReaderError(f"The record {id} was answered with no resource.")
        if self._settings.dialect.version == "1.1":
            version1.understood(found)
        return {**found, "id": str(found["id"])}

    async def _rows(self, opened: _Open, found: Sequence[Resource], before: int) -> list[Row]:
        await self._get_to_know(opened, found)
        return [self._row(number, one) for number, one in enumerate(found, start=before + 1)]

    def _row(self, number: int, resource: Resource) -> Row:
        modified = _modified(resource)
        if modified is not None and (self._newest is None or modified > self._newest):
            self._newest = modified
        values = flatten(resource, self._settings.attributes)
        made = {
            STATUS: "inactive" if boolean(resource.get("active")) is False else "active",
            MANAGER: self._managers.get(self._boss(resource), ""),
        }
        named = {name: text(values.get(name)) for name in self._settings.attributes}
        return Row(number, {**made, **named}, resource["id"])

    async def _get_to_know(self, opened: _Open, found: Sequence[Resource]) -> None:
        """The numbers of their managers, who are told by their ids."""
        if len(self._managers) > _KNOWN:
            self._managers.clear()
        for one in found:
            self._managers[one["id"]] = self._number(one)
        missing = sorted({self._boss(one) for one in found} - {""} - self._managers.keys())
        asked = await asyncio.gather(*(self._resource(opened, one) for one in missing))
        for name, manager in zip(missing, asked, strict=True):
            self._managers[name] = self._number(manager) if manager else ""

    def _number(self, resource: Resource) -> str:
        return text(flatten(resource, [self._settings.number]).get(self._settings.number))

    def _boss(self, resource: Resource) -> str:
        return text(flatten(resource, [_BOSS]).get(_BOSS))

    # The cursor: the last change that was seen, by the service's own clock.

    def _since(self, cursor: str) -> datetime:
        try:
            found = orjson.loads(cursor)
            if found["mark"] == self._mark:
                return datetime.fromisoformat(found["since"])
        except (orjson.JSONDecodeError, TypeError, KeyError, ValueError):
            pass
        raise CursorExpired("What is read of people is set anew.")

    @property
    def _mark(self) -> str:
        settings = self._settings
        told = [settings.base_url, settings.attributes, settings.number]
        return hashlib.sha256(orjson.dumps(told)).hexdigest()[:16]

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[_Open]:
        settings = self._settings
        async with funnel(settings, self._bearer, Limits()) as http:
            speech = Speech(settings.dialect, address=settings.base_url, http=http)
            yield _Open(http, await speech.ready())


def _modified(resource: Mapping[str, Any]) -> datetime | None:
    meta = resource.get("meta")
    value = meta.get("lastModified") if isinstance(meta, dict) else None
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC) if found else None
