"""What is right, said a second time: from what HR, administrators and policies say, and from
nothing that the engine has decided, who should have what at an instant.

Only inputs are read (dates, attributes, rules, exceptions, policies), never states, plans or
operations; and days are counted here, not by `core.lifecycle`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tenure.applications.models import Application
from tenure.infra.clock import now
from tenure.people.models import Company, Person
from tenure.rules.models import AccessException

#: What was right so long ago may still be on its way: requests time out after half a minute and
#: may be done a hundred seconds later.
WINDOW = timedelta(minutes=5)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Life:
    """One person, as HR and administrators say."""

    number: str
    email: str
    name: str
    title: str
    department: str
    start: date | None
    end: date | None
    zone: str
    on_leave: bool
    suspended: bool
    ended: datetime | None
    hold: bool

    def left_at(self) -> datetime | None:
        """From when on they are gone, if ever."""
        last = [self.ended] if self.ended else []
        if self.end is not None:
            last.append(_midnight(self.end + DAY, self.zone))
        return min(last, default=None)

    def starts(self) -> datetime | None:
        return _midnight(self.start, self.zone) if self.start else None

    def gone(self, at: datetime) -> bool:
        left = self.left_at()
        return left is not None and left <= at

    def upcoming(self, at: datetime) -> bool:
        starts = self.starts()
        return starts is not None and at < starts and not self.gone(at)


@dataclass(frozen=True, slots=True)
class Policy:
    """How one application is run."""

    removal: str
    delete_after: timedelta | None
    leave: str
    lead: timedelta
    closed_ahead: bool
    requires: tuple[str, ...]
    on_rename: str
    recreate: str
    orphans: str
    transfers: bool
    drift: Mapping[str, str]
    live: bool
    paused: bool

    def leaves(self, what: str) -> bool:
        """Whether what somebody else changed there may stay."""
        default = "restore" if what == "entitlements" else self.drift.get("default", "restore")
        return self.drift.get(what, default) != "restore"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who is in one of the departments, or in the group, gets this."""

    departments: frozenset[str]
    group: str
    gives: Mapping[str, frozenset[str]]
    grace: timedelta


@dataclass(frozen=True, slots=True)
class Right:
    """What one person should have in one application. `given`: the rules and exceptions give it,
    whatever the state; `inside`: an account may be there and used or made ready; `open`: it is to
    be open."""

    given: bool
    inside: bool
    open: bool
    groups: frozenset[str]


