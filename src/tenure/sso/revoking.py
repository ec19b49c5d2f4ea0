"""Ending what people are signed in to through an application's own interface, where its connector
can: Google, Microsoft, and what a dialect or a specification names. Written in the transaction that
ends their access, carried out by the worker, once for each cause.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from django.db.models import Q, QuerySet

from tenure.applications.connecting import can_end_sessions, connector_for
from tenure.applications.models import Account, Application
from tenure.connectors.base import (
    Connector,
    ConnectorError,
    EndsSessions,
    NotFound,
    Rejected,
    Unsupported,
)
from tenure.core.model import ApplicationMode, OperationState, Situation
from tenure.infra.clock import now
from tenure.people.endings import CLOSED
from tenure.people.models import Person
from tenure.people.services import company
from tenure.provisioning.models import Operation
from tenure.provisioning.records.stopping import why_still
from tenure.sso import outbox
from tenure.sso.models import ApplicationSession, Notice
from tenure.sso.outbox import Done, Outcome

_log = logging.getLogger(__name__)

KIND: Final = "connector.end_sessions"
WORDS: Final = "Its own interface"
#: For all sessions of one application that are ended together.
_TIMEOUT: Final = 120.0
_AT_ONCE: Final = 8


def of_people(people: Sequence[Person], because: str) -> int:
    """Of these people, wherever they have an account that is open. Those whose access has ended
    are told of once for the state that they are in. Returns how many notices."""
    causes = {
        person.pk: f"{person.state} since {person.state_since}"
        if person.state in CLOSED
        else f"{because} {now().isoformat()}"
        for person in people
    }
    rows = Account.objects.filter(person__in=list(causes))
    return _post(rows, lambda row: causes[row.person_id or 0])


def of_accounts_lost(people: Sequence[int]) -> int:
    """For `records.losses`: of accounts that a stored plan takes from people who are here. What
    waits for approval waits here too."""
    operations = Operation.objects.filter(
        person__in=people, takes_access=True, state=OperationState.PLANNED.value
    ).exclude(person__state__in=CLOSED)
    pairs = operations.exclude(account=None).order_by("id").values_list("account_id", "pk")
    causes = {account: f"operation {pk}" for account, pk in pairs if account is not None}
    return _post(Account.objects.filter(pk__in=list(causes)), lambda row: causes[row.pk])


def of_sessions(sessions: Iterable[ApplicationSession], because: str) -> int:
    """Where these sessions were: people are signed out there, and may sign in again."""
    pairs = {(one.person_id, one.application_id) for one in sessions}
    which = Q()
    for person, application in pairs:
        which |= Q(person=person, application=application)
    cause = f"{because} {now().isoformat()}"
    return _post(Account.objects.filter(which), lambda _: cause) if pairs else 0


def _post(accounts: QuerySet[Account], cause: Callable[[Account], str]) -> int:
    able = _able()
    if not able:
        return 0
    rows = accounts.filter(
        application__in=able, situation=Situation.LINKED.value, protected="", own=False
    ).exclude(active=False)
    found = {(row.pk, cause(row)): row for row in rows.select_related("person")}
    known = Notice.objects.filter(kind=KIND, person__in={row.person_id for row in found.values()})
    for told in known.values_list("payload__account", "payload__cause"):
        found.pop(told, None)
    for (_, why), row in found.items():
        application = able[row.application_id]
        outbox.post(
            KIND,
            address=f"{application.connector}: {row.remote_id}"[:2000],
            payload={"account": row.pk, "remote_id": row.remote_id, "cause": why},
            application=application,
            person=row.person,
            wakes=False,
        )
    if found:
        outbox.wake(KIND)
    return len(found)


def _able() -> dict[int, Application]:
    """Applications that are written to, and whose connector can."""
    rows = Application.objects.filter(mode=ApplicationMode.LIVE.value)
    return {row.pk: row for row in rows if can_end_sessions(row)}


class SessionsCaller:
    """See `outbox.Caller`. Each application is opened once for all that is to be ended there."""

    def carry_out(self, notices: Sequence[Notice]) -> list[Done]:
        by_application: dict[int, list[Notice]] = defaultdict(list)
        for notice in notices:
            by_application[notice.application_id or 0].append(notice)
        opened = {pk: _opened(rows[0].application) for pk, rows in by_application.items()}
        done = asyncio.run(_all(by_application, opened))
        return [done[notice.pk] for notice in notices]


def _opened(application: Application | None) -> Connector | Done:
    """Ready to be entered, or why not."""
    if application is None:
        return Done(Outcome.HOPELESS, "The application is gone.")
    if why := why_still(application, company(), trial=True):
        return Done(Outcome.LATER, why)
    try:
        return connector_for(application)
    except (LookupError, ValueError) as error:
        return Done(Outcome.LATER, str(error))


async def _all(
    rows: dict[int, list[Notice]], opened: dict[int, Connector | Done]
) -> dict[int, Done]:
    found = await asyncio.gather(*(_application(rows[pk], opened[pk]) for pk in rows))
    return {pk: done for part in found for pk, done in part.items()}


async def _application(rows: list[Notice], connector: Connector | Done) -> dict[int, Done]:
    if isinstance(connector, Done):
        return {row.pk: connector for row in rows}
    done: dict[int, Done] = {}
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(row: Notice) -> None:
        async with limit:
            done[row.pk] = await _end(connector, row)

    try:
        async with asyncio.timeout(_TIMEOUT), connector:
            await asyncio.gather(*(one(row) for row in rows))
    except (ConnectorError, TimeoutError) as error:
        said = str(error) or "It took too long."
        for row in rows:
            done.setdefault(row.pk, Done(Outcome.LATER, said))
    return done


async def _end(connector: Connector, row: Notice) -> Done:
    if not isinstance(connector, EndsSessions):
        return Done(Outcome.HOPELESS, "Its connector cannot end sessions.")
    try:
        await connector.end_sessions(str(row.payload["remote_id"]))
    except NotFound:
        return Done(Outcome.ARRIVED, "The account is not there any more.", 404)
    except (Rejected, Unsupported) as error:
        return Done(Outcome.HOPELESS, str(error), error.status or None)
    except ConnectorError as error:
        return Done(Outcome.LATER, str(error), error.status or None)
    except Exception as error:  # A fault of ours fails what met it, and nothing else.
        _log.exception("Notice %s met a fault of ours.", row.pk)
        return Done(Outcome.LATER, f"{type(error).__name__}: {error}")
    return Done(Outcome.ARRIVED, f"Every session of {row.payload['remote_id']} is ended.")
