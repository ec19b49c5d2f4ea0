"""Is this safe to run? Limits on how much may be made, changed and taken away, over a window.

A limit counts what happened lately together with what is about to: a slow drip trips it as well as
a flood. What a person approved is not counted, neither before nor after. What is over a limit is
held whole, for a person to look at; what they approve is exactly what they saw, or less of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction

from tenure.core.model import Change, OperationKind

WINDOW = timedelta(hours=24)
#: A tenth of 20 people is nobody, of 200,000 it is 20,000: however large the company is, more than
#: these are looked at first. 500 is what Microsoft Entra Connect takes for an accident.
MOST_REMOVALS = 500
MOST_CHANGES = 2000
_UNLIMITED = 2**63


class Counted(StrEnum):
    """What a limit of an application counts: accounts, each once, whatever is done to it."""

    CREATES = "creates"
    CHANGES = "changes"
    REMOVALS = "removals"


_COUNTED = {OperationKind.CREATE: Counted.CREATES} | dict.fromkeys(
    (OperationKind.DISABLE, OperationKind.DELETE), Counted.REMOVALS
)


def counted(kind: OperationKind) -> Counted:
    """Under which limit an operation falls. Deleting what is closed already is a removal too:
    nothing else is as final."""
    return _COUNTED.get(kind, Counted.CHANGES)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `percent` of the population, but `floor` are always allowed: a company of twenty
    may lose a person without an alarm. Whatever the population, at most `most`, so the smaller of
    both holds. None: no such limit."""

    percent: Fraction | None = Fraction(10)
    floor: int = 5
    most: int | None = None
    window: timedelta = WINDOW

    def allowed(self, population: int) -> int:
        """How many may be within the window."""
        most = _UNLIMITED if self.most is None else self.most
        if self.percent is None:
            return most
        return min(most, max(self.floor, int(population * self.percent / 100)))

    @property
    def unlimited(self) -> bool:
        return self.percent is None and self.most is None

    def __str__(self) -> str:
        words = []
        if self.percent is not None:
            words = [f"{float(self.percent):g} %"]
            if self.most is None or self.floor < self.most:
                words.append(f"never under {self.floor}")
        if self.most is not None:
            words.append(f"never over {self.most}" if words else f"at most {self.most}")
        return ", ".join(words)


@dataclass(frozen=True, slots=True)
class FailureLimit:
    """More than `percent` of the operations settled within the window failed, of at least `least`:
    something is wrong that the next thousand would meet as well."""

    percent: Fraction = Fraction(50)
    least: int = 20
    window: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Guard:
    """All limits of one application. Making accounts is not limited unless somebody says so: the
    first plan of an application makes them all."""

    creates: Limit = field(default=Limit(percent=None, floor=0))
    changes: Limit = field(default=Limit(percent=Fraction(50), floor=50, most=MOST_CHANGES))
    removals: Limit = field(default=Limit(most=MOST_REMOVALS))
    failures: FailureLimit = field(default=FailureLimit())

    def of(self, what: Counted) -> Limit:
        """The limit for what is counted."""
        return {
            Counted.CREATES: self.creates,
            Counted.CHANGES: self.changes,
            Counted.REMOVALS: self.removals,
        }[what]


