"""A connection check: what an application can be seen to do, step by step.

Reads first. Then, where somebody agreed to it, an account and a group whose names say what they are
go through everything that Tenure will ever ask (see `canary`). It works on any connector by the
port, and must not know any one of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tenure.connectors.base import Connector, ConnectorError, Fits
from tenure.connectors.canary import Canary
from tenure.connectors.steps import Journal, Outcome, Step, Tell, Trial
from tenure.core.model import Attributes

__all__ = ["Outcome", "Step", "Tell", "Trial", "run"]
LookAt = Callable[[str, str, Attributes | str], None]


async def run(
    connector: Connector,
    tell: Tell,
    *,
    canary: Attributes | None = None,
    name: str = "",
    group: tuple[str, str] | None = None,
) -> Trial:
    """Checks an open connector. `canary`: attributes of an account to be made; None: only reads.
    `name` is the mark that they carry (`leftovers.mark`); `group`, kind and id, is one that it may
    be put into. Every step is told as soon as it is done.

    Raises nothing of what the application does. When it is cancelled, it cleans up first.
    """
    journal = Journal(tell)
    life = Canary(connector, journal, name, group)
    await _reads(connector, journal, life.leftovers.look_at if canary is not None else None)
    if canary is not None and journal.trial.ok:
        try:
            await life.leftovers.remove_old()
            await life.live(canary)
        finally:
            await life.leftovers.clean_up()
    if isinstance(connector, Fits):
        journal.trial.settings, journal.trial.notes = connector.fitted(journal.seen)
    return journal.trial


async def _reads(
    connector: Connector,
    journal: Journal,
    look_at: LookAt | None,
) -> None:
    """What the connector checks, and both lists; `look_at` is shown everything in them."""
    began = time.monotonic()
    try:
        checks = await connector.check()
    except ConnectorError as error:
        await journal.done(Step("Connection", Outcome.FAILS, str(error)))
        return
    seconds = (time.monotonic() - began) / max(1, len(checks))
    for check in checks:
        outcome = Outcome.WORKS if check.ok else Outcome.FAILS
        await journal.done(Step(check.what, outcome, check.detail, seconds))
    if not all(check.ok for check in checks):
        return
    async with journal.step("List accounts") as line:
        ids, pages, twice = set[str](), 0, 0
        async for page in connector.accounts():
            pages += bool(page)
            for one in page:
                twice += one.remote_id in ids
                ids.add(one.remote_id)
                if look_at is not None:
                    look_at("", one.remote_id, one.load().attributes)
        line.say(Outcome.WORKS, f"{len(ids)} in {pages} page{'' if pages == 1 else 's'}.")
        if twice:
            line.say(Outcome.DIFFERS, f"{line.detail} {twice} came twice: counted once.")
    if not connector.capabilities.entitlements:
        return
    async with journal.step("List groups and other entitlements") as line:
        found = [one async for one in connector.entitlements()]
        if look_at is not None:
            for item in found:
                look_at(item.kind, item.remote_id, item.name)
        line.say(Outcome.WORKS, f"{len(found)} there.")
        if any(one.members is None for one in found):
            line.say(Outcome.DIFFERS, f"{len(found)} there, without their members.")
