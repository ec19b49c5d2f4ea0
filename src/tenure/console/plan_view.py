"""A plan as a page shows it: grouped by application, counted, filtered, cut to a length that can be
read. Works on the plan alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tenure.console.look import KINDS
from tenure.core import owners
from tenure.core.guard import counted, latest
from tenure.core.model import OperationState
from tenure.provisioning.records.plan import REPORT_MODE, Plan, PlanLine, ProblemLine

#: Filters of the page: name -> what it is called. A meaning, a kind, or `held`.
FILTERS = {"make": "Create", "change": "Update", "remove": "Remove", "held": "Held"}
#: Those that let some kinds through -> which.
_KINDS_OF = {
    meaning: frozenset(kind for kind, of in KINDS.items() if of[1] == meaning)
    for meaning in ("make", "change", "remove")
}

#: What is not stored yet would be held after all that is.
_AT_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Group:
    """One application's part. `held` are stored and wait for a decision, `to_hold` would be held
    once they are stored; `lines` is cut: so many come `before`, and so many are `hidden` after."""

    application: str
    name: str
    lines: tuple[PlanLine, ...]
    before: int
    hidden: int
    #: From which line on the page before this one begins.
    earlier: int
    counts: tuple[tuple[str, str, int], ...]
    held: int
    to_hold: int
    #: Why so many wait, each reason once.
    reasons: tuple[tuple[str, int], ...]
    #: How many of what is held a decision is about: what the filter lets through, else all of it.
    chosen: int
    report: bool
    #: Why something is held that nobody can approve, "" where nothing is.
    owned: str
    #: What whoever decides has seen, and why nothing is sent at present.
    seen: str
    still: str

    @property
    def through(self) -> int:
        """Which line is the last that is shown."""
        return self.before + len(self.lines)

    @property
    def total(self) -> int:
        """How many lines the filter lets through."""
        return self.through + self.hidden


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter with its number."""

    key: str
    label: str
    count: int
    on: bool


def of_application(plan: Plan, application: str) -> tuple[PlanLine, ...]:
    """The lines of one application, of all if it is ""."""
    return tuple(x for x in plan.lines if not application or x.application == application)


def filtered(lines: Iterable[PlanLine], only: str) -> tuple[PlanLine, ...]:
    """The lines that a filter lets through."""
    return tuple(line for line in lines if _passes(line, only))


def kinds(only: str) -> frozenset[str] | None:
    """The kinds of operation that a filter lets through; None where it lets all of them."""
    return _KINDS_OF.get(only)


def whom(lines: Iterable[PlanLine]) -> tuple[int, int]:
    """How many people the lines concern, and how many accounts that are nobody's."""
    lines = list(lines)
    people = {line.person_id for line in lines if line.person_id is not None}
    accounts = {line.account_id for line in lines if line.person_id is None}
    return len(people), len(accounts)


def chips(lines: Sequence[PlanLine], only: str) -> list[Chip]:
    """All filters that would show something."""
    counts = {key: sum(1 for x in lines if _passes(x, key)) for key in FILTERS}
    found = [Chip(key, FILTERS[key], n, on=key == only) for key, n in counts.items() if n]
    return [Chip("", "All", len(lines), on=not only), *found]


def groups(
    plan: Plan, *, application: str = "", only: str = "", most: int = 25, start: int = 0
) -> list[Group]:
    """The plan by application, in its order; of each `most` lines from `start` on, or the last of
    them."""
    lines = of_application(plan, application)
    found = []
    for slug in dict.fromkeys(line.application for line in lines):
        every = [line for line in lines if line.application == slug]
        shown = filtered(every, only)
        if shown:
            found.append(_group(plan, slug, every, shown, most, start, only))
    return found


def only(plan: Plan, lines: Sequence[PlanLine]) -> Plan:
    """The plan with these lines alone."""
    return replace(plan, lines=tuple(lines))


def releasable(lines: Iterable[PlanLine]) -> int:
    """How many lines would go as soon as the plan is applied. What is stored already is on its way
    without it."""
    planned = (line for line in lines if line.state is OperationState.PLANNED)
    return sum(1 for line in planned if line.operation_id is None)


def to_read_first(plan: Plan, lines: Iterable[PlanLine]) -> int:
    """How many of those are in applications that were never read: nothing is sent there before
    they are, and what is right by then is another plan."""
    unknown = {one.application for one in plan.first_contact if not one.read}
    return releasable(line for line in lines if line.application in unknown)


def under_way(lines: Iterable[PlanLine]) -> int:
    """How many were let go and are not settled; nobody has to do anything about them."""
    waits = (OperationState.HELD, OperationState.MANUAL)
    return sum(1 for x in lines if x.operation_id and x.state not in waits)


def by_hand(lines: Iterable[PlanLine]) -> int:
    """How many a person has to do."""
    return sum(1 for x in lines if x.state is OperationState.MANUAL)


def problems(plan: Plan, application: str) -> tuple[ProblemLine, ...]:
    """What could not be planned."""
    return tuple(p for p in plan.problems if not application or p.application == application)


def _group(
    plan: Plan,
    slug: str,
    every: Sequence[PlanLine],
    shown: Sequence[PlanLine],
    most: int,
    start: int,
    only: str,
) -> Group:
    before = min(start, (len(shown) - 1) // most * most)
    held = [line for line in every if line.state is OperationState.HELD]
    owned = next((x.hold_reason for x in held if owners.is_reason(x.hold_reason)), "")
    held = [line for line in held if not owners.is_reason(line.hold_reason)]
    report = any(line.hold_reason == REPORT_MODE for line in held)
    kinds = Counter(line.kind.value for line in every)
    stored = [line for line in held if line.operation_id is not None]
    return Group(
        application=slug,
        name=every[0].application_name,
        lines=tuple(shown[before : before + most]),
        before=before,
        earlier=max(0, before - most),
        hidden=max(0, len(shown) - before - most),
        counts=tuple((kind, KINDS[kind][3], kinds[kind]) for kind in KINDS if kinds[kind]),
        held=len(stored),
        to_hold=0 if report else sum(1 for line in held if line.operation_id is None),
        reasons=_reasons(held),
        chosen=sum(1 for line in stored if _passes(line, only)),
        report=report,
        owned=owned,
        seen=str(plan.seen.get(slug, "")),
        still="" if report else plan.still.get(every[0].application_name, ""),
    )


def _reasons(held: Sequence[PlanLine]) -> tuple[tuple[str, int], ...]:
    """Each reason with how many lines wait for it; of a guard that counted on the latest."""
    told = [x for x in sorted(held, key=lambda x: x.held_at or _AT_LAST) if x.hold_reason]
    keyed = [latest([(x.application, counted(x.kind), x.hold_reason)]) for x in told]
    counts = Counter(key for one in keyed for key in one)
    last = {key: reason for one in keyed for key, reason in one.items()}
    return tuple((last[key], count) for key, count in counts.most_common())


def _reported(line: PlanLine) -> bool:
    """Whether it stays because of the application's mode: nobody can approve it."""
    return line.hold_reason == REPORT_MODE


def _passes(line: PlanLine, only: str) -> bool:
    if not only:
        return True
    if only == "held":
        return line.state is OperationState.HELD and not _reported(line)
    return KINDS[line.kind.value][1] == only
