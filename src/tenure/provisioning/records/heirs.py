"""To whom what leavers own goes: the open account of their manager, who has not left as well; and
which operations rest on an answer that is not so any more.

What is handed over goes on for hours in some applications. So nothing is handed on, or deleted, of
an account that is being given something meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tenure.applications.models import Account, Application, TransferTo
from tenure.core.model import (
    Heir,
    LifecycleState,
    Observed,
    OperationKind,
    OperationState,
    Situation,
)
from tenure.core.transfers import OWNER
from tenure.people.models import Person
from tenure.provisioning.models import Operation

_GOING: Final = frozenset({LifecycleState.LEFT.value, LifecycleState.LEAVING.value})
_BUSY: Final = (OperationState.STARTED, OperationState.UNKNOWN, OperationState.RETRYING)
#: What may be lost while something is still arriving.
_ENDS: Final = frozenset({OperationKind.TRANSFER.value, OperationKind.DELETE.value})
#: After so long it is looked at again whether everything has arrived.
_ARRIVES: Final = timedelta(minutes=2)


class Heirs:
    """Of those of the people who have left; `ahead`: of those who are still to leave as well."""

    def __init__(self, people: Iterable[int], *, ahead: bool = False) -> None:
        handing = Application.objects.filter(transfer_to=TransferTo.MANAGER)
        self._applications = frozenset(handing.values_list("pk", flat=True))
        #: Person -> manager's id, name and state.
        self._managers: dict[int, tuple[int | None, str | None, str | None]] = {}
        self._open: dict[tuple[int, int], Heir] = {}
        if not self._applications:
            return
        left = Person.objects.filter(pk__in=list(people))
        left = left if ahead else left.filter(state=LifecycleState.LEFT.value)
        for key, boss, name, state in left.values_list(
            "pk", "manager", "manager__display_name", "manager__state"
        ):
            self._managers[key] = (boss, name, state)
        there = {boss for boss, _, state in self._managers.values() if state not in _GOING}
        rows = Account.objects.filter(
            application__in=self._applications,
            person__in=there - {None},
            situation=Situation.LINKED.value,
        ).exclude(active=False)
        for manager_id, application, remote, name in rows.values_list(
            "person", "application", "remote_id", "person__display_name"
        ):
            self._open[manager_id, application] = Heir(remote, name)

    def told(self, account: Observed, person: int, application: int) -> Observed:
        """The account, with who takes over what it owns, or why nobody does."""
        if application not in self._applications or person not in self._managers:
            return account
        manager, name, state = self._managers[person]
        heir = self._open.get((manager, application)) if manager is not None else None
        if heir is not None:
            return replace(account, heir=heir)
        return replace(account, heirless=_why_none(name, state))

    def of(self, person: int, application: int) -> str | None:
        """The remote id of the account that takes over, if there is one."""
        manager, _, _ = self._managers.get(person, (None, None, None))
        heir = self._open.get((manager, application)) if manager is not None else None
        return heir.remote_id if heir else None


def _why_none(name: str | None, state: str | None) -> str:
    if name is None:
        return "manager, and the source names none"
    if state in _GOING:
        return f"manager, {name}, who has left too"
    return f"manager, {name}, who has no open account here"


def outdated(application: Application, rows: Sequence[Operation]) -> list[Operation]:
    """Those that would hand something to somebody who would not get it if it were planned now. What
    was begun goes on: the application may be at it."""
    handing = [
        row
        for row in rows
        if row.kind == OperationKind.TRANSFER.value and not row.attempts and row.person_id
    ]
    if not handing:
        return []
    heirs = Heirs([row.person_id for row in handing if row.person_id is not None])
    return [
        row
        for row in handing
        if row.person_id is not None
        and row.attributes.get(OWNER, {}).get("to") != heirs.of(row.person_id, application.pk)
    ]


def put_off(application: Application, rows: Sequence[Operation], now: datetime) -> set[int]:
    """Those on accounts to which something is on its way: they wait until it has arrived."""
    ending = [row for row in rows if row.kind in _ENDS and row.account is not None]
    if not ending or not application.transfer_to:
        return set()
    arriving = Operation.objects.filter(
        application=application,
        kind=OperationKind.TRANSFER.value,
        state__in=[state.value for state in _BUSY],
    ).values_list("attributes", flat=True)
    to = {attributes.get(OWNER, {}).get("to") for attributes in arriving}
    waiting = {row.pk for row in ending if row.account is not None and row.account.remote_id in to}
    Operation.objects.filter(pk__in=waiting).update(not_before=now + _ARRIVES)
    return waiting
