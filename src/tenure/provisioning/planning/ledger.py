"""The table of operations, in bulk: what is stored, inserting, holding, counting, queueing. What a
new plan does to it is in `replacing`.

At most one open operation of a kind exists for a person in an application; the database holds
that, whatever happens at the same time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeAlias

from django.db.models import Count, Max, Q, QuerySet

from tenure.applications.models import Application, Health
from tenure.core.guard import Content, counted, latest
from tenure.core.model import Change, OperationKind, OperationState
from tenure.core.planner import LEAVER_URGENCY
from tenure.infra.bulk import among, encoded, insert_encoded, insert_rows
from tenure.people.models import Person
from tenure.provisioning.models import Operation
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.records import veiling
from tenure.provisioning.records.plan import Key, PlanLine, content
from tenure.provisioning.records.stored import BUSY as BUSY
from tenure.provisioning.records.stored import MAKE_OR_END, with_owners
from tenure.provisioning.records.stored import OPEN as OPEN
from tenure.provisioning.records.stored import REPLACED as REPLACED
from tenure.provisioning.records.waking import queue_drain
from tenure.runs.models import Run
from tenure.runs.selectors import paused

WAITING = [OperationState.PLANNED.value, OperationState.HELD.value]
#: To be sent, or being sent.
PENDING = [
    OperationState.PLANNED.value,
    OperationState.STARTED.value,
    OperationState.RETRYING.value,
    OperationState.UNKNOWN.value,
]
#: What a person does not want.
REJECTED = Q(state=OperationState.REJECTED.value)


@dataclass(slots=True)
class Wanted:
    """An operation that a plan wants, before it is a row: the names are those of `Operation`."""

    application_id: int
    person_id: int | None
    account_id: int | None
    run_id: int
    kind: str
    urgency: int
    reason: str
    attributes: veiling.Kept
    grant: list[str]
    revoke: list[str]
    active: bool
    after: list[int]
    generation: int
    takes_access: bool
    decided_by: str
    decided_reason: str
    created_at: datetime
    progress: dict[str, object] = field(default_factory=dict)
    #: `held` with a reason waits for a person, whatever the guards say.
    state: str = OperationState.PLANNED.value
    hold_reason: str = ""
    held_at: datetime | None = None
    sealed: str = ""


_WANTED = tuple(item.name for item in fields(Wanted))
_values = attrgetter(*_WANTED)


@dataclass(frozen=True, slots=True)
class Fresh:
    """Operations of people who have none that stands in the way, as they are inserted. `owners`
    names the person of each."""

    people: frozenset[int] = frozenset()
    owners: tuple[int | None, ...] = ()
    data: bytes = b""


#: Id of an operation that is not settled -> its state, and when it was last sent.
Standing: TypeAlias = dict[int, tuple[str, datetime | None]]


def standing(people: Collection[int]) -> Standing:
    """What is stored for these people and not settled. Asked before their accounts are read, it
    tells afterwards which of them may have changed meanwhile (`sent_since`)."""
    rows = Operation.objects.filter(state__in=OPEN, person_id__in=people).order_by()
    return {pk: (state, at) for pk, state, at in rows.values_list("pk", "state", "started_at")}


def sent_since(known: Standing) -> list[Operation]:
    """Those of them that were sent, or settled, since."""
    if not known:
        return []
    rows = Operation.objects.filter(pk__in=among(known))
    found = rows.only("id", "person_id", "application_id", "state", "started_at").order_by()
    return [row for row in found if _was_sent(row, *known[row.pk])]


def _was_sent(row: Operation, state: str, started_at: datetime | None) -> bool:
    if row.started_at != started_at:
        return True
    unsent = {*WAITING, OperationState.CANCELLED.value, OperationState.REJECTED.value}
    return row.state not in {state, *unsent}


def busy_pairs(lines: Iterable[PlanLine]) -> set[tuple[int | None, str]]:
    """(person, application slug) with an operation under way: its outcome comes first."""
    return {(line.person_id, line.application) for line in lines if _is_busy(line)}


def _is_busy(line: PlanLine) -> bool:
    """What `BUSY` asks of a stored operation."""
    unclear = line.state is OperationState.UNKNOWN and line.kind in MAKE_OR_END
    return unclear or line.state is OperationState.STARTED


def people_with_failures() -> set[int | None]:
    """Whose operations failed: these are planned anew whoever lags."""
    failed = Operation.objects.filter(state=OperationState.FAILED.value)
    return set(failed.values_list("person_id", flat=True))


def rejected(people: Sequence[int]) -> dict[Key, Operation]:
    """What a person has rejected for these people."""
    rows = Operation.objects.filter(
        person_id__in=people, state=OperationState.REJECTED.value
    ).select_related("application")
    return {(r.person_id, r.application.slug, OperationKind(r.kind)): r for r in rows}


def occupied(people: Collection[int]) -> set[int]:
    """Those of the people for whom operations are stored that a plan has to be compared with."""
    rows = Operation.objects.filter(REPLACED | REJECTED | BUSY, person_id__in=people)
    return set(rows.order_by().values_list("person_id", flat=True).distinct()) - {None}


def fresh(people: Collection[int], wanted: Sequence[Wanted]) -> Fresh:
    """What is wanted for people of whom nothing is stored, ready to be inserted."""
    return Fresh(
        frozenset(people),
        tuple(row.person_id for row in wanted),
        encoded(Operation, _WANTED, map(_values, wanted)),
    )


def insert_fresh(found: Fresh) -> list[int]:
    """Store them. Returns the people for whom that was done: all but those who got operations
    meanwhile, who are left for later."""
    late = occupied(found.people) if found.people else set()
    data = found.data
    if late:
        # A line each: COPY writes the line ends inside of values in another way.
        lines = zip(found.owners, data.splitlines(keepends=True), strict=True)
        data = b"".join(line for owner, line in lines if owner not in late)
    insert_encoded(Operation, _WANTED, data, skip=True)
    return [key for key in found.people if key not in late]


def insert(rows: Sequence[Wanted]) -> None:
    """Store new operations; one of the kind that is open already stays as it is."""
    insert_rows(Operation, _WANTED, map(_values, rows), skip=True)


def take_over(scope: Scope, run: Run) -> Counter[int]:
    """What earlier runs left undone goes on in this one. Returns how many operations of each that
    were to be sent are now part of this one."""
    rows = Operation.objects.filter(state__in=OPEN).exclude(run__in=[run.pk, *paused()])
    if scope.application is not None:
        rows = rows.filter(application__slug=scope.application)
    if scope.person is not None:
        rows = rows.filter(person_id=scope.person)
    moved: Counter[int] = Counter()
    by_state = rows.filter(run__isnull=False).order_by().values_list("run", "state")
    for earlier, state, count in by_state.annotate(n=Count("pk")):
        moved[earlier] += count if state != OperationState.HELD.value else 0
    rows.update(run=run)
    return moved


def hold(kinds: Sequence[str], application: int, reason: str, at: datetime) -> None:
    """Hold what waits for an application, of these kinds, and nobody has approved."""
    waiting = Operation.objects.filter(
        application_id=application,
        state=OperationState.PLANNED.value,
        kind__in=kinds,
        decided_by="",
    )
    _hold(waiting, reason, at)


def hold_handing_over(removals: Sequence[str], application: int, reason: str, at: datetime) -> None:
    """Hold what hands over what people own, where a removal of theirs is held."""
    there = Operation.objects.filter(application_id=application)
    held = there.filter(state=OperationState.HELD.value, kind__in=removals)
    waiting = there.filter(
        state=OperationState.PLANNED.value,
        kind=OperationKind.TRANSFER.value,
        decided_by="",
        person__in=held.values("person"),
    )
    _hold(waiting, reason, at)


def _hold(waiting: QuerySet[Operation], reason: str, at: datetime) -> None:
    """But those that somebody else has in hand: another plan, which judges what it brings after
    us, and would wait for us while we wait for it; or a claim, which was a moment earlier."""
    free = waiting.select_for_update(skip_locked=True, no_key=True).values("pk")
    Operation.objects.filter(pk__in=free).update(
        state=OperationState.HELD.value, hold_reason=reason, held_at=at
    )


def hold_rest(application: Application, reason: str, at: datetime) -> int:
    """Hold everything that waits for an application, approved or not, but leavers' removals."""
    return (
        Operation.objects.filter(application=application, state=OperationState.PLANNED.value)
        .exclude(urgency__lte=LEAVER_URGENCY)
        .update(state=OperationState.HELD.value, hold_reason=reason, held_at=at)
    )


