"""Several changes in one request (RFC 7644, 3.7), each with an outcome of its own.

What an answer says of an operation becomes what the same request alone would have raised; of what
it does not say, nobody knows whether it was done. Whatever needs to be read before it is written,
or said in another way because it was refused, goes alone. `failOnErrors` is not sent: then an
application goes on after an error; one that ends there all the same is found out, and an
application whose bulk does not work is spoken to one by one from then on. It must not know what
accounts look like (see `together`) or who wants them changed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from tenure.connectors.answers import Ask, HttpRejected
from tenure.connectors.base import (
    Answered,
    Change,
    ConnectorError,
    NotFound,
    OutcomeUnknown,
    RemoteAccount,
    Together,
    Unsupported,
)
from tenure.connectors.http import HttpFunnel
from tenure.connectors.scim.changing import last_segment
from tenure.connectors.scim.speech import Speech

REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
#: As many as any application may be sent that does not say how many it takes.
_MOST = 1000
_FIRST = 32
#: A request grows until it takes so long, and shrinks when it takes four times that: an answer has
#: to come in time, and whoever says stop wants to be heard.
_SECONDS = 0.5
#: What is around the operations.
_AROUND = 200


@dataclass(frozen=True, slots=True)
class Operation:
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


@dataclass(frozen=True, slots=True)
class Sent:
    """An operation and its bytes, under its number as bulkId."""

    ask: Ask
    encoded: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """What the answer says of one operation."""

    status: int
    body: Any
    location: str


class Verbs(Protocol):
    """What is said and understood of accounts; see `together`."""

    def operation(self, change: Change) -> Operation | None:
        """The change as one that can be sent without reading anything first; None where there is
        none. Raises `ConnectorError` for what is not sent at all."""

    def made(self, change: Change, identifier: str, shown: Any) -> RemoteAccount:
        """The account, by its id and what the answer shows of it."""

    def refused(self, change: Change, error: ConnectorError) -> ConnectorError | None:
        """The error with the attributes that it speaks of; None where it is worth saying in another
        way."""

    async def alone(self, change: Change) -> RemoteAccount | None:
        """The change as a request of its own."""


class Bulk:
    """One connection's."""

    def __init__(self, http: HttpFunnel, speech: Speech, verbs: Verbs) -> None:
        self._http = http
        self._speech = speech
        self._verbs = verbs
        self._size = _FIRST
        #: Where more was refused: so many, and so many bytes.
        self._most_taken = _MOST
        self._largest_taken: int | None = None
        #: Methods that it does not take here.
        self._alone: set[str] = set()

    async def together(self) -> Together:
        """How many go in one request at present."""
        speech = await self._speech.ready()
        if not speech.bulk:
            return Together()
        always = speech.dialect.bulk.use is True
        return Together(min(self._size, self._most()), always=always)

    async def send(self, changes: Sequence[Change]) -> list[Answered]:
        """What became of each. Raises what holds for all of them."""
        await self._speech.ready()
        answers: dict[int, Answered] = {}
        alone: list[int] = []
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
            answers |= await self._part(changes, {n: operations[n] for n in part}, alone)
        answers |= await self._each_alone(changes, alone)
        return [answers[number] for number in range(len(changes))]

    def _sendable(self, number: int, operation: Operation | None) -> Sent | None:
        if operation is None or operation.method in self._alone:
            return None
        encoded = operation.encoded(str(number))
        ask = Ask(operation.method, operation.path, write=True, single=operation.method != "POST")
        return None if encoded is None else Sent(ask, encoded)

    def _most(self) -> int:
        speech = self._speech
        said = speech.dialect.bulk.operations or speech.declared.bulk_operations or _MOST
        return max(1, min(said, _MOST, self._most_taken))

    def _parts(self, operations: Mapping[int, Sent]) -> list[list[int]]:
        """Requests within the limits of the application, as the numbers of their operations."""
        speech = self._speech
        limits = (speech.dialect.bulk.bytes or speech.declared.bulk_bytes, self._largest_taken)
        largest = min((limit for limit in limits if limit is not None), default=None)
        parts: list[list[int]] = []
        size, most = 0, self._most()
        for number, operation in operations.items():
            length = len(operation.encoded) + 1
            full = largest is not None and _AROUND + size + length > largest
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
        began = time.monotonic()
        try:
            answer = await self._http.write(
                "POST", "/Bulk", body, weight=self._weight(len(operations))
            )
        except HttpRejected as error:
            if error.status == 413 or error.code.casefold() == "toomany":
                return await self._halves(changes, operations, body, alone)
            return self._refused(changes, operations, error, alone)
        except ConnectorError as error:
            if isinstance(error, (NotFound, Unsupported)) or error.status == 403:
                # Nothing was done. Where nothing may be done at all, one alone says so.
                why = f"It takes no bulk requests from us, whatever it says ({error.status})."
                self._speech.without_bulk(why)
                alone += operations
                return {}
            if isinstance(error, OutcomeUnknown):
                self._size = max(2, self._size // 2)
            return dict.fromkeys(operations, error)
        self._pace(len(operations), time.monotonic() - began)
        return self._understood(changes, operations, answer, alone)

    def _weight(self, count: int) -> int:
        return count if self._speech.dialect.bulk.counts == "operations" else 1

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
        does not say. Half of it is what is sent from now on: one less would be refused again."""
        numbers = list(operations)
        middle = (len(numbers) + 1) // 2
        self._most_taken = min(self._most_taken, middle)
        self._largest_taken = min(self._largest_taken or _NEVER, len(orjson.dumps(body)) // 2)
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
        error: HttpRejected,
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
        answer: Any,
        alone: list[int],
    ) -> dict[int, Answered]:
        told = _told(answer, operations)
        if len(told) < len(operations):
            self._speech.without_bulk("Its answers to bulk requests leave operations out.")
        found: dict[int, Answered] = {}
        for number, operation in operations.items():
            ask = operation.ask
            said = told.get(number)
            if said is None:
                found[number] = OutcomeUnknown(
                    f"{ask} was sent in a bulk request, and the answer does not say what became of "
                    "it. It is looked at before anything is sent again."
                )
                continue
            if said.status >= 300:
                error = self._http.judged(ask, said.status, said.body)
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
            found[number] = self._done(changes[number], ask, said)
        return found

    def _done(self, change: Change, ask: Ask, said: Told) -> Answered:
        if change.verb != "create":
            return None
        shown = said.body if isinstance(said.body, dict) and said.body.get("id") else None
        identifier = str(shown["id"]) if shown else last_segment(said.location)
        if not identifier or identifier.casefold() == "users":
            return OutcomeUnknown(
                f"{ask} was done in a bulk request, and the answer does not say what it made: it "
                "is looked for before anything is sent again."
            )
        return self._verbs.made(change, identifier, shown)

    async def _each_alone(
        self, changes: Sequence[Change], numbers: Sequence[int]
    ) -> dict[int, Answered]:
        async def one(number: int) -> Answered:
            try:
                return await self._verbs.alone(changes[number])
            except ConnectorError as error:
                return error

        found = await asyncio.gather(*(one(number) for number in numbers))
        return dict(zip(numbers, found, strict=True))


_NEVER = 2**62


def _body(operations: Mapping[int, Sent]) -> dict[str, Any]:
    return {
        "schemas": [REQUEST],
        "Operations": [orjson.Fragment(operation.encoded) for operation in operations.values()],
    }


def _told(answer: Any, operations: Mapping[int, Sent]) -> dict[int, Told]:
    """Number -> what is said of it, once and clearly. Operations are known by their bulkId, or,
    where that is missing, by the address of what they changed."""
    listed = answer.get("Operations") if isinstance(answer, dict) else None
    by_path = {
        last_segment(operation.ask.path): number
        for number, operation in operations.items()
        if operation.ask.method != "POST"
    }
    found: dict[int, Told] = {}
    twice: set[int] = set()
    for one in listed if isinstance(listed, list) else ():
        if not isinstance(one, dict):
            continue
        key, location = str(one.get("bulkId") or ""), str(one.get("location") or "")
        number = int(key) if key.isascii() and key.isdecimal() else None
        if not key and one.get("method") != "POST":
            number = by_path.get(last_segment(location))
        status = _status(one.get("status"))
        if number not in operations or status is None or number is None:
            continue
        if number in found:
            twice.add(number)
        found[number] = Told(status, one.get("response"), location)
    return {number: told for number, told in found.items() if number not in twice}


def _status(given: Any) -> int | None:
    """As a text, a number, or the `code` of an object; None for what is no HTTP status."""
    text = str(given.get("code", "") if isinstance(given, dict) else given).strip()
    return int(text) if len(text) == 3 and text.isdecimal() and "2" <= text[0] <= "5" else None