NOTHING = Right(False, False, False, frozenset())


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything that was said, from `at` on until something else was."""

    at: datetime
    lives: Mapping[str, Life]
    rules: Mapping[str, Rule]
    groups: Mapping[str, tuple[frozenset[str], frozenset[str]]]
    policies: Mapping[str, Policy]
    #: (person, application, entitlement) -> gives, until.
    exceptions: Mapping[tuple[str, str, str], tuple[bool, datetime | None]]
    stopped: bool
    leaver_grace: timedelta

    def holds(self, rule: Rule, life: Life) -> bool:
        if life.department in rule.departments:
            return True
        departments, numbers = self.groups.get(rule.group, (frozenset(), frozenset()))
        return life.department in departments or life.number in numbers

    def right(
        self, uid: str, slug: str, at: datetime, fading: frozenset[str] = frozenset()
    ) -> Right:
        """What this person should have there at `at`; `fading` rules gave it lately."""
        life, policy = self.lives.get(uid), self.policies.get(slug)
        if life is None or policy is None:
            return NOTHING
        giving = [
            rule.gives[slug]
            for name, rule in self.rules.items()
            if slug in rule.gives and (self.holds(rule, life) or name in fading)
        ]
        groups = set().union(*giving)
        given = bool(giving)
        own = {
            key: gives
            for (who, where, key), (gives, until) in self.exceptions.items()
            if who == uid and where == slug and (until is None or at < until)
        }
        for key, gives in own.items():
            if gives:
                given = True
                groups |= {key} if key else set()
        groups -= {key for key, gives in own.items() if not gives}
        if own.get("") is False or not given:
            return NOTHING
        starts = life.starts()
        early = life.upcoming(at) and starts is not None and at < starts - policy.lead
        away = life.suspended or (life.on_leave and policy.leave != "keep")
        # Who is still to come is neither on leave nor suspended yet.
        away = away and not life.upcoming(at)
        inside = not (life.gone(at) or early or away)
        waits = life.upcoming(at) and policy.closed_ahead
        return Right(True, inside, inside and not waits, frozenset(groups))


@dataclass(slots=True)
class Timeline:
    """Truths in their order."""

    truths: list[Truth] = field(default_factory=list)

    def add(self, truth: Truth) -> None:
        self.truths.append(truth)

    @property
    def last(self) -> Truth:
        return self.truths[-1]

    def lately(self, at: datetime, window: timedelta = WINDOW) -> Iterator[tuple[Truth, datetime]]:
        """Each truth that held within the window before `at`, and instants at which it did."""
        begin = at - window
        for number, truth in enumerate(self.truths):
            until = self.truths[number + 1].at if number + 1 < len(self.truths) else at
            first, last = max(truth.at, begin), min(until, at)
            if first <= last:
                yield truth, first
                if first != last:
                    yield truth, last

    def fading(self, uid: str, at: datetime) -> frozenset[str]:
        """Rules with a grace that this person met within that and the window before `at`."""
        found = set()
        graces = [rule.grace for truth in self.truths for rule in truth.rules.values()]
        window = max(graces, default=timedelta(0)) + WINDOW
        for truth, when in self.lately(at, window):
            life = truth.lives.get(uid)
            for name, rule in truth.rules.items():
                if life and rule.grace and when >= at - rule.grace - WINDOW:
                    found |= {name} if truth.holds(rule, life) else set()
        return frozenset(found)


def look(
    rules: Mapping[str, Rule],
    groups: Mapping[str, tuple[frozenset[str], frozenset[str]]],
) -> Truth:
    """The inputs as they are stored now."""
    company = Company.objects.get(pk=1)
    uids = dict(Person.objects.values_list("pk", "uid"))
    return Truth(
        at=now(),
        lives={str(person.uid): _life(person) for person in Person.objects.all()},
        rules=dict(rules),
        groups=dict(groups),
        policies={row.slug: _policy(row) for row in Application.objects.all()},
        exceptions={
            (str(uids[row.person_id]), row.application, row.entitlement): (row.gives, row.until)
            for row in AccessException.objects.filter(ended_at__isnull=True)
        },
        stopped=company.writes_stopped_at is not None,
        leaver_grace=company.leaver_grace or timedelta(0),
    )


def _life(person: Person) -> Life:
    said: dict[str, Any] = person.attributes
    ends = [at for at in (person.terminated_at, person.ended_by_source_at) if at]
    return Life(
        number=person.employee_number or "",
        email=str(said.get("email", "")),
        name=str(said.get("display_name", "")),
        title=str(said.get("title", "")),
        department=str(said.get("department", "")),
        start=person.start_date,
        end=person.end_date,
        zone=person.time_zone,
        on_leave=person.on_leave,
        suspended=person.suspended,
        ended=min(ends, default=None),
        hold=person.legal_hold_since is not None,
    )


def _policy(row: Application) -> Policy:
    return Policy(
        removal=row.removal,
        delete_after=row.delete_after,
        leave=row.leave,
        lead=row.lead or timedelta(0),
        closed_ahead=row.closed_ahead,
        requires=tuple(row.requires),
        on_rename=row.on_rename,
        recreate=row.recreate,
        orphans=row.orphans,
        transfers=bool(row.transfer_to),
        drift=dict(row.drift),
        live=row.mode == "live",
        paused=row.paused_at is not None,
    )


def _midnight(day: date, zone: str) -> datetime:
    """No zone here skips midnight within the weeks that are lived."""
    return datetime.combine(day, time.min, tzinfo=ZoneInfo(zone))
