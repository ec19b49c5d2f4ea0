"""Reminders of tasks: who has something to do by hand is told by one e-mail a day at most, in the
morning where the company is, and only when something is new or overdue.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.urls import reverse
from django.utils.text import capfirst

from tenure.people.models import Company, Person
from tenure.people.searching import called
from tenure.people.services import company
from tenure.provisioning.decisions.byhand import ADMINISTRATORS, Task, tasks
from tenure.signin import letters
from tenure.signin.models import Letter
from tenure.signin.sending import absolute

#: Nobody is written to before that hour.
_MORNING: Final = 8
_SHOWN: Final = 20
_LOCK: Final = 0x7E5_0002
More: TypeAlias = Callable[[], Sequence[Task]]
_more: Final[list[More]] = []


def register(tasks_of: More) -> None:
    """Tasks of a package above this one are told of, too. Once is enough."""
    if tasks_of not in _more:
        _more.append(tasks_of)


@transaction.atomic
def remind(at: datetime) -> int:
    """Queue what is to be told now. Returns how many letters."""
    ours = company()
    local = at.astimezone(ZoneInfo(ours.time_zone))
    if not ours.task_reminders or local.hour < _MORNING:
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    sent = 0
    for address, waiting in _by_address(ours).items():
        last = Letter.objects.filter(kind=Letter.Kind.TASKS, to=address).order_by("-id").first()
        told = set(map(str, last.words.get("tasks", ()))) if last else set()
        if last is not None and last.created_at >= midnight:
            continue
        new = [task for task in waiting if task.key not in told]
        overdue = [task for task in waiting if task.overdue]
        if new or overdue:
            _queue(address, waiting, new=len(new), overdue=len(overdue))
            sent += 1
    return sent


def _by_address(ours: Company) -> dict[str, list[Task]]:
    """The tasks that wait, by the address of who is to do them; those of nobody are left out."""
    found: dict[str, list[Task]] = {}
    known: dict[str, str] = {ADMINISTRATORS: ours.tasks_to}
    for task in [*tasks(), *(task for more in _more for task in more())]:
        if task.assignee not in known:
            known[task.assignee] = _address(task.assignee) or ours.tasks_to
        if address := known[task.assignee]:
            found.setdefault(address, []).append(task)
    return found


def _address(assignee: str) -> str:
    """An owner is written as an address, as an employee number, or as a name; "" where it is none
    of these, or nobody's alone."""
    if "@" in assignee:
        return assignee.strip()
    numbered = Person.objects.filter(employee_number=assignee)
    rows = list(numbered.exclude(state="left").exclude(email="")[:2])
    rows = rows or list(called(assignee).exclude(state="left").exclude(email="")[:2])
    return rows[0].email if len(rows) == 1 else ""


def _queue(address: str, waiting: Sequence[Task], *, new: int, overdue: int) -> None:
    count = len(waiting)
    what = "1 task waits" if count == 1 else f"{count} tasks wait"
    more = [f"{new} new" if new else "", f"{overdue} overdue" if overdue else ""]
    told = ", ".join(filter(None, more))
    ordered = sorted(waiting, key=lambda task: (not task.overdue, task.since))
    lines = [
        f"- {task.what} {capfirst(task.why.rstrip('.'))}. Since {task.since:%-d %B}"
        f"{', overdue' if task.overdue else ''}."
        for task in ordered[:_SHOWN]
    ]
    if count > _SHOWN:
        lines.append(f"- and {count - _SHOWN} more.")
    text = "\n".join(
        [
            f"{what} for you to do by hand ({told}):",
            "",
            *lines,
            "",
            f"What to do in detail, and the button that says it is done: {_where()}",
        ]
    )
    words = {"subject": f"{what} for you", "text": text, "tasks": [t.key for t in waiting]}
    letters.queue(Letter.Kind.TASKS, to=address, words=words)


def _where() -> str:
    return absolute(reverse("console:tasks"))
