"""What we are to believe of what HR said, said a second time: row by row, with nothing read of
records or imports but whether a guard held them. Judges people by it after each arrival.

Promises that are kept here: nobody leaves by a file that is half, empty or unreadable in part, nor
more at once than the guard allows; a refused file changes nobody; whom any system has stays, and
whom none has is gone; a badge is one person; a termination by hand ends with a new first day alone;
a name has one owner, and another one only long after that one left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.readers.base import ReaderError
from tenure.sources.importing import ImportResult
from tenure.sources.models import RehireQuestion, SourceRecord
from tests.survive.payroll import Payroll, Row

_MOST_LEAVERS, _LEAVERS_PERCENT = 2, 10
#: System -> number -> row.
Believed = dict[str, dict[str, Row]]


@dataclass(slots=True)
class Heard:
    """One file, or one push: the rows that can be read, and those that cannot. `gone`: numbers that
    are said to be gone; of a `whole` one all that are not there."""

    system: str
    rows: list[Row]
    unreadable: list[Row] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    whole: bool = True
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """One person, as far as HR has a say."""

    uid: str
    said: dict[str, Any]
    start: date | None
    end: date | None
    ended: datetime | None
    terminated: datetime | None

    @property
    def badge(self) -> str:
        return str(self.said.get("badge", ""))


class Hearsay:
    """What was heard, and what is wrong with what became of it."""

    def __init__(self, payroll: Payroll) -> None:
        self.payroll = payroll
        self.believed: Believed = {slug: {} for slug in payroll.systems}
        #: Rows about which somebody is asked.
        self.asked: Believed = {slug: {} for slug in payroll.systems}
        self.wrong: list[str] = []
        #: Name -> uid of whoever has it, and when they were last seen to be here.
        self._names: dict[str, str] = {}
        self._here: dict[str, datetime] = {}

    def listen(
        self, heard: Heard, take: Callable[[], ImportResult | None], accept: str = ""
    ) -> None:
        before = _people()
        try:
            result = take()
        except ReaderError as error:
            result, heard.outcome = None, f"not taken: {error}"
            if _people() != before:
                self._say(heard, f"changed people though it failed: {error}")
            return
        after = _people()
        if result is not None and result.refused and not accept:
            heard.outcome = "refused"
            if after != before:
                self._say(heard, "was refused and changed people")
            return
        known = self.believed[heard.system]
        missing = len(known) - len(heard.rows) - len(heard.unreadable)
        if heard.whole and known and not accept and missing > max(1, len(known) // 2):
            self._say(heard, f"was taken though {missing} of {len(known)} are missing")
        held = result is not None and result.held
        heard.outcome = "held" if held else "taken"
        self._believe(heard, held=held)
        self._judge_leavers(heard, before, after, accept)
        self._judge_terminations(before, after)
        self.judge()

    def answered(self, system: str, number: str) -> None:
        """It is who they are: their row counts, and none under another number of that system."""
        row = self.asked[system].pop(number, None)
        if row is not None:
            mine = self.believed[system]
            for old in [n for n, one in mine.items() if one.badge == row.badge]:
                del mine[old]
            mine[number] = row
        self.judge()

    def at_last(self) -> None:
        """Everything has come: what is believed is what HR has."""
        for system, rows in self.payroll.systems.items():
            if self.believed[system] != rows:
                self.wrong.append(f"HR: {system} is not what it has: {self.believed[system]}")
        self.judge()

    def judge(self) -> None:
        """Everybody is as HR said."""
        people: dict[str, list[_Snapshot]] = {}
        for one in _people().values():
            people.setdefault(one.badge, []).append(one)
        for badge, found in people.items():
            if len(found) > 1:
                self.wrong.append(f"HR: {badge} is {len(found)} people")
                continue
            rows = self._rows(badge)
            asked = any(r.badge == badge for rs in self.asked.values() for r in rs.values())
            if not asked and len({slug for slug, _ in rows}) == len(rows):
                self._judge_one(found[0], [row for _, row in rows])
        lacking = {r.badge for rs in self.believed.values() for r in rs.values()} - people.keys()
        if lacking:
            self.wrong.append(f"HR: nobody is {lacking}")
        self._judge_names()

    def _judge_one(self, one: _Snapshot, rows: list[Row]) -> None:
        if not rows:
            over = one.end is not None and one.end < (now() - timedelta(days=1)).date()
            if one.ended is None and not over:
                self.wrong.append(f"HR: no system has {one.badge}, who is here")
            return
        first = rows[0]
        wanted: dict[str, object] = {
            "given_name": first.given,
            "family_name": first.family,
            "department": first.department,
        }
        if first.title:  # Where it has none another record's may stand.
            wanted["title"] = first.title
        if first.mail:
            wanted["email"] = first.mail
        for name, value in wanted.items():
            if str(one.said.get(name, "")) != value:
                self.wrong.append(f"HR: {name} of {one.badge} is {one.said.get(name)}, not {value}")
        end = None if any(row.end is None for row in rows) else max(r.end for r in rows if r.end)
        if one.ended is not None or one.end != end:
            self.wrong.append(f"HR: {one.badge} ends {one.ended} {one.end}, not {end}")

    def _believe(self, heard: Heard, *, held: bool) -> None:
        system = heard.system
        known, asked = self.believed[system], self.asked[system]
        waiting = set(
            RehireQuestion.objects.filter(source__slug=system, answer="").values_list(
                "key", flat=True
            )
        )
        pushed = SourceRecord.objects.filter(source__slug=system, held_at__isnull=False)
        waits = set(pushed.values_list("key", flat=True)) if not heard.whole else set()
        for number in asked.keys() - waiting:
            del asked[number]
        for row in heard.rows:
            before = known.get(row.number)
            if row.number in waiting:
                asked[row.number] = row
            elif not (row.number in waits or (held and before and _is_sooner(before, row))):
                known[row.number] = row
        there = {row.number for row in [*heard.rows, *heard.unreadable]}
        gone = set(heard.gone) - waits
        if heard.whole and not heard.unreadable and not held:
            gone = known.keys() - there
        for number in gone:
            known.pop(number, None)

    def _judge_leavers(
        self,
        heard: Heard,
        before: dict[str, _Snapshot],
        after: dict[str, _Snapshot],
        accept: str,
    ) -> None:
        left = [
            one.badge
            for uid, one in after.items()
            if one.ended is not None and uid in before and before[uid].ended is None
        ]
        absent = [badge for badge in left if not self._rows(badge)]
        if absent and heard.unreadable:
            self._say(heard, f"let {absent} go, and has lines that nobody can read")
        if set(left) - set(absent):
            self._say(heard, f"let {set(left) - set(absent)} go, whom a system has")
        most = max(_MOST_LEAVERS, len(before) * _LEAVERS_PERCENT // 100)
        if not accept and len(left) > most:
            self._say(heard, f"let {left} go, and only {most} may")

    def _judge_terminations(
        self, before: dict[str, _Snapshot], after: dict[str, _Snapshot]
    ) -> None:
        for uid, one in after.items():
            was = before.get(uid)
            if was is None or was.terminated is None or one.terminated is not None:
                continue
            if one.start == was.start or one.start is None or one.start < was.terminated.date():
                self.wrong.append(f"HR: {one.badge} was terminated by hand, and is back by itself")

    def _judge_names(self) -> None:
        retention = self.payroll.ways.retention
        for uid, one in _people().items():
            if one.ended is None and one.terminated is None and one.end is None:
                self._here[uid] = now()
            name = str(one.said.get("email", "")).casefold()
            if not name or self.payroll.ways.gives_mail:
                continue
            other = self._names.get(name, uid)
            if other != uid:
                since = self._here.get(other, now())
                if retention is None or since + retention > now():
                    self.wrong.append(f"HR: {name} was given again, to {one.badge}")
            self._names[name] = uid

    def _rows(self, badge: str) -> list[tuple[str, Row]]:
        return [
            (system, row)
            for system, rows in self.believed.items()
            for row in rows.values()
            if row.badge == badge
        ]

    def _say(self, heard: Heard, what: str) -> None:
        self.wrong.append(f"HR: what came from {heard.system} at {now():%d %H:%M:%S} {what}")


def _is_sooner(before: Row, after: Row) -> bool:
    return after.end is not None and (before.end is None or after.end < before.end)


def _people() -> dict[str, _Snapshot]:
    return {
        str(person.uid): _Snapshot(
            str(person.uid),
            dict(person.attributes),
            person.start_date,
            person.end_date,
            person.ended_by_source_at,
            person.terminated_at,
        )
        for person in Person.objects.order_by("pk")
    }
