"""HR as it is: its systems, the rows in them, and what happens to people there.

Everybody has a badge, which stays theirs whatever number, name or system they have; that is how
the oracle knows who is who.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from tenure.infra.clock import now
from tests.survive.world import DEPARTMENTS, ZONES, Event, World

COLUMNS = (
    *("Number", "Badge", "Given", "Family", "Mail", "Status", "Start", "End"),
    *("Department", "Title", "Manager", "Zone"),
)
GIVEN = ("Anna", "Bo", "Chen", "Dina")
FAMILY = ("Nagy", "Kim")
PLANT = "plant"
HR = "hr"


@dataclass(frozen=True, slots=True)
class Row:
    """One record. `mail` is empty where HR gives none."""

    number: str
    badge: str
    given: str
    family: str
    mail: str
    department: str
    start: date
    zone: str
    title: str = ""
    end: date | None = None
    away: bool = False
    manager: str = ""

    def cells(self) -> list[str]:
        status = "Leave" if self.away else "Active"
        end = self.end.isoformat() if self.end else ""
        return [
            *(self.number, self.badge, self.given, self.family, self.mail, status),
            *(self.start.isoformat(), end, self.department, self.title, self.manager, self.zone),
        ]


@dataclass(frozen=True, slots=True)
class Ways:
    """How this company has it: the reader of its second system, "" where it has one only; whether
    HR gives addresses; whether addresses made here follow names; and after how long they are given
    again, None: never."""

    second: str
    gives_mail: bool
    follows: bool
    retention: timedelta | None

    @classmethod
    def of(cls, seed: int) -> Ways:
        dice = random.Random(f"{seed} hr")
        return cls(
            second=dice.choice(["", "csv", "push", "push"]),
            gives_mail=dice.random() < 0.3,
            follows=dice.random() < 0.7,
            retention=dice.choice([None, timedelta(days=365), timedelta(days=2)]),
        )


class Payroll:
    """The systems: slug -> number -> row."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = world.random
        self.ways = Ways.of(world.seed)
        self.systems: dict[str, dict[str, Row]] = {HR: {}}
        if self.ways.second:
            self.systems[PLANT] = {}
        #: Rows that somebody took out, who may put them in again.
        self.taken_out: list[tuple[str, Row]] = []
        self._badges = self._numbers = 0
        self.events: list[tuple[int, Event]] = [
            (4, self.hire),
            (4, self.move),
            (4, self.marry),
            (3, self.give_last_day),
            (3, self.take_out),
            (3, self.put_in),
            (3, self.hire_again),
            (2, self.be_away),
            (2, self.put_off),
            (1, self.exchange_addresses),
            *([(3, self.second_record), (3, self.let_go_in_one)] if self.ways.second else []),
        ]

    def hire(self) -> None:
        dice = self.random
        self._badges += 1
        system = dice.choice(list(self.systems))
        managers = ["", *sorted(self.systems[system])]
        badge = f"B{self._badges}"
        row = Row(
            number=self._number(system),
            badge=badge,
            given=dice.choice(GIVEN),
            family=dice.choice(FAMILY),
            mail=f"{badge.lower()}@acme.example" if self.ways.gives_mail else "",
            department=dice.choice(DEPARTMENTS),
            start=self._day(dice.choice([-100, -100, 0, 1, 3])),
            zone=dice.choice(ZONES),
            manager=dice.choice(managers),
        )
        self.systems[system][row.number] = row

    def move(self) -> None:
        dice = self.random
        self._change(department=dice.choice(DEPARTMENTS), title=f"Title {dice.randint(1, 9)}")

    def reorganise(self) -> None:
        """A change to everybody."""
        for system, row in self._all():
            title = f"Title {self.random.randint(1, 9)}"
            self.systems[system][row.number] = replace(row, title=title)

    def marry(self) -> None:
        """In all systems, as most people tell; often they are called as somebody else is then."""
        found = self._one()
        if found is None:
            return
        family = self.random.choice([*FAMILY, f"Kim-{self.random.randint(1, 99)}"])
        for system, row in self._of(found[1].badge):
            self.systems[system][row.number] = replace(row, family=family)

    def exchange_addresses(self) -> None:
        dice = self.random
        rows = [(s, r) for s, rows in self.systems.items() for r in rows.values() if r.mail]
        mails = sorted({row.mail for _, row in rows})
        if len(mails) < 2:
            return
        one, other = dice.sample(mails, 2)
        turned = {one: other, other: one}
        for system, row in rows:
            if row.mail in turned:
                self.systems[system][row.number] = replace(row, mail=turned[row.mail])

    def give_last_day(self) -> None:
        found = self._one()
        if found is not None:
            end = self._day(self.random.randint(0, 3))
            self._change(found, end=max(end, found[1].start))

    def take_out(self) -> None:
        """The row is gone, as is the way of many systems to say that somebody left."""
        found = self._one()
        if found is not None:
            del self.systems[found[0]][found[1].number]
            self.taken_out.append(found)

    def put_in(self) -> None:
        """It was a mistake: the same row is there again."""
        if self.taken_out:
            back = self.taken_out.pop(self.random.randrange(len(self.taken_out)))
            if not self._of(back[1].badge):
                self.systems[back[0]][back[1].number] = back[1]

    def hire_again(self) -> None:
        """Who left begins anew, under the same number or another one."""
        dice = self.random
        gone = [one for one in self.taken_out if not self._of(one[1].badge)]
        gone += [(s, r) for s, r in self._all() if r.end and r.end < self._day(0)]
        if not gone:
            return
        system, row = dice.choice(gone)
        self.taken_out = [one for one in self.taken_out if one[1].badge != row.badge]
        for where, old in self._of(row.badge):
            del self.systems[where][old.number]
        number = row.number if dice.random() < 0.5 else self._number(system)
        again = replace(row, number=number, start=self._day(dice.choice([0, 1])), end=None)
        self.systems[system][number] = replace(again, away=False, title="Back")

    def be_away(self) -> None:
        found = self._one()
        if found is not None:
            for system, row in self._of(found[1].badge):
                self.systems[system][row.number] = replace(row, away=not found[1].away)

    def put_off(self) -> None:
        found = self._one()
        if found is not None and found[1].start > self._day(0) and found[1].end is None:
            self._change(found, start=self._day(self.random.choice([1, 4])))

    def second_record(self) -> None:
        """Somebody who works for both is in the other system, too, under a number of its own."""
        found = self._one()
        if found is None:
            return
        other = next((slug for slug in self.systems if slug != found[0]), "")
        if other and len(self._of(found[1].badge)) == 1:
            number = self._number(other)
            department = self.random.choice(DEPARTMENTS)
            row = replace(found[1], number=number, department=department, manager="")
            self.systems[other][number] = row

    def let_go_in_one(self) -> None:
        """One of the two lets somebody go whom the other keeps."""
        both = [found for found in self._all() if len(self._of(found[1].badge)) == 2]
        if both:
            system, row = self.random.choice(both)
            if self.random.random() < 0.6:
                del self.systems[system][row.number]
            else:
                self._change((system, row), end=max(self._day(0), row.start))

    def _change(self, found: tuple[str, Row] | None = None, **what: Any) -> None:
        found = found or self._one()
        if found is not None:
            self.systems[found[0]][found[1].number] = replace(found[1], **what)

    def _all(self) -> list[tuple[str, Row]]:
        return [(slug, row) for slug, rows in self.systems.items() for row in rows.values()]

    def _of(self, badge: str) -> list[tuple[str, Row]]:
        return [found for found in self._all() if found[1].badge == badge]

    def _one(self) -> tuple[str, Row] | None:
        found = self._all()
        return self.random.choice(found) if found else None

    def _number(self, system: str) -> str:
        self._numbers += 1
        return f"{'P-' if system == PLANT else ''}{self._numbers}"

    @staticmethod
    def _day(days: int) -> date:
        return (now() + timedelta(days=days)).date()
