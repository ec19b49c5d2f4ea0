"""Users who were deleted in the last 30 days, and one of them brought back: mailbox, files and all
that is theirs with it. Who it is is known by our own id, never by a name alone.

https://learn.microsoft.com/en-us/graph/api/directory-deleteditems-restore
"""

from __future__ import annotations

from typing import Any

from tenure.connectors.base import (
    AlreadyExists,
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    StopApplication,
)
from tenure.connectors.http import segment
from tenure.connectors.microsoft.graph import Graph
from tenure.connectors.microsoft.properties import condition, selected, shown

_PATH = "/directory/deletedItems"


class Deleted:
    """By `graph`; our own id is in the property `name`."""

    def __init__(self, graph: Graph, name: str) -> None:
        self._graph = graph
        self._name = name

    async def latest(self, external_id: str) -> str | None:
        """The id of who was deleted last with this id of ours; None where nobody was."""
        try:
            found = [one async for one in self._with(external_id)]
        except StopApplication as error:
            if error.status != 403:
                raise
            return None  # Not ours to see: somebody new is made, as before.
        found.sort(key=lambda one: str(one.get("deletedDateTime") or ""))
        return str(found[-1]["id"]) if found else None

    async def bring_back(self, identifier: str, body: dict[str, Any]) -> None:
        """As `body` says, whatever they were before. Raises `Rejected` where they cannot come back,
        `OutcomeUnknown` where they are back and not as it says."""
        path = f"{_PATH}/{segment(identifier)}/restore"
        try:
            await self._graph.http.write("POST", path, single=True)
        except (AlreadyExists, Rejected) as error:
            raise Rejected(
                f"The account {identifier} of the same person was deleted in the last 30 days and "
                "cannot be brought back, perhaps because the name that they had is somebody "
                f"else's: {error} Bring it back in the Microsoft Entra admin center (Deleted "
                "users), or delete it there for good to get a new one."
            ) from None
        self._graph.made.note(identifier)
        try:
            path = f"/users/{segment(identifier)}"
            sending = self._graph.http.write("PATCH", path, body, single=True)
            await self._graph.made.soon(identifier, sending)
        except ConnectorError as error:
            raise OutcomeUnknown(
                f"{identifier} was deleted and is brought back, but not as they should be: {error}"
            ) from None

    async def _with(self, external_id: str) -> Any:
        params = {"$select": f"{selected([self._name])},deletedDateTime", "$top": "999"}
        asked = {**params, "$filter": condition(self._name, external_id)}
        try:
            async for one in self._pages(asked, external_id):
                yield one
        except Rejected:
            # Of what deleted users can be filtered by nothing is promised.
            async for one in self._pages(params, external_id):
                yield one

    async def _pages(self, params: dict[str, str], external_id: str) -> Any:
        path = f"{_PATH}/microsoft.graph.user"
        advanced = "$filter" in params
        async for page in self._graph.pages(path, params, advanced=advanced):
            for user in page:
                if shown(user, self._name) == external_id:
                    yield user
