"""The people of the sample company, as an HR system would export them: who joins and leaves is told
from the day on which it is made. Pure."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from io import StringIO
from typing import Final

from tenure.core.names import slug

_NAMES: Final = (
    "Anna Kovács", "Gábor Nagy", "Zoë van der Meer", "Jorge Ortiz", "Mei-Ling Wang",
    "Priya Raghunathan", "Tomás Ó Briain", "Łukasz Wójcik", "Søren Kjærgaard", "Ólafur Þórsson",
    "Žofie Nováková", "Dmytro Sokolenko", "Eleni Papadopoulou", "Haruna Kobayashi",
    "Aoife O’Connor", "Jean-Baptiste Lefèvre", "İbrahim Yıldız", "Ana Conceição", "Kwame Mensah",
    "Maximilian Großmann", "Ingrid Ødegård", "Seo-yeon Kim", "Siobhán Ní Dhomhnaill",
    "Chukwuemeka Okonkwo", "Léa Dubois", "Matteo Ricci", "Sofia Lindqvist", "Noah Weber",
    "Emma Fischer", "Lucas Almeida", "Isabel Romero", "Viktor Horváth", "Eszter Szabó",
    "Marek Dvořák", "Katarzyna Lis", "Freya Hansen", "Oskar Nilsson", "Amira Haddad",
    "Youssef Benali", "Nadia Petrova", "Daniel Cohen", "Hannah Schmidt", "Felix Wagner",
    "Clara Moreau", "Hugo Bernard", "Giulia Conti", "Andrei Popescu", "Ioana Marin",
    "Rosa Delgado", "Liam Murphy", "Grace Mwangi", "Samuel Adeyemi", "Tara Singh", "Arjun Patel",
    "Yuki Tanaka", "Chen Wei", "Linh Tran", "Olivia Brown", "James Wilson", "Maya Fernandez",
)  # fmt: skip
_WORK: Final = (
    ("Engineering", ("Software engineer", "Site reliability engineer", "Engineering manager")),
    ("Sales", ("Account executive", "Sales manager")),
    ("Support", ("Support agent", "Support lead")),
    ("Finance", ("Accountant", "Controller")),
    ("People", ("Recruiter", "HR partner")),
)
_PLACES: Final = (
    ("Budapest", "HU", "Europe/Budapest"), ("Berlin", "DE", "Europe/Berlin"),
    ("Madrid", "ES", "Europe/Madrid"), ("Dublin", "IE", "Europe/Dublin"),
)  # fmt: skip
HEADER: Final = (
    "Employee ID", "First name", "Last name", "Work e-mail", "Department", "Job title", "Office",
    "Country", "Time zone", "Type", "Status", "Hire date", "Last day", "Manager ID",
)  # fmt: skip
_FIRST: Final = 9001


def people_csv(today: date) -> str:
    """Sixty people: five who join and three who leave in the next two weeks, one on leave."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADER)
    for place in range(len(_NAMES)):
        writer.writerow(_row(place, today))
    return out.getvalue()


def _row(i: int, today: date) -> list[str]:
    given, _, family = _NAMES[i].partition(" ")
    department, titles = _WORK[(i * 7) % 5 if i >= len(_WORK) else i]
    city, country, zone = _PLACES[i % len(_PLACES)]
    start, end, status, kind = today - timedelta(days=90 + 37 * i), "", "Active", "Employee"
    if i >= 55:
        start = today + timedelta(days=1 + (i - 55) * 3)
    if i in (17, 29, 41):
        end = (today + timedelta(days=1 + (i % 7) * 2)).isoformat()
    if i == 23:
        status = "On leave"
    if i % 19 == 11:
        kind, end = "Contractor", end or (today + timedelta(days=120 + i)).isoformat()
    title = titles[-1] if i < len(_WORK) else titles[i % (len(titles) - 1)]
    manager = "" if i == 0 else str(_FIRST + (0 if i < len(_WORK) else _lead(department)))
    return [
        str(_FIRST + i), given, family, _address(given, family), department, title, city, country,
        zone, kind, status, start.isoformat(), end, manager,
    ]  # fmt: skip


def _lead(department: str) -> int:
    return next(i for i, (name, _) in enumerate(_WORK) if name == department)


def _address(given: str, family: str) -> str:
    return f"{slug(given)}.{slug(family)}@sample.example"
