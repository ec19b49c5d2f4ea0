"""Accounts that may have been made and are no longer wanted. Nobody answered what was sent, so an
operation that gives way to a new plan is not forgotten with it: it makes nothing any more, and
looks for what it may have made until that is found, is known not to be there, or a person has said
so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from tenure.applications.models import Account
from tenure.core.model import OperationKind, OperationState, Situation
from tenure.core.planner import LEAVER_URGENCY
from tenure.infra.bulk import update_rows
from tenure.provisioning.models import Operation
from tenure.provisioning.planning.ledger import key
from tenure.provisioning.records.waking import queue_drain
from tenure.provisioning.records.work import ONLY_LOOKS, SENT

_BEGUN_ANEW = ("state", "attempts", "not_before", "finished_at", "urgency", "run", "progress")


def still_to_find(
    over: Iterable[Operation], instead: Collection[tuple[int | None, int, str]]
) -> list[Operation]:
    """Those of what is `over` that look from now on: one for a person in an application. Not where
    an account of theirs is known, or an operation of these keys takes over and looks itself."""
    found: dict[tuple[int | None, int, str], Operation] = {}
    for row in sorted(over, key=lambda row: row.pk):
        made = row.kind == OperationKind.CREATE.value and row.account_id is None
        if made and SENT in row.progress and key(row) not in instead:
            found[key(row)] = row
    if not found:
        return []
    linked = Account.objects.filter(
        person__in=[row.person_id for row in found.values()],
        application__in=[row.application_id for row in found.values()],
        situation=Situation.LINKED.value,
    )
    theirs = set(linked.values_list("person_id", "application_id"))
    return [row for row in found.values() if (row.person_id, row.application_id) not in theirs]


def begin(rows: Sequence[Operation]) -> None:
    """They look, before anything else: nobody may have what they may have made. A task stays one,
    for whoever has to look."""
    fresh = [row for row in rows if ONLY_LOOKS not in row.progress]
    for row in fresh:
        row.progress = {**row.progress, ONLY_LOOKS: True}
        row.urgency = LEAVER_URGENCY
        if row.state != OperationState.MANUAL.value:
            row.state, row.attempts = OperationState.UNKNOWN.value, 1
            # It is no part any more of what it was planned with.
            row.not_before = row.finished_at = row.run = None
    update_rows(fresh, [*_BEGUN_ANEW])
    for slug in sorted({row.application.slug for row in fresh}):
        queue_drain(slug)


def end(wanted: Iterable[Operation]) -> None:
    """What they were to make is wanted again."""
    again = [row for row in wanted if ONLY_LOOKS in row.progress]
    for row in again:
        row.progress = {name: value for name, value in row.progress.items() if name != ONLY_LOOKS}
    update_rows(again, ["progress"])
