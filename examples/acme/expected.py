"""What Acme's applications must hold, worked out from the HR file alone.

Plain Python on purpose, and nothing of Tenure: it checks Tenure's answer with another's. The five
rules of `tenure.yaml` are written here a second time.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

SEATS = {"Chat": Decimal("7.25"), "Tracker": Decimal("14.50")}
CODE_SEARCH = Decimal("4.00")
_LEAD = {"Chat": timedelta(days=7), "Tracker": timedelta(days=1)}
_TICKETS = {"Budapest", "Cork", "Berlin", "Taipei"}


@dataclass(frozen=True, slots=True)
class Expected:
    """One account that must be there and open. Keyed by employee number: addresses are made."""

    number: str
    family_name: str
    given_name: str
    department: str
    groups: frozenset[str] = field(default_factory=frozenset)


def good_rows(text: str) -> list[dict[str, str]]:
    """The rows with as many cells as the header has."""
    reader = csv.reader(io.StringIO(text))
    header = next(reader)
    return [dict(zip(header, row, strict=True)) for row in reader if len(row) == len(header)]


def accounts(rows: Iterable[dict[str, str]], now: datetime) -> dict[str, dict[str, Expected]]:
    """Application -> employee number -> the open account that must be there at `now`."""
    found: dict[str, dict[str, Expected]] = {"Chat": {}, "Tracker": {}}
    for row in rows:
        for application, groups in _due(row).items():
            if _open(row, application, now):
                found[application][row["Employee ID"]] = Expected(
                    number=row["Employee ID"],
                    family_name=row["Last name"],
                    given_name=row["First name"],
                    department=row["Department"],
                    groups=frozenset(groups),
                )
    return found


def cost(accounts_by_application: dict[str, dict[str, Expected]]) -> Decimal:
    """What all open seats cost a month, in euros."""
    total = Decimal(0)
    for application, people in accounts_by_application.items():
        total += SEATS[application] * len(people)
        total += CODE_SEARCH * sum("code-search" in item.groups for item in people.values())
    return total


def _due(row: dict[str, str]) -> dict[str, set[str]]:
    """Application -> groups, whatever the dates say."""
    kind, department, location = row["Employment type"], row["Department"], row["Location"]
    due: dict[str, set[str]] = {}
    if kind in ("employee", "intern"):
        due.setdefault("Chat", set()).add("all")
    if kind == "contractor":
        due.setdefault("Chat", set()).add("contractors")
        return due
    if department == "Engineering":
        due.setdefault("Chat", set()).add("engineering")
        due.setdefault("Tracker", set()).update({"developers", "code-search"})
    if department == "Sales":
        due.setdefault("Chat", set()).add("sales")
    if department == "Support" and location in _TICKETS:
        due.setdefault("Chat", set()).add("support")
        due.setdefault("Tracker", set()).add("support")
    return due


def _open(row: dict[str, str], application: str, now: datetime) -> bool:
    """Whether the person's dates and status allow an open account there now."""
    zone = ZoneInfo(row["Time zone"])
    if row["Hire date"]:
        starts = datetime.fromisoformat(row["Hire date"]).replace(tzinfo=zone)
        if now < starts - _LEAD[application]:
            return False
    if row["Last day"]:
        ends = datetime.fromisoformat(row["Last day"]).replace(tzinfo=zone) + timedelta(days=1)
        if now >= ends:
            return False
    if row["Status"] == "Terminated" and (
        not row["Last day"] or row["Last day"] <= now.astimezone(zone).date().isoformat()
    ):
        return False
    return not (row["Status"] == "On leave" and application == "Tracker")