def hold_reasons(run: Run) -> tuple[str, ...]:
    """Why something of the run is held, with the application's name: each reason once, and of a
    guard that held more and more the latest."""
    rows = (
        Operation.objects.filter(run=run, state=OperationState.HELD.value)
        .values_list("application__name", "kind", "hold_reason")
        .annotate(at=Max("held_at"))
        .order_by("at", "hold_reason", "kind")
    )
    found = latest((name, counted(OperationKind(kind)), why) for name, kind, why, _ in rows)
    return tuple(dict.fromkeys(f"{name}: {why}" for (name, _), why in sorted(found.items())))


def counts(run: Run) -> dict[str, int]:
    """State -> operations of the run."""
    rows = Operation.objects.filter(run=run).values_list("state").annotate(count=Count("pk"))
    return dict(rows.order_by("state"))


def summary(run: Run) -> dict[str, int]:
    """Kind -> operations of the run."""
    rows = Operation.objects.filter(run=run).values_list("kind").annotate(count=Count("pk"))
    return dict(rows.order_by("kind"))


def queue(run: Run) -> tuple[str, ...]:
    """Queue a drain for every application that the run has work for, in this transaction."""
    slugs = list(
        Application.objects.filter(
            health=Health.OK,
            paused_at=None,
            operations__run=run,
            operations__state__in=PENDING,
        )
        .distinct()
        .values_list("slug", flat=True)
    )
    for slug in slugs:
        queue_drain(slug)
    return tuple(slugs)


