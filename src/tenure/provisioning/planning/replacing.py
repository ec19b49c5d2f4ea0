"""Making what waits for people what a plan wants: what is the same stays, what is no longer wanted
is cancelled, the rest is new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import orjson
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from tenure.applications.models import Application
from tenure.audit.services import actor, record_many
from tenure.core import owners
from tenure.core.guard import covers
from tenure.core.model import ApplicationMode, OperationKind, OperationState
from tenure.core.planner import GONE, LEAVER_URGENCY
from tenure.infra.bulk import update_rows
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import only_looking
from tenure.provisioning.planning.ledger import (
    BUSY,
    REJECTED,
    REPLACED,
    Standing,
    Wanted,
    content_of,
    insert,
    key,
    sent_since,
)
from tenure.provisioning.records import settling
from tenure.provisioning.records.stored import with_owners
from tenure.provisioning.records.waking import queue_catching_up
from tenure.provisioning.records.work import IDENTIFYING, RENAMED, SENT
from tenure.runs.models import Run
from tenure.runs.selectors import paused

_TOUCHED = (
    "decided_by",
    "decided_reason",
    "state",
    "hold_reason",
    "held_at",
    "generation",
    "run",
    "urgency",
    "reason",
)


class _Stored:
    """What is stored for people and not under way, `but` of these (person, application). Who finds
    the equal of what is wanted takes it out; what is left at the end is no longer wanted."""

    def __init__(self, rows: QuerySet[Operation], but: Collection[tuple[int, int]]) -> None:
        every = with_owners(rows.filter(REPLACED | REJECTED).order_by("id"))
        found = [row for row in every if (row.person_id, row.application_id) not in but]
        replaced = [row for row in found if row.state != OperationState.REJECTED.value]
        self.rejected = {key(r): r for r in found if r.state == OperationState.REJECTED.value}
        # A failed one never stands for one that is open.
        self.waiting = {key(r): r for r in replaced if r.state != OperationState.FAILED.value}
        self.superseded = [r for r in replaced if r.state == OperationState.FAILED.value]
        #: Those that were tried: an account may have been made for them already.
        self.tried = {
            key(row): row
            for row in replaced
            if row.kind == OperationKind.CREATE.value and (row.attempts or row.progress)
        }

    def rejects(self, new: Wanted) -> bool:
        """Whether a person has said no to as much."""
        no = self.rejected.get(key(new))
        if no is None or new.decided_by or not covers(content_of(no), content_of(new)):
            return False
        del self.rejected[key(new)]
        return True

    def equal(self, new: Wanted) -> Operation | None:
        """The one that waits and does the same."""
        old = self.waiting.get(key(new))
        return self.waiting.pop(key(new)) if old is not None and _same(old, new) else None


def _look_first(tried: Operation, new: Wanted) -> dict[str, object]:
    """The account that the other one may have made is looked for; harder, where nobody answered
    (`SENT`) and it would have another name."""
    found = {name: tried.progress[name] for name in (SENT, RENAMED) if name in tried.progress}
    before, after = tried.attributes, new.attributes
    if any(before.get(n, {}).get("to") != after.get(n, {}).get("to") for n in IDENTIFYING):
        found[RENAMED] = True
    return {"look_first": True, **found}


def replace(
    *,
    people: Sequence[int],
    wanted: Sequence[Wanted],
    run: Run,
    applications: Sequence[int] | None,
    undecided: Collection[tuple[int, int]] = (),
    decided: bool = False,
    standing: Standing | None = None,
    earlier: Counter[int] | None = None,
) -> list[int]:
    """Make what waits for these people what is wanted. What is the same stays, held or approved as
    it was; what is no longer wanted is cancelled; pairs with work under way are planned after it,
    and so are those with work that was sent since they were looked at, when this was `standing`.
    What a person rejected is not wanted, until something else is: a rejection ends when what it
    rejected is no longer due, which the `undecided` pairs (person, application) cannot say.
    Counts in `earlier` what other runs were to send, and is part of this one now or given up.
    Returns the people for whom nothing was left for later."""
    earlier = Counter() if earlier is None else earlier
    rows = Operation.objects.filter(person_id__in=people)
    if applications is not None:
        rows = rows.filter(application_id__in=applications)
    _lock(rows)
    pairs = rows.filter(BUSY).values_list("person_id", "application_id")
    busy = {(person, application) for person, application in pairs if person is not None}
    sent = sent_since(standing or {})
    moved = {(row.person_id, row.application_id) for row in sent if row.person_id} - busy
    stored = _Stored(rows, but=moved)
    _postpone(busy, [row.pk for row in sent], decided=decided, reason=run.reason)
    busy |= moved
    still = set(paused())
    fresh: list[Wanted] = []
    touched: list[Operation] = []
    for new in wanted:
        if (new.person_id, new.application_id) in busy or stored.rejects(new):
            continue
        old = stored.equal(new)
        if old is None:
            if (tried := stored.tried.get(key(new))) is not None:
                new.progress = _look_first(tried, new)
            fresh.append(new)
            continue
        held = old.state == OperationState.HELD.value
        _stay(old, new)
        if old.run_id not in still:
            if old.run_id is not None:
                earlier[old.run_id] += 0 if held else 1
            old.run = run
        touched.append(old)
    for old in stored.waiting.values():
        if old.run_id is not None and old.run_id not in still:
            earlier[old.run_id] += 0 if old.state == OperationState.HELD.value else 1
    ended = _ended(stored.rejected.values(), {*busy, *undecided})
    only_looking.end(touched)
    over = [*stored.waiting.values(), *stored.superseded, *ended]
    instead = {*map(key, fresh), *map(key, touched)}
    look = only_looking.still_to_find(over, instead)
    _cancel([row for row in over if row not in look])
    only_looking.begin(look)
    update_rows(touched, [*_TOUCHED])
    insert(fresh)
    late = {person for person, _ in busy}
    return [pk for pk in people if pk not in late]


def _lock(rows: QuerySet[Operation]) -> None:
    """Nothing of them is claimed from here on; what is being claimed or settled is, first."""
    chosen = rows.filter(REPLACED | REJECTED | BUSY).order_by("id")
    list(chosen.select_for_update(no_key=True).values_list("pk", flat=True))


def _postpone(
    pairs: Collection[tuple[int, int]], sent: Collection[int], *, decided: bool, reason: str
) -> None:
    """Of these (person, application), with something under way, and of those of what was `sent`:
    plan them afterwards (`postponed`). What a person decided is not forgotten for what a sweep
    would like to know."""
    if not pairs and not sent:
        return
    if sent:
        queue_catching_up()
    under_way = BUSY & Q(
        person_id__in={person for person, _ in pairs},
        application_id__in={application for _, application in pairs},
    )
    rows = Operation.objects.filter(under_way | Q(pk__in=sent))
    # A leaver's access waits to be taken until this is known: that is not left to the backlog.
    unknown = rows.filter(state=OperationState.UNKNOWN.value, person__state__in=GONE)
    unknown.exclude(generation=F("person__generation")).update(urgency=LEAVER_URGENCY)
    if not decided:
        rows = rows.filter(postponed__isnull=True)
    rows.update(postponed={"decided": decided, "by": actor()[:200], "reason": reason})


def _stay(old: Operation, new: Wanted) -> None:
    """It stays as it was held or approved, unless what is wanted says more of that."""
    if new.decided_by and not old.decided_by:
        old.decided_by, old.decided_reason = new.decided_by, new.decided_reason
        if old.state == OperationState.HELD.value:
            old.state = OperationState.PLANNED.value
    elif new.hold_reason and not old.decided_by:
        old.state, old.hold_reason = new.state, new.hold_reason
        old.held_at = old.held_at or new.held_at
    elif old.state == OperationState.HELD.value and owners.is_reason(old.hold_reason):
        old.state, old.hold_reason, old.held_at = new.state, "", None
    # It may be due for another reason by now: who moved has left.
    old.generation, old.urgency, old.reason = new.generation, new.urgency, new.reason


def _ended(
    rejections: Iterable[Operation], unknown: Collection[tuple[int, int]]
) -> list[Operation]:
    """Rejections of what is no longer due, where it is known what is."""
    rows = list(rejections)
    if not rows:
        return []
    live = set(
        Application.objects.filter(mode=ApplicationMode.LIVE.value).values_list("pk", flat=True)
    )
    return [
        row
        for row in rows
        if row.application_id in live and (row.person_id, row.application_id) not in unknown
    ]


def _cancel(rows: Sequence[Operation]) -> None:
    record_many(settling.replaced(rows))
    Operation.objects.filter(REPLACED | REJECTED, pk__in=[row.pk for row in rows]).update(
        state=OperationState.CANCELLED.value, finished_at=Now(), sealed=""
    )


def _same(old: Operation, new: Wanted) -> bool:
    return (old.account_id, old.active, old.after, old.attributes, old.grant, old.revoke) == (
        new.account_id,
        new.active,
        new.after,
        orjson.loads(_json(new.attributes)),
        list(new.grant),
        list(new.revoke),
    )


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
