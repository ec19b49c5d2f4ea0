"""Reading operations: what is held, what failed and why, what a run comes to; and what terminating
somebody would do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import CharField, Count, F, Func, Max, Min, Q, QuerySet, Value

from tenure.applications.models import Account, Application
from tenure.core.model import OPEN_STATES, OperationKind, OperationState
from tenure.infra.clock import now
from tenure.infra.paging import Page, page
from tenure.people import services as people
from tenure.people.models import Person
from tenure.people.selectors import count_lagging, count_people
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import ledger, plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.planning.ledger import PENDING
from tenure.provisioning.questions import sent_again
from tenure.provisioning.records import lasting
from tenure.provisioning.records.plan import Plan
from tenure.runs.models import Run

_TRIED = [OperationState.RETRYING.value, OperationState.UNKNOWN.value]
_SENT = [*_TRIED, OperationState.FAILED.value]

#: Nobody has more operations in one run.
_OF_ONE: Final = 500
#: So many people are planned while one hardly waits; of more it is shown that it is worked out.
AT_ONCE: Final = 150


@dataclass(frozen=True, slots=True)
class Waiting:
    """Operations of one application that wait for a person, or failed, with one of the reasons.
    `leavers`: so many close a leaver's access and are tried again until they are done."""

    application: str
    name: str
    count: int
    removals: int
    reason: str
    since: datetime
    leavers: int = 0

    @property
    def of_leavers(self) -> str:
        """How a sentence about them goes on where some are leavers'; "" where none is."""
        said = f": {self.leavers:,} of people who left, who may still get in"
        return said if self.leavers else ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Operations of a run that met the same error. `message` has what differs between them left
    out: quoted values and long ids."""

    application: str
    name: str
    message: str
    example: str
    count: int
    retrying: int
    #: So many of them were planned anew since.
    anew: int

    @property
    def left(self) -> int:
        """How many are failed and can be sent again."""
        return self.count - self.retrying - self.anew


def held() -> list[Waiting]:
    """Operations that a guard holds, by application."""
    return _waiting(Q(state=OperationState.HELD.value), F("hold_reason"))


def held_kinds(application: str) -> dict[int, str]:
    """Operation -> kind, of all that is held in one application."""
    rows = Operation.objects.filter(state=OperationState.HELD.value, application__slug=application)
    return dict(rows.values_list("pk", "kind"))


def failed() -> list[Waiting]:
    """Operations that failed for good, by application; and those of leavers that failed, and are
    not given up."""
    return _waiting(Q(state=OperationState.FAILED.value) | lasting.BACK, F("error"))


def failing_leavers() -> list[Waiting]:
    """Those of leavers alone, by application."""
    return _waiting(lasting.WAITING | lasting.BACK, F("error"))


def by_hand() -> list[Waiting]:
    """Operations that a person has to carry out, by application."""
    return _waiting(Q(state=OperationState.MANUAL.value), F("error"))


def operations_in(state: OperationState) -> QuerySet[Operation]:
    """Operations of people in this state, to be asked for by person."""
    return Operation.objects.filter(state=state.value, person__isnull=False)


def making_for(people: Iterable[int]) -> dict[int, list[tuple[str, str]]]:
    """Person -> the names of the applications in which their account is being made or opened, or
    could not be, and the state of that. One query."""
    states = [*(state.value for state in OPEN_STATES), OperationState.FAILED.value]
    rows = Operation.objects.filter(
        person__in=list(people),
        state__in=states,
        kind__in=[OperationKind.CREATE.value, OperationKind.ENABLE.value],
    )
    found: dict[int, list[tuple[str, str]]] = {}
    names = rows.order_by("application__position", "pk")
    for person, name, state in names.values_list("person", "application__name", "state"):
        if person is not None:
            found.setdefault(person, []).append((name, state))
    return found


def count_waiting() -> tuple[int, int]:
    """Operations that wait for approval, and those that wait to be done by hand. One query."""
    states = [OperationState.HELD.value, OperationState.MANUAL.value]
    rows = Operation.objects.filter(state__in=states).order_by().values_list("state")
    counts = dict(rows.annotate(n=Count("pk")))
    return counts.get(states[0], 0), counts.get(states[1], 0)


def people_to_plan(application: str | None = None) -> int:
    """How many people are looked at to work out the plan: those who lag, those of whom something
    waits or failed (counted no further than one beyond `AT_ONCE`), everybody for what is only
    reported."""
    if plans.in_report_mode(Scope(application=application)):
        return count_people()
    states = [*(state.value for state in OPEN_STATES), OperationState.FAILED.value]
    rows = Operation.objects.filter(state__in=states).order_by()
    return count_lagging() + rows.values("pk")[: AT_ONCE + 1].count()


def waiting_for(applications: Iterable[int]) -> dict[int, int]:
    """Application id -> operations that wait to be sent."""
    rows = (
        Operation.objects.filter(
            application__in=list(applications),
            state__in=[OperationState.PLANNED.value, OperationState.RETRYING.value],
        )
        .order_by()
        .values_list("application_id")
        .annotate(n=Count("pk"))
    )
    return dict(rows)


@dataclass(frozen=True, slots=True)
class LetGo:
    """Operations that were let go and have no outcome yet, and those that are held."""

    under_way: int
    held: int


def let_go(application: str | None = None) -> LetGo:
    """In one application, or in all."""
    rows = Operation.objects.filter(state__in=[*PENDING, OperationState.HELD.value])
    if application is not None:
        rows = rows.filter(application__slug=application)
    held = Count("pk", filter=Q(state=OperationState.HELD.value))
    counts = rows.aggregate(all=Count("pk"), held=held)
    return LetGo(counts["all"] - counts["held"], counts["held"])


def totals(run: Run) -> tuple[dict[OperationState, int], dict[OperationKind, int]]:
    """Operations of the run by state and by kind. One query, answered by an index alone."""
    rows = Operation.objects.filter(run=run).order_by().values_list("state", "kind")
    by_state: dict[OperationState, int] = {}
    by_kind: dict[OperationKind, int] = {}
    for state, kind, count in rows.annotate(n=Count("*")):
        by_state[OperationState(state)] = by_state.get(OperationState(state), 0) + count
        by_kind[OperationKind(kind)] = by_kind.get(OperationKind(kind), 0) + count
    return by_state, by_kind


def states(run: Run) -> dict[OperationState, int]:
    """State -> operations of the run, those states only that there are. One query, by index."""
    rows = Operation.objects.filter(run=run).order_by().values_list("state")
    return {OperationState(state): count for state, count in rows.annotate(n=Count("pk"))}


def unsettled(application: Application) -> dict[OperationState, int]:
    """State -> operations of the application that are open, or failed."""
    wanted = [state.value for state in OPEN_STATES] + [OperationState.FAILED.value]
    rows = Operation.objects.filter(application=application, state__in=wanted)
    counts = rows.order_by().values_list("state").annotate(n=Count("pk"))
    return {OperationState(state): count for state, count in sorted(counts)}


def executions(application: Application, *, limit: int = 25) -> list[tuple[Run, int]]:
    """The latest plans of which something concerned the application, with how much of each."""
    rows = (
        Operation.objects.filter(application=application, run__isnull=False)
        .order_by()
        .values_list("run_id")
        .annotate(n=Count("pk"))
        .order_by("-run_id")[:limit]
    )
    counts = dict(rows)
    found = Run.objects.filter(pk__in=counts).order_by("-id")
    return [(row, counts[row.pk]) for row in found]


def failures(run: Run, *, limit: int = 20) -> list[Failure]:
    """What went wrong in a run, the most frequent first; what was planned anew since, too."""
    rows = (
        Operation.objects.filter(Q(state__in=_SENT) | sent_again.IN_VAIN, run=run)
        .exclude(error="")
        .annotate(message=_gist(F("error")))
        .order_by()
        .values("application__slug", "application__name", "message")
        .annotate(
            n=Count("pk"),
            example=Min("error"),
            open=Count("pk", filter=Q(state__in=_TRIED)),
            anew=Count("pk", filter=sent_again.IN_VAIN),
        )
        .order_by("-n", "message", "application__slug")[:limit]
    )
    return [
        Failure(
            application=row["application__slug"],
            name=row["application__name"],
            message=row["message"],
            example=row["example"],
            count=row["n"],
            retrying=row["open"],
            anew=row["anew"],
        )
        for row in rows
    ]


def with_cause(rows: QuerySet[Operation], cause: str) -> QuerySet[Operation]:
    """Those that met this error, as `failures` words it."""
    return rows.annotate(cause=_gist(F("error"))).filter(cause=cause)


def operations_page(
    run: Run, *, state: str = "", cursor: str = "", size: int = 50
) -> Page[Operation]:
    """The operations of a run, in the order in which they were stored: all, those in a state, or
    those that were planned anew after they had been sent in vain (`sent_again.ANEW`), which count
    among none of the states."""
    rows = Operation.objects.filter(run=run).select_related("application", "person", "account")
    if state == sent_again.ANEW:
        rows = rows.filter(sent_again.IN_VAIN)
    elif state == OperationState.CANCELLED.value:
        rows = rows.filter(state=state).exclude(sent_again.IN_VAIN)
    elif state:
        rows = rows.filter(state=state)
    return page(rows, order=("id",), cursor=cursor, size=size)


def whose(run: Run) -> Person | None:
    """The one person about whom the run is, as a termination is; None where it is about several, or
    too large to be."""
    if run.total is None or run.total > _OF_ONE:
        return None
    rows = Operation.objects.filter(run=run).order_by()
    found = list(rows.values_list("person", flat=True).distinct()[:2])
    return Person.objects.filter(pk=found[0]).first() if len(found) == 1 else None


def rejected(run: Run) -> dict[str, list[int]]:
    """Application -> ids of the operations of the run that somebody rejected."""
    rows = Operation.objects.filter(run=run, state=OperationState.REJECTED.value).order_by("pk")
    found: dict[str, list[int]] = {}
    for slug, pk in rows.values_list("application__slug", "pk"):
        found.setdefault(slug, []).append(pk)
    return found


def open_operations(person: Person, *, refused: bool = False) -> list[Operation]:
    """What is not settled yet for a person, and what failed; and what somebody refused and would be
    due still, if it is asked for."""
    wanted = [OperationState.FAILED.value, *(state.value for state in OPEN_STATES)]
    wanted += [OperationState.REJECTED.value] if refused else []
    return list(
        Operation.objects.filter(person=person, state__in=wanted)
        .select_related("application")
        .order_by("application__position", "urgency", "id")
    )


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Names of the applications in which an account of somebody is just being made, and in which
    something is just being done with theirs."""

    made: tuple[str, ...]
    changed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.made or self.changed)

    def __str__(self) -> str:
        """As it is told of somebody who is to lose them."""
        parts = []
        if self.made:
            parts.append(f"Their account in {', '.join(self.made)} is just being made.")
        if self.changed:
            parts.append(f"Something is just under way at that in {', '.join(self.changed)}.")
        return " ".join([*parts, "It is closed as soon as it is known what came of that"])


