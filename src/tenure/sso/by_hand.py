"""Tasks to sign somebody out of an application by hand, beside those of accounts
(`provisioning.decisions.byhand`): what is to be done, and saying that it is done, or cannot be.
What somebody says is the evidence; it is never taken for proof. Made by `seeing_out`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Min, Q, QuerySet

from tenure.applications.finding import application_named
from tenure.applications.models import Account, Application
from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.catalogue.filling import complete
from tenure.core.model import Situation
from tenure.infra.clock import now
from tenure.infra.paging import Page, page
from tenure.people.endings import CLOSED
from tenure.people.models import Person
from tenure.people.services import zone_of
from tenure.provisioning.decisions.byhand import (
    ADMINISTRATORS,
    REMIND_AFTER,
    Task,
    TaskRefused,
)
from tenure.sso.heard import TASK
from tenure.sso.models import SignOut
from tenure.sso.session_facts import LIVE, closing_ends, could_not

_SIGN_OUT = (
    "end every session of theirs, and every token, app password and remembered device that lets "
    "somebody in without signing in again"
)
_NAMED = 3
_CHECK = "No session of theirs is listed any more, or what they had open asks to sign in again."


def number_of(key: str) -> int | None:
    """S12 -> 12; None for what is no name of such a task."""
    found = re.fullmatch(r"[Ss](\d{1,18})", key.strip())
    return int(found[1]) if found else None


def tasks(
    *, application: str | None = None, person: Person | None = None, limit: int = 1000
) -> list[Task]:
    """What waits, the oldest first; what somebody could not do is among them."""
    rows = _narrowed(application)
    if person is not None:
        rows = rows.filter(person=person)
    return _tasks(list(rows.order_by("asked_at", "pk")[:limit]))


def to_do() -> list[Task]:
    """Those that nobody has looked at yet."""
    return [task for task in tasks() if not task.could_not]


def tasks_page(
    *, application: str | None = None, cursor: str = "", size: int = 25
) -> tuple[list[Task], Page[SignOut]]:
    """One page of them, in the order in which they were asked for."""
    found = page(_narrowed(application), order=("id",), cursor=cursor, size=size)
    return _tasks(list(found.rows)), found


def task(number: int) -> Task:
    """One that waits. Raises `LookupError`."""
    (found,) = _tasks([_found(_live(), number)])
    return found


def count() -> int:
    """How many wait that nobody has said to be impossible."""
    return SignOut.objects.filter(state=SignOut.State.OPEN).count()


@dataclass(frozen=True, slots=True)
class Waiting:
    """Whoever is to be signed out of one application: how many, how many of them nobody could,
    since when, and the names of the first."""

    application: Application
    count: int
    undone: int
    since: datetime
    first: tuple[str, ...]


def by_application(slug: str | None = None) -> list[Waiting]:
    """Of each application where there is anybody, or of one."""
    rows = _live() if slug is None else _live().filter(application__slug=slug)
    counted = (
        rows.order_by()
        .values_list("application")
        .annotate(
            n=Count("pk"), undone=Count("pk", filter=Q(state="cannot")), since=Min("asked_at")
        )
    )
    counts = {pk: (n, undone, since) for pk, n, undone, since in counted}
    found = []
    for application in Application.objects.filter(pk__in=list(counts)):
        theirs = rows.filter(application=application).order_by("asked_at", "pk")[:_NAMED]
        names = tuple(row.person.display_name for row in theirs)
        found.append(Waiting(application, *counts[application.pk], names))
    return found


@transaction.atomic
def done(number: int, *, note: str = "") -> None:
    """Somebody has signed them out. Raises `LookupError`."""
    row = _settle(number, SignOut.State.DONE, note)
    _record(Action.SIGN_OUT_DONE, row)


@transaction.atomic
def cannot(number: int, *, note: str) -> None:
    """It cannot be done by hand either: it stays in the list, and nobody is reminded of it. Raises
    `LookupError`, and `TaskRefused` where no reason is given."""
    if not note.strip():
        raise TaskRefused("Say why it cannot be done: whoever looks next has to know.")
    row = _settle(number, SignOut.State.CANNOT, note)
    _record(Action.SIGN_OUT_NOT_DONE, row)


def _settle(number: int, state: SignOut.State, note: str) -> SignOut:
    row = _found(_live().select_for_update(of=("self",)), number)
    row.state, row.note = state, note.strip()
    row.settled_by, row.settled_at = actor()[:200], now()
    row.save(update_fields=["state", "note", "settled_by", "settled_at"])
    return row


def _record(action: Action, row: SignOut) -> None:
    record(
        action,
        subject_kind="person",
        subject_key=str(row.person.uid),
        subject_label=str(row),
        person=str(row.person.uid),
        application=row.application.slug,
        reason=row.note,
        after={TASK: row.pk, "why_by_hand": row.cause},
    )


def _live() -> QuerySet[SignOut]:
    rows = SignOut.objects.filter(state__in=LIVE, person__state__in=CLOSED)
    return rows.select_related("application", "person")


def _narrowed(application: str | None) -> QuerySet[SignOut]:
    if application is None:
        return _live()
    return _live().filter(application=application_named(application))


def _found(rows: QuerySet[SignOut], number: int) -> SignOut:
    row = rows.filter(pk=number).first()
    if row is None:
        raise LookupError(
            f"There is no task S{number}, or it is settled. `tenure tasks list` shows those that "
            "wait."
        )
    return row


def _tasks(rows: list[SignOut]) -> list[Task]:
    at, accounts = now(), _accounts(rows)
    return [_task(row, accounts.get((row.person_id, row.application_id), []), at) for row in rows]


def _accounts(rows: list[SignOut]) -> dict[tuple[int, int], list[Account]]:
    """What they are called there, by person and application."""
    found: dict[tuple[int, int], list[Account]] = defaultdict(list)
    known = Account.objects.filter(
        person__in={row.person_id for row in rows},
        application__in={row.application_id for row in rows},
    ).exclude(situation=Situation.DELETED.value)
    for account in known.order_by("pk"):
        found[account.person_id or 0, account.application_id].append(account)
    return found


def _task(row: SignOut, accounts: list[Account], at: datetime) -> Task:
    application, person = row.application, row.person
    why_not = could_not(row)
    overdue = at - row.asked_at > (application.remind_after or REMIND_AFTER)
    return Task(
        number=row.pk,
        application=application.slug,
        application_name=application.name,
        person=person.display_name,
        person_id=person.pk,
        what=f"Sign {person.display_name} out of {application.name}.",
        how=_how(application),
        steps=(*(_look_for(one) for one in accounts), _SIGN_OUT),
        check=_CHECK,
        why=row.reason,
        cause=row.cause,
        assignee=application.owner or ADMINISTRATORS,
        since=row.asked_at,
        overdue=overdue and not why_not,
        signs_out=True,
        ends_at=row.ends_at.astimezone(zone_of(person)) if row.ends_at else None,
        could_not=why_not,
    )


def _look_for(account: Account) -> str:
    known = account.remote_id and account.remote_id != str(account)
    return f"look for the account {account}" + (
        f" (its id there is {account.remote_id})" if known else ""
    )


def _how(application: Application) -> str:
    """Where and how it is done, as the catalogue has it or somebody has written it down."""
    _, sign_out = closing_ends(application)
    if sign_out or application.connector != "manual":
        return sign_out
    told = complete(application.catalogue_entry, application.connector, application.settings)
    return str(told.get("instructions") or "")
