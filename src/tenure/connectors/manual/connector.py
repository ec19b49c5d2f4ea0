"""The connector for an application without any interface: everything is a task for a person.

It can read nothing, and says so (`Capabilities.listed`): what the person who did a task says is
what is known of an account.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, ClassVar, NoReturn

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tenure.connectors.base import (
    Capabilities,
    Check,
    ConnectorConfig,
    Listed,
    NotFound,
    RemoteAccount,
    RemoteEntitlement,
    Unsupported,
)
from tenure.connectors.opened import OpenWith
from tenure.core.model import Attributes, Value


class ManualSettings(BaseModel):
    """What somebody has to know who works there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    instructions: Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)] = Field(
        default="",
        title="Instructions",
        description="Stand in every task: where to sign in, which menu, whom to ask.",
    )


class ManualSecrets(BaseModel):
    """None."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ManualConnector(OpenWith):
    """Each verb that changes something raises `Unsupported` with the instructions."""

    Settings: ClassVar[type[BaseModel]] = ManualSettings
    Secrets: ClassVar[type[BaseModel]] = ManualSecrets

    def __init__(self, config: ConnectorConfig) -> None:
        self._instructions = ManualSettings.model_validate(dict(config.settings)).instructions
        # Nothing is sent there, so nothing of it has to be looked for before somebody is asked.
        self.capabilities = Capabilities(listed=False, unique_names=True, searchable=frozenset())

    async def check(self) -> list[Check]:
        """There is nothing that could be wrong."""
        return [Check("by hand", True, "People do what is due there; tasks tell them.")]

    async def accounts(self) -> AsyncIterator[list[Listed]]:
        """None can be read."""
        pages: tuple[list[Listed], ...] = ()
        for page in pages:
            yield page

    async def own_account(self) -> str | None:
        return None

    async def read(self, remote_id: str) -> RemoteAccount:
        raise NotFound(f"Nobody can look {remote_id} up in an application that is done by hand.")

    async def find(self, attribute: str, value: str) -> list[RemoteAccount]:
        return []

    async def create(
        self, attributes: Attributes, *, external_id: str, active: bool
    ) -> RemoteAccount:
        self._by_hand()

    async def update(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        self._by_hand()

    async def disable(self, remote_id: str) -> None:
        self._by_hand()

    async def enable(self, remote_id: str) -> None:
        self._by_hand()

    async def delete(self, remote_id: str) -> None:
        self._by_hand()

    async def entitlements(self) -> AsyncIterator[RemoteEntitlement]:
        items: tuple[RemoteEntitlement, ...] = ()
        for item in items:
            yield item

    async def create_entitlement(self, kind: str, name: str) -> RemoteEntitlement:
        self._by_hand()

    async def change_members(
        self, kind: str, remote_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        self._by_hand()

    def _by_hand(self) -> NoReturn:
        raise Unsupported("Accounts in this application are managed by hand.", self._instructions)
