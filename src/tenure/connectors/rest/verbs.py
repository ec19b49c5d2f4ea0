"""Doing one verb: its requests one after the other, each seeing the answers of those before it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tenure.connectors.base import NotFound, Rejected
from tenure.connectors.rest.judging import Reply
from tenure.connectors.rest.program import Call, Steps
from tenure.connectors.rest.templates import MISSING, evaluate
from tenure.connectors.rest.transport import Transport, fresh

#: Gives what is asked for by name only when an expression uses it: the account as it is.
Later = Mapping[str, Callable[[], Awaitable[Any]]]


async def run(
    transport: Transport,
    steps: Steps,
    variables: Mapping[str, Any],
    later: Later | None = None,
    *,
    written: list[str] | None = None,
) -> Reply | None:
    """The last answer; None where no step was due. `written` is told of every step that changed
    something. Raises any `ConnectorError`."""
    known: dict[str, Any] = {"fresh": fresh(), **variables}
    transport.secret_texts.add(known["fresh"]["password"])
    saved: dict[str, Any] = {}
    reply: Reply | None = None
    for step in steps:
        used = {name.partition(".")[0] for name in step.names}
        for name, get in (later or {}).items():
            if name in used and name not in known:
                known[name] = await get()
        given = {**known, "steps": saved}
        for one in _each(step, given):
            here = given if step.each is None else {**given, "one": one}
            if step.when is not None and not step.when.holds(here):
                continue
            reply = await transport.send(step, here)
            if step.writes and written is not None:
                written.append(step.where)
            if step.spec.save:
                saved[step.spec.save] = reply.seen
                given = {**known, "steps": saved}
    return reply


def _each(step: Call, given: Mapping[str, Any]) -> list[Any]:
    if step.each is None:
        return [None]
    found = evaluate(step.each, given)
    if found is MISSING:
        return []
    if not isinstance(found, list):
        raise Rejected(f"{step.where}.each gives no list. Correct the specification.")
    return found


def thing(call: Call, reply: Reply | None, wanted: Callable[[Any], bool] | None = None) -> Any:
    """The one thing in an answer: at `item`, or of `items` the one that is wanted (by default the
    first): a search may give others besides. Raises `NotFound`."""
    if reply is None:
        raise NotFound(f"{call.where}: nothing was asked.")
    found = call.item.get(reply.body) if call.item is not None else call.items.get(reply.body)
    if isinstance(found, list):
        found = next((one for one in found if wanted is None or wanted(one)), None)
    if found in (None, "", {}):
        raise NotFound(f"{call.where} was answered {reply.status} without anything in it.")
    return found