def waiting_lines(
    scope: Scope, applications: Mapping[int, Application] | None = None
) -> list[PlanLine]:
    """Stored operations that are not settled, as lines of a plan; of these applications, by id,
    where they are read already."""
    rows = Operation.objects.filter(state__in=OPEN).order_by("urgency", "id")
    if applications is not None:
        rows = rows.filter(application__in=list(applications))
    if scope.application is not None:
        rows = rows.filter(application__slug=scope.application)
    if scope.person is not None:
        rows = rows.filter(person_id=scope.person)
    if scope.people is not None:
        rows = rows.filter(person_id__in=scope.people)
    return [line(row) for row in with_owners(rows, applications)]


def line(row: Operation) -> PlanLine:
    """A stored operation as a line of a plan."""
    person: Person | None = row.person
    return PlanLine(
        application=row.application.slug,
        application_name=row.application.name,
        person=(person.employee_number or str(person.uid)) if person else "",
        person_name=person.display_name if person else "",
        person_email=person.email if person else "",
        account=str(row.account) if row.account else None,
        kind=OperationKind(row.kind),
        reason=row.reason,
        state=OperationState(row.state),
        attributes={n: Change(c.get("from"), c.get("to")) for n, c in row.attributes.items()},
        grant=tuple(row.grant),
        revoke=tuple(row.revoke),
        hold_reason=row.hold_reason,
        takes_access=row.takes_access and not row.decided_by,
        operation_id=row.pk,
        person_id=row.person_id,
        account_id=row.account_id,
        active=row.active,
        held_at=row.held_at,
        decided=bool(row.decided_by),
    )


def content_of(row: Operation | Wanted) -> Content:
    """What an operation does, to compare it with another."""
    given: Mapping[str, Mapping[str, Any]] = row.attributes
    changes = {n: Change(c.get("from"), c.get("to")) for n, c in given.items()}
    return content(row.account_id, changes, row.grant, row.revoke, active=row.active)


def key(row: Operation | Wanted) -> tuple[int | None, int, str]:
    """At most one open operation has it."""
    return row.person_id, row.application_id, row.kind
