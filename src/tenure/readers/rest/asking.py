"""Asking a source patiently: a reading may take long, and may not break because it was told to wait
in the middle. It must not know people.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from tenure.connectors.base import RetryLater
from tenure.connectors.rest.judging import Reply
from tenure.connectors.rest.listing import pages
from tenure.connectors.rest.program import Call, Steps
from tenure.connectors.rest.transport import Transport, fresh

T = TypeVar("T")

#: How often one request is sent, and for how many seconds of waiting together.
_TRIES = 6
_PATIENCE = 180.0
_FIRST_PAUSE = 0.5
#: So many records of one answer are worked on at a time.
_PORTION = 200


class PatientTransport(Transport):
    """Sends what was not answered again. What never answered at all is told at once."""

    _answered = False
    #: The last answer's body.
    last: Any = None

    async def send(self, call: Call, variables: Mapping[str, Any], url: str = "") -> Reply:
        waited, pause = 0.0, _FIRST_PAUSE
        for left in reversed(range(_TRIES)):
            try:
                reply = await super().send(call, variables, url)
            except RetryLater as error:
                wait = error.after if error.after is not None else pause
                hopeless = error.after is None and not self._answered
                if hopeless or not left or waited + wait > _PATIENCE:
                    raise
            else:
                self._answered, self.last = True, reply.body
                return reply
            # Not all at the same moment again.
            await asyncio.sleep(wait * random.uniform(1.0, 1.2))
            waited, pause = waited + wait, pause * 2
        raise AssertionError("The last try returns or raises.")

    async def portions(
        self, steps: Steps, variables: Mapping[str, Any], *, first_only: bool = False
    ) -> AsyncIterator[tuple[Call, list[Any]]]:
        """What all the lists hold, some of it at a time. Raises any `ConnectorError`."""
        given = {"fresh": fresh(), **variables}
        for call in steps:
            async for page in pages(self, call, given, first_only=first_only):
                for at in range(0, len(page), _PORTION):
                    yield call, page[at : at + _PORTION]


async def together(doing: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All at once; the first that fails ends the others."""
    tasks = [asyncio.ensure_future(one) for one in doing]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
