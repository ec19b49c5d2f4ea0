"""Makes the people of Acme, an invented company, as an HR system would export them.

Writes `people.csv` (250 people and one broken line) and `people-2.csv` (the same company a day
later: three gone, five moved, two married, two hired). The same seed and the same day give the
same bytes. Dates count from the day, so that who joins soon and who is gone is always right.

    python examples/acme/make_people.py --today 2026-11-24
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from random import Random

from vocabulary import BRIDES, CAST, DEPARTMENTS, NAMES, PLACES

from tenure.core.names import fold

SEED = 20261124
GOOD = 250
DOMAIN = "acme.example"
COLUMNS = (
    "Employee ID",
    "First name",
    "Last name",
    "Work e-mail",
    "Personal e-mail",
    "Status",
    "Hire date",
    "Last day",
    "Department",
    "Job title",
    "Location",
    "Time zone",
    "Cost centre",
    "Employment type",
    "Manager ID",
    "Mobile phone",
    "Badge",
)

JOIN_IN = (3, 5, 9, 13, 18, 24, 29)
LEAVE_IN = (2, 6, 11, 25)
GONE, ON_LEAVE, NEW = 8, 6, 12


@dataclass(frozen=True)
class Employee:
    """One line of the export. Dates as HR writes them."""

    number: str
    given: str
    family: str
    email: str
    personal: str
    status: str
    hired: date
    last: date | None
    department: str
    title: str
    location: str
    kind: str
    manager: str
    mobile: str
    badge: str

    def cells(self) -> tuple[str, ...]:
        return (
            self.number,
            self.given,
            self.family,
            self.email,
            self.personal,
            self.status,
            self.hired.isoformat(),
            self.last.isoformat() if self.last else "",
            self.department,
            self.title,
            self.location,
            PLACES[self.location][0],
            DEPARTMENTS[self.department][1],
            self.kind,
            self.manager,
            self.mobile,
            self.badge,
        )


def company(today: date, seed: int = SEED) -> list[Employee]:
    """The good people, the chief first."""
    random = Random(seed)
    names = _names(random)
    people: list[Employee] = []
    for department, (count, _, _) in DEPARTMENTS.items():
        people += _department(department, count, names, len(people), random, today)
    people = _chief(people)
    people = _fates(people, random, today)
    return _addresses(people, random, today)


def _names(random: Random) -> dict[str, Iterator[tuple[str, str]]]:
    """For each location an order in which its names are given out, each once."""
    taken = {(given, family) for given, family, _, _ in CAST}
    made = {}
    for place, (given, family) in NAMES.items():
        # A no-break space holds a family name of two words together in the lists above.
        pairs = [(g, f.replace("\u00a0", " ")) for g in given.split(" ") for f in family.split(" ")]
        pairs = [pair for pair in pairs if pair not in taken]
        random.shuffle(pairs)
        made[place] = iter(pairs)
    return made


def _department(
    department: str,
    count: int,
    names: dict[str, Iterator[tuple[str, str]]],
    before: int,
    random: Random,
    today: date,
) -> list[Employee]:
    """A head, a team lead for every eight, and their teams."""
    titles = DEPARTMENTS[department][2]
    cast = [(given, family, place) for given, family, place, d in CAST if d == department]
    leads = max(1, count // 9)
    people: list[Employee] = []
    for index in range(count):
        place = random.choices(list(PLACES), weights=(26, 20, 14, 18, 14, 8))[0]
        given, family = next(names[place])
        if index > leads and cast:
            given, family, place = cast.pop()
        number = f"{10_000 + (before + index) * 7 + 3}"
        head = people[0].number if people else ""
        manager, title, kind = head, random.choice(titles), "employee"
        if index == 0:
            title = f"Head of {department}"
        elif index <= leads:
            title = f"{department} Team Lead"
        else:
            manager = people[1 + (index % leads)].number
            kind = random.choices(("employee", "contractor", "intern"), (86, 9, 5))[0]
        served = random.randint(120, 900 if index > leads else 3000) + (2000 if not index else 0)
        people.append(
            Employee(
                number=number,
                given=given,
                family=family,
                email="",
                personal="",
                status="Active",
                hired=today - timedelta(days=served),
                last=None,
                department=department,
                title="Intern" if kind == "intern" else title,
                location=place,
                kind=kind,
                manager=manager,
                mobile="",
                badge=f"B-{random.randint(0, 99_999):05}",
            )
        )
    return people


def _chief(people: Sequence[Employee]) -> list[Employee]:
    """The first engineer founded the company; the heads report to them, and so does the first
    team lead of engineering, who has been head since."""
    chief, successor = people[0], people[1]
    made = []
    for person in people:
        if person is chief:
            person = replace(person, title="Chief Executive Officer", manager="")
        elif person is successor:
            person = replace(person, title="Head of Engineering", manager=chief.number)
        elif person.title.startswith("Head of"):
            person = replace(person, manager=chief.number)
        elif person.manager == chief.number:
            person = replace(person, manager=successor.number)
        made.append(person)
    return made


def _fates(people: Sequence[Employee], random: Random, today: date) -> list[Employee]:
    """Who has gone, is on leave, comes soon, leaves soon. Nobody who manages anybody."""
    made = list(people)
    cast = {(given, family) for given, family, _, _ in CAST}
    managers = {person.manager for person in people}
    free = [
        index
        for index, person in enumerate(made)
        if person.number not in managers and (person.given, person.family) not in cast
    ]
    random.shuffle(free)
    for _ in range(GONE):
        index = free.pop()
        last = today - timedelta(days=random.randint(5, 110))
        made[index] = replace(made[index], status="Terminated", last=last)
    for _ in range(ON_LEAVE):
        index = free.pop()
        made[index] = replace(made[index], status="On leave")
    for days in JOIN_IN:
        index = free.pop()
        made[index] = replace(made[index], hired=today + timedelta(days=days))
    for days in LEAVE_IN:
        index = free.pop()
        made[index] = replace(made[index], last=today + timedelta(days=days))
    for _ in range(NEW):
        index = free.pop()
        made[index] = replace(made[index], hired=today - timedelta(days=random.randint(1, 25)))
    # The second Anna Nagy is new: her address has to be made, and the plain one is taken.
    annas = [
        i for i, person in enumerate(made) if (person.given, person.family) == ("Anna", "Nagy")
    ]
    made[annas[0]] = replace(made[annas[0]], hired=today - timedelta(days=12))
    return made


def _addresses(people: Sequence[Employee], random: Random, today: date) -> list[Employee]:
    """Work addresses for those who have been here for a while but one, who was forgotten."""
    made = []
    taken: set[str] = set()
    forgotten = next(p for p in people[20:] if _long_serving(p, today)).number
    for person in people:
        local = ".".join(part for part in (fold(person.given), fold(person.family)) if part).lower()
        email = f"{local}@{DOMAIN}"
        if not _long_serving(person, today) or person.number == forgotten or email in taken:
            email = ""
        taken.add(email)
        prefix = PLACES[person.location][1]
        mobile = f"{prefix} {random.randint(0, 9999):04}" if random.random() < 0.9 else ""
        personal = f"{local}{random.randint(60, 99)}@mail.example" if random.random() < 0.85 else ""
        made.append(replace(person, email=email, mobile=mobile, personal=personal))
    return made


def _long_serving(person: Employee, today: date) -> bool:
    return person.hired < today - timedelta(days=60)


def next_day(people: Sequence[Employee], today: date) -> list[Employee]:
    """The company a day later: exactly three gone, five moved, two married, two hired."""
    made = list(people)
    managers = {person.manager for person in people}
    steady = [
        index
        for index, person in enumerate(made)
        if person.status == "Active"
        and person.last is None
        and person.kind == "employee"
        and person.location in {"Budapest", "Cork", "Berlin"}
        and _long_serving(person, today)
        and person.email
    ]
    lead = next(
        i for i in steady if made[i].title == "Support Team Lead" and made[i].number in managers
    )
    cast = {(given, family) for given, family, _, _ in CAST}
    staff = [
        i
        for i in steady
        if made[i].number not in managers and (made[i].given, made[i].family) not in cast
    ]
    yesterday = today - timedelta(days=1)
    for index in (lead, _take(staff, made, "Engineering"), _take(staff, made, "Sales")):
        made[index] = replace(made[index], status="Terminated", last=yesterday)
    for origin, target in (
        ("Support", "Engineering"),
        ("Support", "Engineering"),
        ("Engineering", "Sales"),
        ("Sales", "Marketing"),
        ("Finance", "People"),
    ):
        index = _take(staff, made, origin)
        made[index] = replace(made[index], department=target, title=DEPARTMENTS[target][2][0])
    brides = [i for i in staff if made[i].given in BRIDES]
    for index, family in zip(brides, ("Szentgyörgyi-Varga", "Ní Dhomhnaill"), strict=False):
        made[index] = replace(made[index], family=family)
    return [*made, *_hired(made, today)]


def _take(staff: list[int], people: Sequence[Employee], department: str) -> int:
    """Somebody of the department who has not been chosen yet."""
    index = next(
        i for i in staff if people[i].department == department and people[i].given not in BRIDES
    )
    staff.remove(index)
    return index


def _hired(people: Sequence[Employee], today: date) -> list[Employee]:
    heads = {p.department: p.number for p in people if p.title.startswith("Head of")}
    template = people[-1]
    common = {"email": "", "status": "Active", "last": None, "kind": "employee"}
    return [
        replace(
            template,
            **common,  # type: ignore[arg-type]  # each has the type of its field
            number="19001",
            given="Orsolya",
            family="Bíró",
            personal="orsolya.biro@mail.example",
            hired=today,
            department="Engineering",
            title="Software Engineer",
            location="Budapest",
            manager=heads["Engineering"],
            mobile="+36 20 555 7001",
            badge="B-70001",
        ),
        replace(
            template,
            **common,  # type: ignore[arg-type]
            number="19002",
            given="Pádraig",
            family="Ó Súilleabháin",
            personal="padraig@mail.example",
            hired=today - timedelta(days=1),
            department="Sales",
            title="Account Executive",
            location="Cork",
            manager=heads["Sales"],
            mobile="+353 87 555 7002",
            badge="B-70002",
        ),
    ]


def as_csv(people: Sequence[Employee], *, broken_after: int = 140) -> str:
    """The export. One line is broken in the way that exports are: a comma without quotes."""
    lines = [_line(COLUMNS), *(_line(person.cells()) for person in people)]
    broken = (
        "18999,Tivadar,Csontváry,,tivadar@mail.example,Active,2024-03-04,,Engineering,"
        "Engineer, Platform,Budapest,Europe/Budapest,0410,employee,10003,+36 20 555 7999,B-79999\n"
    )
    lines.insert(1 + broken_after, broken)
    return "".join(lines)


def _line(cells: Sequence[str]) -> str:
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def make(today: date, seed: int = SEED) -> tuple[str, str]:
    """The texts of `people.csv` and `people-2.csv`."""
    people = company(today, seed)
    assert len(people) == GOOD
    return as_csv(people), as_csv(next_day(people, today))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--today",
        type=date.fromisoformat,
        default=datetime.now(UTC).date(),
        help="the day from which dates count, 2026-11-24 (default: today in UTC)",
    )
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(__file__).parent,
        help="where to write the two files",
    )
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for name, text in zip(
        ("people.csv", "people-2.csv"), make(given.today, given.seed), strict=True
    ):
        # The bytes are the same everywhere: line ends are not the machine's.
        (given.folder / name).write_bytes(text.encode())


if __name__ == "__main__":
    main()
