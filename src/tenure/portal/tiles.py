"""A person's applications as they see them: what is ready, what is being made, what is to come and
what is closed. In their words; why is the administrator's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from tenure.applications.models import Account, Application
from tenure.core.model import (
    ApplicationMode,
    LifecycleState,
    OperationKind,
    OperationState,
    Situation,
)
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.provisioning.models import Operation
from tenure.provisioning.questions.explain import ApplicationExplanation, explain
from tenure.rules.exceptions import in_force
from tenure.rules.models import AccessException

_MAKES: Final = frozenset({OperationKind.CREATE.value, OperationKind.ENABLE.value})
_CLOSES: Final = frozenset({OperationKind.DISABLE.value, OperationKind.DELETE.value})
#: State of the operation that makes the account -> (word, meaning, whether it moves by itself).
_MAKING: Final = {
    OperationState.PLANNED.value: ("In a moment", "change", True),
    OperationState.STARTED.value: ("Being made", "change", True),
    OperationState.UNKNOWN.value: ("Being checked", "change", True),
    OperationState.RETRYING.value: ("In a minute", "change", True),
    OperationState.HELD.value: ("Waits for approval", "wait", False),
    OperationState.MANUAL.value: ("Set up by hand", "wait", False),
    OperationState.FAILED.value: ("Needs help", "remove", False),
    OperationState.REJECTED.value: ("Was refused", "remove", False),
}
_ORDER: Final = {"change": 0, "wait": 1, "make": 2, "remove": 3, "": 4}


@dataclass(frozen=True, slots=True)
class Tile:
    """One application. `live`: its state changes by itself soon."""

    application: Application
    word: str
    meaning: str
    detail: str = ""
    ready: bool = False
    live: bool = False
    #: No rule gives it: it ends then.
    until: datetime | None = None

    @property
    def group(self) -> str:
        """What it is found by: ready, coming or closed."""
        if self.ready:
            return "ready"
        return "closed" if self.meaning == "remove" and not self.live else "coming"

    @property
    def opens(self) -> bool:
        """Whether a click goes on there: it is signed in to from here."""
        return bool(self.application.single_sign_on) and (self.ready or self.live)


def tiles_of(person: Person) -> list[Tile]:
    """What the person has, is to have, or had and has lost; removed accounts are not shown."""
    explained = explain(person)
    operations = {
        op.application.slug: op
        for op in explained.operations
        if op.kind in _MAKES or op.state != OperationState.REJECTED.value
    }
    accounts = {
        account.application_id: account
        for account in explained.accounts
        if account.situation == Situation.LINKED.value
    }
    own = in_force([person.pk], now()).get(person.pk, [])
    found = []
    for row, why in zip(explained.rows, explained.applications, strict=True):
        tile = _tile(person, row, accounts.get(row.pk), operations.get(row.slug), why)
        if tile is not None:
            found.append(replace(tile, until=_until(why, own)))
    return found


def _until(why: ApplicationExplanation, own: Sequence[AccessException]) -> datetime | None:
    """When it ends by itself: given by exceptions alone, and all of them end."""
    given = [item for item in own if item.gives and item.application == why.application]
    ends = [item.until for item in given if item.until is not None]
    by_rule = any(because.rule for because in why.because)
    return max(ends) if ends and len(ends) == len(given) and not by_rule else None


def _tile(
    person: Person,
    application: Application,
    account: Account | None,
    operation: Operation | None,
    why: ApplicationExplanation,
) -> Tile | None:
    open_account = account is not None and account.active is not False
    if operation is not None and operation.kind in _CLOSES and open_account:
        return Tile(application, "Being closed", "change", live=True)
    if open_account:
        detail = account.user_name if account else ""
        return Tile(application, "Ready", "make", detail, ready=True)
    if operation is not None and operation.kind in _MAKES:
        word, meaning, live = _MAKING[operation.state]
        return Tile(application, word, meaning, live=live)
    first = person.start_date if person.state == LifecycleState.UPCOMING.value else None
    if first and why.because and (application.closed_ahead or not why.due):
        return Tile(application, f"From {first.day} {first:%b}", "")
    if why.due and application.mode == ApplicationMode.LIVE.value and not why.problem:
        return Tile(application, "In a minute", "change", live=True)
    if why.due:
        return Tile(application, "Set up by hand", "wait")
    if account is not None:
        return Tile(application, "Closed", "remove")
    return None
