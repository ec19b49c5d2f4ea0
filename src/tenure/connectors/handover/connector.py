"""The connector for applications that only take files: each change is handed over as a file, and
what was handed over last is what is observed.

Changes that come while a file is being written go into the next one together, so a thousand of them
are no thousand files. It must not know the engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import ClassVar, Self, TypeVar, cast

from pydantic import BaseModel

from tenure.connectors.base import (
    Capabilities,
    Check,
    ConnectorConfig,
    ConnectorError,
    Listed,
    RemoteAccount,
    RemoteEntitlement,
    Unsupported,
)
from tenure.connectors.handover.book import Book, Group, Row
from tenure.connectors.handover.places import place
from tenure.connectors.handover.settings import SPECIAL, HandoverSecrets, HandoverSettings
from tenure.connectors.handover.table import Table
from tenure.connectors.lease import must_hold
from tenure.core.model import Attributes, Value

T = TypeVar("T")
#: One change, and who waits for it to be handed over.
_Waiting = tuple[Callable[[Book], object], asyncio.Future[object]]


class HandoverConnector:
    """Files in a folder, here or behind SFTP."""

    Settings: ClassVar[type[BaseModel]] = HandoverSettings
    Secrets: ClassVar[type[BaseModel]] = HandoverSecrets

    capabilities: Capabilities

    def __init__(self, config: ConnectorConfig) -> None:
        settings = HandoverSettings.model_validate(dict(config.settings))
        secrets = HandoverSecrets.model_validate(dict(config.secrets))
        unknown = sorted(set(settings.columns.values()) - SPECIAL - config.attributes)
        if unknown:
            raise ValueError(f"columns: nothing is mapped to {', '.join(unknown)}")
        self._settings = settings
        self._names = config.attributes
        self._place = place(settings, secrets)
        self._table = Table(settings, config.attributes)
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None
        self.capabilities = Capabilities(
            entitlements=frozenset({"group"}) if settings.groups else frozenset(),
            create_entitlements=settings.groups,
            unique_names=True,
            searchable=frozenset({"userName", "externalId"}) | config.attributes,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._writing is not None:
            await asyncio.wait({self._writing})
        await self._place.close()

    async def check(self) -> list[Check]:
        """That the folder is there, and what was handed over last. Nothing is written."""
        try:
            data = await self._place.read(self._settings.remembered)
            book = Book.read(data)
        except ConnectorError as error:
            return [Check("Folder", False, str(error))]
        told = "Nothing was handed over yet." if data is None else f"{len(book.rows)} accounts."
        return [Check("Folder", True, "It is there."), Check("Handed over", True, told)]

    async def accounts(self) -> AsyncIterator[list[Listed]]:
        rows, size = list((await self._book()).rows.values()), self._settings.page_size
        for start in range(0, max(len(rows), 1), size):
            yield [
                Listed(row.id, row.fingerprint, partial(self._account, row))
                for row in rows[start : start + size]
            ]

    async def own_account(self) -> str | None:
        """There is none: nobody signs in to a file."""
        return None

    async def read(self, remote_id: str) -> RemoteAccount:
        return self._account((await self._book()).row(remote_id))

    async def find(self, attribute: str, value: str) -> list[RemoteAccount]:
        return [self._account(row) for row in (await self._book()).found(attribute, value)]

    async def create(
        self, attributes: Attributes, *, external_id: str, active: bool
    ) -> RemoteAccount:
        self._table.must_fit(attributes)
        row: Row = await self._change(lambda book: book.add(attributes, external_id, active=active))
        return self._account(row)

    async def update(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        self._table.must_fit(changes)
        await self._change(lambda book: book.change(remote_id, changes))

    async def disable(self, remote_id: str) -> None:
        await self._change(lambda book: book.switch(remote_id, on=False))

    async def enable(self, remote_id: str) -> None:
        await self._change(lambda book: book.switch(remote_id, on=True))

    async def delete(self, remote_id: str) -> None:
        await self._change(lambda book: book.remove(remote_id))

    async def entitlements(self) -> AsyncIterator[RemoteEntitlement]:
        if self._settings.groups:
            for group in (await self._book()).groups.values():
                yield _entitlement(group)

    async def create_entitlement(self, kind: str, name: str) -> RemoteEntitlement:
        self._must_be_group(kind)
        self._table.must_fit({"groups": name})
        group: Group = await self._change(lambda book: book.add_group(name))
        return _entitlement(group)

    async def delete_entitlement(self, kind: str, remote_id: str) -> None:
        """The group is gone. Raises `NotFound`."""
        self._must_be_group(kind)
        await self._change(lambda book: book.remove_group(remote_id))

    async def change_members(
        self, kind: str, remote_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        self._must_be_group(kind)
        await self._change(lambda book: book.change_group(remote_id, add, remove))

    # What the verbs share.

    async def _book(self) -> Book:
        return Book.read(await self._place.read(self._settings.remembered))

    async def _change(self, act: Callable[[Book], T]) -> T:
        """Does one change, and returns when it is handed over. Whoever is cancelled meanwhile does
        not stop the others."""
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting.append((act, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._hand_over())
        return cast(T, await asyncio.shield(done))

    async def _hand_over(self) -> None:
        while self._waiting:
            # Let those who come at the same moment into the same file.
            await asyncio.sleep(0)
            batch, self._waiting = self._waiting, []
            told: list[object]
            try:
                told = await self._handed_over([act for act, _ in batch])
            except Exception as error:
                # Whatever it is: those who wait have to hear of it.
                told = [error] * len(batch)
            for (_, done), outcome in zip(batch, told, strict=True):
                if done.cancelled():
                    continue
                if isinstance(outcome, Exception):
                    done.set_exception(outcome)
                else:
                    done.set_result(outcome)

    async def _handed_over(self, acts: Sequence[Callable[[Book], object]]) -> list[object]:
        """The file for the application first, and then what is remembered of it: if only the first
        is written, the same is handed over again, which does no harm."""
        async with self._place.alone():
            book = await self._book()
            outcomes = [_done(act, book) for act in acts]
            if all(isinstance(outcome, ConnectorError) for outcome in outcomes):
                return outcomes
            if self._settings.what == "full":
                await self._write(self._settings.file, self._table.full(book))
            elif (data := self._table.changes(book)) is not None:
                await self._write(self._table.name_of_changes(datetime.now(UTC)), data)
            await self._write(self._settings.remembered, book.written())
        return outcomes

    async def _write(self, name: str, data: bytes) -> None:
        must_hold(f"The file {name}")
        await self._place.write(name, data)

    def _account(self, row: Row) -> RemoteAccount:
        return RemoteAccount(
            remote_id=row.id,
            attributes={name: value for name, value in row.shown.items() if name in self._names},
            active=row.active,
            fingerprint=row.fingerprint,
        )

    def _must_be_group(self, kind: str) -> None:
        if kind != "group" or not self._settings.groups:
            raise Unsupported(
                f"What is handed over has no entitlements of kind {kind!r}.",
                f"Change the {kind} in the application itself.",
            )


def _done(act: Callable[[Book], object], book: Book) -> object:
    """What came of one change; its error, where it is refused: the others are done."""
    try:
        return act(book)
    except ConnectorError as error:
        return error


def _entitlement(group: Group) -> RemoteEntitlement:
    return RemoteEntitlement("group", group.id, group.name, frozenset(group.members))
