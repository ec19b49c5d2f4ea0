"""Several changes in one request (RFC 7644, 3.7), each with an outcome of its own.

What an answer says of an operation (see `told`) becomes what the same request alone would have
raised; of what it does not say, nobody knows whether it was done. Whatever needs to be read before
it is written, or said in another way because it was refused, goes alone; so does what was refused
for the company that it was in. `failOnErrors` is not sent: then an application goes on after an
error; one that ends there all the same is found out, and an application whose bulk does not work is
spoken to one by one from then on. It must not know what accounts look like (see `together`) or who
wants them changed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import orjson

from tenure.connectors.answers import Ask, HttpRejected
from tenure.connectors.base import (
    AlreadyExists,
    Answered,
    Change,
    ConnectorError,
    NotBegun,
    NotFound,
    OutcomeUnknown,
    RemoteAccount,
    StopApplication,
    Together,
    Unsupported,
)
from tenure.connectors.http import HttpFunnel
from tenure.connectors.scim.changing import last_segment
from tenure.connectors.scim.speech import Speech
from tenure.connectors.scim.told import Told, told

REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
#: As many as any application may be sent that does not say how many it takes.
_MOST = 1000
_FIRST = 32
#: A request grows until it takes so long, and shrinks when it takes four times that: an answer has
#: to come in time, and whoever says stop wants to be heard.
_SECONDS = 0.5
#: What is around the operations.
_AROUND = 200
#: What one of several is answered with for the sake of the others: it is too large beside them, or
#: they failed and it was not tried (RFC 4918, 11.4).
_BESIDE_OTHERS = frozenset({413, 414, 424, 431})


class Operation(NamedTuple):
    """One change as it stands in a request."""

    method: str
    path: str
    data: Mapping[str, Any] | None = None

    def encoded(self, key: str) -> bytes | None:
        """None where a value cannot be written as JSON."""
        made: dict[str, Any] = {"method": self.method, "bulkId": key, "path": self.path}
        try:
            return orjson.dumps(made if self.data is None else {**made, "data": self.data})
        except TypeError:
            return None


class Sent(NamedTuple):
    """An operation and its bytes, under its number as bulkId."""

    ask: Ask
    encoded: bytes
    data: Mapping[str, Any] | None


class Verbs(Protocol):
    """What is said and understood of accounts; see `together`."""

    def operation(self, change: Change) -> Operation | None:
        """The change as one that can be sent without reading anything first; None where there is
        none. Raises `ConnectorError` for what is not sent at all."""

    def made(self, identifier: str, shown: Any, sent: Mapping[str, Any]) -> RemoteAccount:
        """The account, by its id and what the answer shows of it, or else what was sent."""

    def refused(self, change: Change, error: ConnectorError) -> ConnectorError | None:
        """The error with the attributes that it speaks of; None where it is worth saying in another
        way."""

    async def alone(self, change: Change) -> RemoteAccount | None:
        """The change as a request of its own."""


class Bulk:
    """One connection's."""

    def __init__(self, http: HttpFunnel, speech: Speech, verbs: Verbs, *, concurrency: int) -> None:
        self._http = http
        self._speech = speech
        self._verbs = verbs
        self._concurrency = max(1, concurrency)
        self._size = _FIRST
        #: Where more was refused: so many, and so many bytes.
        self._most_taken = _MOST
        self._largest_taken = _NEVER
        #: So many, and so many bytes, were taken once.
        self._taken = (0, 0)
        #: Methods that it does not take here.
        self._alone: set[str] = set()

    async def together(self) -> Together:
        """How many go in one request at present."""
        speech = await self._speech.ready()
        if not speech.bulk:
            return Together()
        always = speech.dialect.bulk.use is True
        return Together(min(self._size, self._most()), always=always)

    async def send(self, changes: Sequence[Change], halted: Callable[[], bool]) -> list[Answered]:
        """What became of each. Raises what holds for all of them."""
        await self._speech.ready()
        answers: dict[int, Answered] = {}
        alone: list[int] = []

        def over() -> bool:
            return halted() or any(isinstance(a, StopApplication) for a in answers.values())

        operations: dict[int, Sent] = {}
        for number, change in enumerate(changes):
            try:
                operation = self._verbs.operation(change)
            except ConnectorError as error:
                answers[number] = error
                continue
            if (sent := self._sendable(number, operation)) is None:
                alone.append(number)
            else:
                operations[number] = sent
        for part in self._parts(operations):
            if len(part) < 2 or not self._speech.bulk:
                alone += part
                continue
            if not over():
                answers |= await self._part(changes, {n: operations[n] for n in part}, alone)
        await self._each_alone(changes, alone, answers, over)
        return [answers.get(number, NotBegun()) for number in range(len(changes))]

    def _sendable(self, number: int, operation: Operation | None) -> Sent | None:
        if operation is None or operation.method in self._alone:
            return None
        encoded = operation.encoded(str(number))
        ask = Ask(operation.method, operation.path, write=True, single=operation.method != "POST")
        return None if encoded is None else Sent(ask, encoded, operation.data)

    def _most(self) -> int:
        speech = self._speech
        said = speech.dialect.bulk.operations or speech.declared.bulk_operations or _MOST
        return max(1, min(said, _MOST, self._most_taken))

    def _parts(self, operations: Mapping[int, Sent]) -> list[list[int]]:
        """Requests within the limits of the application, as the numbers of their operations."""
        speech = self._speech
        said = speech.dialect.bulk.bytes or speech.declared.bulk_bytes or _NEVER
        largest = min(said, self._largest_taken)
        parts: list[list[int]] = []
        size, most = 0, self._most()
        for number, operation in operations.items():
            length = len(operation.encoded) + 1
            full = _AROUND + size + length > largest
            if not parts or full or len(parts[-1]) >= most:
                parts.append([])
                size = 0
            parts[-1].append(number)
            size += length
        return parts

    async def _part(
        self, changes: Sequence[Change], operations: Mapping[int, Sent], alone: list[int]
    ) -> dict[int, Answered]:
        """One request, and what became of its operations; those that have to go alone after all
        are added there."""
        body = _body(operations)
        ask = Ask("POST", "/Bulk", write=True, weight=self._weight(len(operations)))
        began = time.monotonic()
        try:
            answer, headers = await self._http.answered(ask, body)
        except (HttpRejected, AlreadyExists) as error:
            code = error.code.casefold() if isinstance(error, HttpRejected) else ""
            if error.status == 413 or code == "toomany":
                return await self._halves(changes, operations, body, alone)
            # A conflict, too: with which of them, it does not say.
            return self._refused(changes, operations, error, alone)
        except ConnectorError as error:
            if isinstance(error, NotFound) and self._taken[0]:
                # It is there. What it did not find, and what it did before that, nobody knows.
                return self._refused(changes, operations, error, alone)
            if isinstance(error, (NotFound, Unsupported)) or error.status == 403:
                # Nothing was done. Where nothing may be done at all, one alone says so.
                why = f"It takes no bulk requests from us, whatever it says ({error.status})."
                self._speech.without_bulk(why)
                alone += operations
                return {}
            if isinstance(error, OutcomeUnknown):
                self._size = max(2, self._size // 2)
            return dict.fromkeys(operations, error)
        self._took(len(operations), len(orjson.dumps(body)))
        self._pace(len(operations), time.monotonic() - began)
        asks = {number: operation.ask for number, operation in operations.items()}
        return self._understood(changes, operations, told(answer, asks, headers), alone)

    def _weight(self, count: int) -> int:
        return count if self._speech.dialect.bulk.counts == "operations" else 1

    def _took(self, count: int, size: int) -> None:
        """What was taken once was not why anything was refused."""
        self._taken = max(self._taken[0], count), max(self._taken[1], size)
        self._most_taken = max(self._most_taken, self._taken[0])
        self._largest_taken = max(self._largest_taken, self._taken[1])

    def _pace(self, count: int, seconds: float) -> None:
        if seconds > 4 * _SECONDS:
            self._size = max(2, self._size // 2)
        elif seconds < _SECONDS and count >= self._size:
            self._size = min(_MOST, self._size * 2)

    async def _halves(
        self,
        changes: Sequence[Change],
        operations: Mapping[int, Sent],
        body: Mapping[str, Any],
        alone: list[int],
    ) -> dict[int, Answered]:
        """It was too many, or too much: nothing was done (RFC 7644, 3.7.4), and which of the two it
        does not say. Half of it is what is sent from now on: one less would be refused again. One
        that is too large by itself is found so, and then the others travel as before."""
        numbers = list(operations)
        middle = (len(numbers) + 1) // 2
        most, largest = self._taken
        self._most_taken = min(self._most_taken, max(middle, most))
        half = len(orjson.dumps(body)) // 2
        self._largest_taken = min(self._largest_taken, max(half, largest))
        answers: dict[int, Answered] = {}
        for part in (numbers[:middle], numbers[middle:]):
            if len(part) < 2:
                alone += part
            else:
                answers |= await self._part(changes, {n: operations[n] for n in part}, alone)
        return answers

    def _refused(
        self,
        changes: Sequence[Change],
        operations: Mapping[int, Sent],
        error: ConnectorError,
        alone: list[int],
    ) -> dict[int, Answered]:
        """The request as a whole was refused. Most likely nothing was done, but nobody has said so:
        what would do harm if it were done twice is looked for first."""
        self._speech.without_bulk(f"It refuses bulk requests ({error.status}).")
        alone += [number for number in operations if changes[number].verb != "create"]
        unknown = OutcomeUnknown(f"{error} Whether a part of it was done is not known.")
        return {number: unknown for number in operations if changes[number].verb == "create"}

    def _understood(
        self,
        changes: Sequence[Change],
        operations: Mapping[int, Sent],
        answers: Mapping[int, Told],
        alone: list[int],
    ) -> dict[int, Answered]:
        if len(answers) < len(operations):
            self._speech.without_bulk("Its answers to bulk requests leave operations out.")
        found: dict[int, Answered] = {}
        done = {operations[n].ask.method for n, said in answers.items() if said.status < 300}
        for number, operation in operations.items():
            said = answers.get(number)
            if said is None:
                found[number] = OutcomeUnknown(
                    f"{operation.ask} was sent in a bulk request, and the answer does not say what "
                    "became of it. It is looked at before anything is sent again."
                )
                continue
            if _is_for_others(said.status, done):
                alone.append(number)
                continue
            if said.status >= 300:
                # Where others of its kind are done a refusal speaks of this one, and not of
                # credentials.
                ask = operation.ask._replace(single=operation.ask.single or "POST" in done)
                error = self._http.judged(ask, said.status, said.body, said.headers)
                refused = None
                if isinstance(error, Unsupported):
                    self._alone.add(ask.method)
                else:
                    refused = self._verbs.refused(changes[number], error)
                if refused is None:
                    alone.append(number)
                else:
                    found[number] = refused
                continue
            found[number] = self._done(changes[number], operation, said)
        return found

    def _done(self, change: Change, operation: Sent, said: Told) -> Answered:
        if change.verb != "create":
            return None
        shown = said.body if isinstance(said.body, dict) and said.body.get("id") else None
        identifier = str(shown["id"]) if shown else last_segment(said.location)
        if not identifier or identifier.casefold() == "users":
            return OutcomeUnknown(
                f"{operation.ask} was done in a bulk request, and the answer does not say what it "
                "made: it is looked for before anything is sent again."
            )
        return self._verbs.made(identifier, shown, operation.data or {})

    async def _each_alone(
        self,
        changes: Sequence[Change],
        numbers: Iterable[int],
        answers: dict[int, Answered],
        over: Callable[[], bool],
    ) -> None:
        """As many at once as the application is asked for anything else."""
        waiting = iter(numbers)

        async def some() -> None:
            for number in waiting:
                if over():
                    return
                try:
                    answers[number] = await self._verbs.alone(changes[number])
                except ConnectorError as error:
                    answers[number] = error

        await asyncio.gather(*(some() for _ in range(self._concurrency)))


def _is_for_others(status: int, done: Collection[str]) -> bool:
    """Whether it may be taken alone: it was refused for its company, or it is not to be believed
    that it was refused for itself."""
    return status in _BESIDE_OTHERS or 300 <= status < 400 or (status == 401 and bool(done))


_NEVER = 2**62


def _body(operations: Mapping[int, Sent]) -> dict[str, Any]:
    return {
        "schemas": [REQUEST],
        "Operations": [orjson.Fragment(operation.encoded) for operation in operations.values()],
    }
