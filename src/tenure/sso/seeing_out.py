"""Seeing people out: those whose access has ended are looked at again and again, as their receipt
has it, until it is known of every application that they are out. Where nothing of ours can end what
they are signed in to, a person is asked to (`SignOut`), once; and is not any more where that is
moot: the account is deleted, the session had its end, they are back. What comes of a task is in
`by_hand`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet

from tenure.applications.models import Account
from tenure.audit.models import Action
from tenure.audit.services import event, record, record_many
from tenure.core.instants import told
from tenure.core.model import LifecycleState
from tenure.core.receipt import LASTS, Verdict
from tenure.infra.clock import now
from tenure.infra.jobs import defer_once
from tenure.people.endings import CLOSED
from tenure.people.models import Person
from tenure.people.services import zone_of
from tenure.sso.heard import TASK, Trail
from tenure.sso.models import ApplicationSession, SeenOut, SignOut
from tenure.sso.receipt import Line, lines_of
from tenure.sso.session_facts import LIVE

_log = logging.getLogger(__name__)

#: They are looked at again after a quarter of the time since their access ended, within these.
_SOON: Final = timedelta(seconds=10)
_SELDOM: Final = timedelta(hours=6)
#: Nothing is left to look at.
_OVER: Final = frozenset({Verdict.DONE, Verdict.SAID, Verdict.BY_ITSELF, Verdict.NOTHING})
_AT_ONCE: Final = 100
#: Whoever closes the account by hand is asked to look at sessions, too, and a deleted account has
#: none: for so long it is waited for what becomes of the account.
_PATIENCE: Final = timedelta(minutes=1)
_FIRST_LOOK: Final = timedelta(seconds=5)
_AFTER_A_FAULT: Final = timedelta(minutes=10)


def watch(people: Sequence[Person]) -> None:
    """From now on those of them who have, or had, anything anywhere are seen out. For
    `people.endings`: in the transaction that ends their access."""
    keys, at = [person.pk for person in people], now()
    known = set(Account.objects.filter(person__in=keys).values_list("person_id", flat=True))
    known |= set(
        ApplicationSession.objects.filter(person__in=keys).values_list("person_id", flat=True)
    )
    rows = [
        SeenOut(person=one, since=at, next_look_at=at + _FIRST_LOOK)
        for one in people
        if one.pk in known
    ]
    SeenOut.objects.bulk_create(
        rows,
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["person"],
        update_fields=["since", "next_look_at"],
    )


def wake_due() -> None:
    """Have those looked at who are due, if there are any; one job that waits already is enough."""
    if _due().exists():
        defer_once("tenure.see_out", queueing_lock="see out")


def _due() -> QuerySet[SeenOut]:
    """Whose time has come, and who is back: what was done for them by hand is of the past."""
    return SeenOut.objects.filter(Q(next_look_at__lte=now()) | ~Q(person__state__in=CLOSED))


def look_again(person: Person) -> None:
    """Something has become known of what they are signed in to. In the caller's transaction."""
    SeenOut.objects.filter(person=person).update(next_look_at=now())


def look_due() -> bool:
    """Look at those who are due, so many. Returns whether there may be more."""
    found = list(_due().order_by("next_look_at", "pk").values_list("pk", flat=True)[:_AT_ONCE])
    for pk in found:
        try:
            _look(pk)
        except DatabaseError:
            raise
        except Exception:  # A fault of ours fails what met it, and nothing else.
            _log.exception("Somebody (%s) cannot be seen out", pk)
            SeenOut.objects.filter(pk=pk).update(next_look_at=now() + _AFTER_A_FAULT)
    return len(found) == _AT_ONCE


@transaction.atomic
def _look(pk: int) -> None:
    rows = SeenOut.objects.select_for_update(of=("self",), skip_locked=True)
    row = rows.filter(pk=pk).select_related("person").first()
    if row is None:
        return
    person = row.person
    if person.state not in CLOSED:
        _withdraw(SignOut.objects.filter(person=person), "they have access again")
        SignOut.objects.filter(person=person, past=False).update(past=True)
        row.delete()
        return
    lines, at = lines_of(person, Trail(person)), now()
    age = at - row.since
    for line in lines:
        moving = any(one.part.verdict is Verdict.UNDER_WAY for one in line.accounts)
        if not moving or age > _PATIENCE:
            _settle(person, line)
    if age > timedelta(days=1) and all(line.verdict in _OVER for line in lines):
        row.delete()
        return
    if age > LASTS and not any(line.sessions.cause for line in lines):
        row.delete()
        return
    row.next_look_at = at + min(max(age / 4, _SOON), _SELDOM)
    row.save(update_fields=["next_look_at"])


def _settle(person: Person, line: Line) -> None:
    """One application: somebody is asked, or is not any more."""
    asked, part = line.open_task, line.sessions
    if not part.cause:
        if asked is not None:
            _withdraw(SignOut.objects.filter(pk=asked.pk), _because(line))
        return
    if asked is not None:
        if (asked.cause, asked.ends_at) != (part.cause, line.ends_at):
            asked.cause, asked.ends_at = part.cause, line.ends_at
            asked.save(update_fields=["cause", "ends_at"])
        return
    made, new = SignOut.objects.get_or_create(
        person=person,
        application=line.application,
        state=SignOut.State.OPEN,
        defaults={
            "reason": _reason(person),
            "cause": part.cause,
            "ends_at": line.ends_at,
            "asked_at": now(),
        },
    )
    if new:
        record(
            Action.SIGN_OUT_ASKED,
            subject_kind="person",
            subject_key=str(person.uid),
            subject_label=str(made),
            person=str(person.uid),
            application=line.application.slug,
            reason=part.cause,
            after={TASK: made.pk, "ends_at": _iso(line.ends_at)},
        )


def withdraw_moot() -> int:
    """Of those who are back, and what had its end: found without a receipt. Returns how many."""
    back, over = ~Q(person__state__in=CLOSED), Q(ends_at__lte=now())
    every = SignOut.objects.all()
    return _withdraw(every.filter(back), "they have access again") + _withdraw(
        every.filter(over), "it was to end by itself by now"
    )


@transaction.atomic
def _withdraw(which: QuerySet[SignOut], because: str) -> int:
    rows = list(
        which.filter(state__in=LIVE)
        .select_for_update(of=("self",))
        .select_related("person", "application")
        .order_by("pk")
    )
    if not rows:
        return 0
    SignOut.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=SignOut.State.WITHDRAWN, settled_at=now(), note=because
    )
    record_many(
        [
            event(
                Action.SIGN_OUT_NOT_NEEDED,
                subject_kind="person",
                subject_key=str(row.person.uid),
                subject_label=str(row),
                person=str(row.person.uid),
                application=row.application.slug,
                reason=because,
                after={TASK: row.pk},
            )
            for row in rows
        ]
    )
    return len(rows)


def _because(line: Line) -> str:
    """Why nobody has to be asked any more: as the receipt has it."""
    return line.sessions.words.rstrip(".")


def _reason(person: Person) -> str:
    """Why their access has ended, and since when by their own clock."""
    words = {LifecycleState.SUSPENDED.value: "suspended", LifecycleState.LEAVING.value: "leaves"}
    what = words.get(person.state, "left")
    since = f" {told(person.state_since.astimezone(zone_of(person)))}" if person.state_since else ""
    why = person.termination_reason if person.state in (LifecycleState.LEAVING, "left") else ""
    return f"{what}{since}" + (f", reason: {why}" if why else "")


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
