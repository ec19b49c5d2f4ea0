"""Years of simulated days: clocks that change, days that never were, the leap day, the date line.

A walk from day to day, and one that jumps to wherever a change is announced, tell the same story:
what is announced is exactly when it happens, and a life never goes back.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from tenure.core.lifecycle import WorkingLife, midnight, standing
from tenure.core.model import (
    ApplicationPolicy,
    Desired,
    LifecycleState,
    Observed,
    PersonFacts,
    RemovalAction,
)
from tenure.core.planner import plan_person
from tests.core.simulation import carry_out

TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ORDER = [
    {LifecycleState.UPCOMING},
    {LifecycleState.ACTIVE, LifecycleState.ON_LEAVE, LifecycleState.SUSPENDED},
    {LifecycleState.LEAVING},
    {LifecycleState.LEFT},
]

#: Zone, a day on which its clocks or its calendar jump, and what is special about it.
JUMPS = [
    ("Europe/Berlin", date(2026, 3, 29), "an hour less"),
    ("Europe/Berlin", date(2026, 10, 25), "an hour more"),
    ("Australia/Lord_Howe", date(2026, 10, 4), "half an hour less"),
    ("America/Sao_Paulo", date(2017, 10, 15), "no midnight"),
    ("America/Sao_Paulo", date(2018, 2, 17), "23:00 twice"),
    ("Africa/Cairo", date(2023, 4, 28), "no midnight"),
    ("Africa/Cairo", date(2023, 10, 26), "23:00 twice"),
    ("America/Havana", date(2025, 11, 2), "midnight twice"),
    ("Pacific/Apia", date(2011, 12, 30), "a day that never was"),
    ("Pacific/Kiritimati", date(1995, 1, 1), "a day that never was"),
    ("Asia/Manila", date(2024, 2, 29), "the leap day"),
    ("Pacific/Pago_Pago", date(2024, 2, 29), "the leap day, last of all"),
]


def lives(place: str, jump: date) -> Iterator[WorkingLife]:
    """Every way of beginning, being away and ending around that day."""
    near = [jump + DAY * days for days in (-1, 0, 1)]
    for one in near:
        yield WorkingLife(start_date=one, time_zone=place)
        yield WorkingLife(end_date=one, time_zone=place, grace=timedelta(hours=26))
        yield WorkingLife(leave_from=one, leave_until=one, time_zone=place)
        for other in near:
            if one <= other:
                yield WorkingLife(
                    start_date=one, end_date=other, time_zone=place, leave_until=other
                )


def stage(life: WorkingLife, at: datetime) -> int:
    state = standing(life, at).state
    return next(number for number, states in enumerate(ORDER) if state in states)


def story(life: WorkingLife, begin: datetime, end: datetime) -> list[tuple[datetime, str]]:
    """The states from `begin` to `end`, by jumping to each change that is announced."""
    told = []
    at: datetime | None = begin
    while at is not None and at < end:
        found = standing(life, at)
        told.append((at, found.state.value))
        at = found.until
    return told


@pytest.mark.parametrize(("place", "jump", "what"), JUMPS)
def test_walking_hour_by_hour_and_jumping_tell_the_same(place: str, jump: date, what: str) -> None:
    begin = datetime(jump.year, jump.month, jump.day, tzinfo=UTC) - 4 * DAY
    end = begin + 8 * DAY
    for life in lives(place, jump):
        told = story(life, begin, end)
        for before, (at, state) in pairwise(told):
            assert standing(life, at - TICK).state.value == before[1] != state
        walk = begin
        stages = []
        while walk < end:
            expected = next(state for at, state in reversed(told) if at <= walk)
            assert standing(life, walk).state.value == expected, (life, walk)
            stages.append(stage(life, walk))
            walk += HOUR / 2
        assert stages == sorted(stages)


@pytest.mark.parametrize(("place", "jump", "what"), JUMPS)
def test_days_begin_where_the_calendar_there_says(place: str, jump: date, what: str) -> None:
    """Found a second time, by looking at the wall clock minute by minute."""
    zone = ZoneInfo(place)
    for day in (jump - DAY, jump, jump + DAY):
        found = midnight(day, zone)
        look = datetime(day.year, day.month, day.day, tzinfo=UTC) - 2 * DAY
        while look.astimezone(zone).date() < day:
            look += HOUR / 60
        assert found == look, (place, day)


def test_the_first_of_january_begins_around_the_world_in_order() -> None:
    """Kiritimati is first, Pago Pago last, 25 hours later."""
    zones = ["Pacific/Kiritimati", "Asia/Tokyo", "Europe/Berlin", "America/Lima",
             "Pacific/Pago_Pago"]  # fmt: skip
    begins = [midnight(date(2026, 1, 1), ZoneInfo(name)) for name in zones]
    assert None not in begins
    assert begins == sorted(begins)  # type: ignore[type-var]
    assert begins[-1] - begins[0] == timedelta(hours=25)  # type: ignore[operator]


def facts(life: WorkingLife, now: datetime) -> PersonFacts:
    found = standing(life, now)
    return PersonFacts(
        "1", "Somebody", found.state, {"email": "a@acme.example"}, life.starts(), found.left_at
    )


def next_step(
    life: WorkingLife, policy: ApplicationPolicy, accounts: list[Observed], now: datetime
) -> tuple[list[Observed], list[str], datetime | None]:
    """The accounts after what is due now, what that was, and when to look again."""
    person = facts(life, now)
    wanted = {"chat": Desired("chat", {"userName": "a@acme.example"})}
    if person.state in (LifecycleState.LEFT, LifecycleState.LEAVING):
        wanted = {}
    plan = plan_person(person, wanted, accounts, {"chat": policy}, now)
    after = carry_out(accounts, plan.operations, now)
    again = plan_person(person, wanted, after, {"chat": policy}, now)
    assert again.operations == (), "planned again after it was carried out it says nothing"
    looks = [at for at in (again.next_look, standing(life, now).until) if at is not None]
    return after, [step.kind.value for step in plan.operations], min(looks, default=None)


@pytest.mark.parametrize("seed", range(12))
def test_years_of_days_and_jumps_from_look_to_look_give_the_same_accounts(seed: int) -> None:
    """Whoever looks only when the plan says so misses nothing that a look every hour finds."""
    dice = random.Random(seed)
    place = dice.choice(sorted({name for name, _, _ in JUMPS}))
    first = date(2023, 10, 1) + DAY * dice.randint(0, 200)
    last = first + DAY * dice.randint(1, 500)
    away = first + DAY * dice.randint(0, 300)
    life = WorkingLife(
        start_date=first,
        end_date=last,
        leave_from=away,
        leave_until=away + DAY * dice.randint(0, 60),
        time_zone=place,
        grace=dice.choice([timedelta(0), timedelta(hours=30)]),
    )
    policy = ApplicationPolicy(
        "chat",
        removal=dice.choice([RemovalAction.DISABLE, RemovalAction.DELETE]),
        delete_after=dice.choice([None, timedelta(days=30), timedelta(hours=7)]),
        leave=dice.choice([RemovalAction.KEEP, RemovalAction.DISABLE]),
        lead=dice.choice([timedelta(0), timedelta(days=7), timedelta(hours=5)]),
    )
    begin = datetime(2023, 9, 1, tzinfo=UTC)
    end = datetime(2026, 9, 1, tzinfo=UTC)

    jumped: list[tuple[datetime, list[str]]] = []
    accounts: list[Observed] = []
    at: datetime | None = begin
    while at is not None and at < end:
        accounts, kinds, look = next_step(life, policy, accounts, at)
        if kinds:
            jumped.append((at, kinds))
        assert look is None or look > at, "a look that lies behind would be looked for ever"
        at = look

    walked: list[tuple[datetime, list[str]]] = []
    accounts = []
    walk = begin
    while walk < end:
        accounts, kinds, _ = next_step(life, policy, accounts, walk)
        if kinds:
            walked.append((walk, kinds))
        walk += 6 * HOUR
    assert [kinds for _, kinds in walked] == [kinds for _, kinds in jumped]
    assert jumped, "nothing ever happened"
    for (late, _), (exact, _) in zip(walked, jumped, strict=True):
        # A deletion counts from when the account was closed, which a walk finds out later.
        assert exact <= late < exact + 12 * HOUR