@dataclass(frozen=True, slots=True)
class SourceGuard:
    """All limits of one source: people who would leave, people who would change, records of the
    last import that are missing from this one, and records that are written to."""

    leavers: Limit = field(default=Limit(most=MOST_REMOVALS))
    changes: Limit = field(default=Limit(percent=Fraction(50), floor=50, most=MOST_CHANGES))
    missing: Limit = field(default=Limit(percent=Fraction(50)))
    write_back: Limit = field(default=Limit(floor=20))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it is held, and the sentence that says so."""

    held: bool
    reason: str = ""


_ONE = {
    "removals ": "removal ",
    "changes ": "change ",
    "new accounts ": "new account ",
    "leavers ": "leaver ",
    "changed people ": "changed person ",
}
#: By which a sentence of `judge` is known.
_GUARD = " (guard: "
PASSED = Verdict(held=False)


def judge(*, what: str, new: int, recent: int, population: int, limit: Limit) -> Verdict:
    """`new` are about to happen, `recent` happened within the window and were not approved by a
    person, of a `population` counted before any of them. `what` completes `12 ...`: `removals in
    Chat`."""
    allowed = limit.allowed(population)
    if new == 0 or new + recent <= allowed:
        return PASSED
    share = f"{(new + recent) * 100 / population:.1f} %" if population else "all"
    window = span(limit.window)
    if new == 1:
        what = next((one + what[len(m) :] for m, one in _ONE.items() if what.startswith(m)), what)
    before = f" after {recent} within the last {window}" if recent else ""
    return Verdict(
        held=True,
        reason=(
            f"{new} {what}{before}: {share} of {population}, and at most {allowed} are allowed "
            f"within {window}{_GUARD}{limit})."
        ),
    )


def leavers(source: str, *, now: int, to_come: int) -> str:
    """What completes `12 ...` in a verdict: people whom a source lets go at once, and people whom
    it lets go by a last day that it sets or brings forward."""
    if not to_come:
        return f"leavers in {source}"
    which = f"{to_come} of them" if now else "each" if to_come > 1 else "this one"
    return f"leavers in {source} ({which} by a last day to come, which it sets or brings forward)"


def latest(reasons: Iterable[tuple[str, Counted, str]]) -> dict[tuple[str, str], str]:
    """What to tell of reasons for holding, `(application, what is counted, reason)`, the oldest
    first: each once, and of a guard that counted on meanwhile the last one, which says it all."""
    return {
        (application, counted.value if _GUARD in reason else reason): reason
        for application, counted, reason in reasons
    }


def judge_missing(*, source: str, read: int, known: int, limit: Limit) -> Verdict:
    """Whether a source that had `known` records and now has `read` is whole. An empty one never
    is."""
    allowed = limit.allowed(known)
    missing = known - read
    if missing <= 0 or (read > 0 and missing <= allowed):
        return PASSED
    found = "no record at all" if read == 0 else f"{read} records"
    return Verdict(
        held=True,
        reason=(
            f"{source} has {found}, and {known} are known from the last import: {missing} are "
            f"missing, and at most {allowed} may be (guard: {limit}). Nothing of it was taken."
        ),
    )


def judge_failures(*, where: str, failed: int, settled: int, limit: FailureLimit) -> Verdict:
    """Whether what is left for an application should wait: `failed` of `settled` operations."""
    if settled < limit.least or failed * 100 <= settled * limit.percent:
        return PASSED
    return Verdict(
        held=True,
        reason=(
            f"{failed} of {settled} operations in {where} failed within {span(limit.window)}, and "
            f"at most {float(limit.percent):g} % may. What is left of it is held: look at what "
            "went wrong before more is sent."
        ),
    )


@dataclass(frozen=True, slots=True)
class Content:
    """What an operation does to an account, without why: what an approver saw."""

    account: str | None
    attributes: Mapping[str, Change] = field(default_factory=dict)
    grant: frozenset[str] = frozenset()
    revoke: frozenset[str] = frozenset()
    #: Whether an account that it makes is open.
    active: bool = True


def covers(seen: Content, now: Content) -> bool:
    """Whether `now` is the same as what was decided about, or less of it."""
    return (
        seen.account == now.account
        and seen.active >= now.active
        and now.grant <= seen.grant
        and now.revoke <= seen.revoke
        and all(
            name in seen.attributes and seen.attributes[name] == change
            for name, change in now.attributes.items()
        )
    )


def guard_from(settings: Mapping[str, object]) -> Guard:
    """From configuration, `{"removals": {"percent": 10, "floor": 5}, "failures": {...}}`; what is
    not given is the default."""
    default = Guard()
    return Guard(
        creates=limit_from(settings.get("creates"), default.creates),
        changes=limit_from(settings.get("changes"), default.changes),
        removals=limit_from(settings.get("removals"), default.removals),
        failures=_failures_from(settings.get("failures"), default.failures),
    )


def source_guard_from(settings: Mapping[str, object]) -> SourceGuard:
    """The same for a source: `leavers`, `changes`, `missing` and `write_back`."""
    default = SourceGuard()
    return SourceGuard(
        leavers=limit_from(settings.get("leavers"), default.leavers),
        changes=limit_from(settings.get("changes"), default.changes),
        missing=limit_from(settings.get("missing"), default.missing),
        write_back=limit_from(settings.get("write_back"), default.write_back),
    )


def limit_from(settings: object, default: Limit = Limit()) -> Limit:
    """One limit, `{"percent": 10, "floor": 5, "most": 50, "window": 86400}`, the window in
    seconds. Whoever gives one and no `most` in it has said that there is no such end."""
    given = _given(settings)
    if not given:
        return default
    most = given.get("most")
    limit = replace(default, most=None if most is None else int(str(most)))
    if "percent" in given:
        limit = replace(limit, percent=Fraction(str(given["percent"])))
    if "floor" in given:
        limit = replace(limit, floor=int(str(given["floor"])))
    return replace(limit, window=_window(given, limit.window))


def _failures_from(settings: object, default: FailureLimit) -> FailureLimit:
    given = _given(settings)
    return FailureLimit(
        percent=Fraction(str(given.get("percent", default.percent))),
        least=int(str(given.get("least", default.least))),
        window=_window(given, default.window),
    )


def _given(settings: object) -> dict[str, object]:
    if not isinstance(settings, Mapping):
        return {}
    return {str(name): value for name, value in settings.items() if value is not None}


def _window(given: Mapping[str, object], default: timedelta) -> timedelta:
    seconds = given.get("window")
    return default if seconds is None else timedelta(seconds=float(str(seconds)))


def span(length: timedelta) -> str:
    """`24 hours`, `90 minutes`, `7 days`: as one says it."""
    minutes = int(length.total_seconds() // 60)
    if minutes == 60:
        return "1 hour"
    for size, name in ((1440, "day"), (60, "hour")):
        if minutes % size == 0 and minutes > size:
            return f"{minutes // size} {name}s"
    return f"{minutes} minutes"