def under_way(person: Person) -> UnderWay:
    """What is on its way for them, and has to be settled before anything else is sent."""
    rows = Operation.objects.filter(ledger.BUSY, person=person)
    found = rows.order_by("application__position", "pk").values_list("application__name", "kind")
    made = [name for name, kind in found if kind == OperationKind.CREATE.value]
    return UnderWay(tuple(made), tuple(name for name, _ in found if name not in made))


def operations_on(account: Account, *, limit: int = 10) -> list[Operation]:
    """The latest operations on one account."""
    rows = Operation.objects.filter(account=account).select_related("application", "run")
    return list(rows.order_by("-id")[:limit])


def preview_termination(person: Person, *, at: datetime | None = None) -> Plan:
    """What terminating the person at `at` (None: now) would do at once. Changes nothing: it is
    done in a transaction, looked at, and rolled back."""
    moment = now()
    with transaction.atomic():
        gone = people.terminate(person, at=at or moment, reason="", now=moment)
        plan = plans.preview(Scope(person=gone.pk), now=moment, guarded=False)
        transaction.set_rollback(True)
    return plan


def _waiting(which: Q, why: F) -> list[Waiting]:
    rows = (
        Operation.objects.filter(which)
        .order_by()
        .values("application__slug", "application__name")
        .annotate(
            n=Count("pk"),
            removals=Count("pk", filter=Q(takes_access=True)),
            leavers=Count("pk", filter=lasting.WAITING | lasting.BACK),
            # The reason of a leaver's before that of any other.
            urgent=Max(why, filter=lasting.WAITING | lasting.BACK),
            why=Max(why),
            since=Min("created_at"),
        )
        .order_by("-n", "application__name", "application__slug")
    )
    return [
        Waiting(
            application=row["application__slug"],
            name=row["application__name"],
            count=row["n"],
            removals=row["removals"],
            reason=row["urgent"] or row["why"],
            since=row["since"],
            leavers=row["leavers"],
        )
        for row in rows
    ]


def _gist(text: F) -> Func:
    """An error without what makes each one different."""
    plain: F | Func = text
    for pattern, instead in (
        ("\"[^\"]*\"|'[^']*'", "…"),
        ("[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9a-fA-F]{16,}|[0-9]{5,}", "…"),
        (r"\S+@\S+", "…"),
    ):
        plain = Func(
            plain,
            Value(pattern),
            Value(instead),
            Value("g"),
            function="regexp_replace",
            output_field=CharField(),
        )
    assert isinstance(plain, Func)
    return plain
