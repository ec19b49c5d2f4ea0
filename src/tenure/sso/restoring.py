"""After the tables were restored from a backup: what was done since the backup is not in them.

A backup does not know who was terminated after it was made. Going by it would open their accounts
again and let them sign in. So nothing is sent and nobody but administrators comes in before every
source and every application was read again, and before a person has looked at the accounts that
somebody closed meanwhile while the backup has their owners as working here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.db.models import Q

from tenure.applications.models import Account, Application
from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.core.model import ApplicationMode
from tenure.infra.backups import MARK
from tenure.infra.clock import now
from tenure.people import services as people
from tenure.people.endings import CLOSED
from tenure.people.models import Company, Person
from tenure.provisioning.questions.standing import Standings
from tenure.provisioning.records.stopping import resume_writes
from tenure.runs.models import DRY_RUN, PARTIAL, Run, RunKind, RunState
from tenure.signin.endings import close_all
from tenure.sources.models import Source
from tenure.sso.endings import end_all

_BECAUSE: Final = "restored from a backup"


class NotReady(ValueError):
    """It cannot be ended yet; `str()` says what is to be done."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Somebody's account that was open in the backup and is not any more."""

    person: Person
    application: str
    user_name: str
    gone: bool

    @property
    def said(self) -> str:
        return f"{self.user_name} in {self.application} {'is gone' if self.gone else 'is closed'}"


@dataclass(frozen=True, slots=True)
class Restored:
    """How far it is. `unread`: applications and sources (slugs) that were not read since."""

    since: datetime
    applications: tuple[str, ...]
    sources: tuple[str, ...]
    closed: tuple[Closed, ...]


def take_mark() -> None:
    """Begin where somebody has loaded a backup, and left the mark that says so."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT of FROM {MARK}")
        of = " ".join(str(said) for (said,) in cursor.fetchall())
        begin(of)
        cursor.execute(f"DROP TABLE {MARK}")


@transaction.atomic
def begin(of: str) -> None:
    """The tables are those of a backup: `of` says of which. Nothing is sent, nobody comes in, and
    everybody is planned anew."""
    people.company()
    row = Company.objects.select_for_update().get(pk=1)
    row.restored_at = at = now()
    if row.writes_stopped_at is None:
        row.writes_stopped_at, row.writes_stopped_by = at, actor()[:200]
        row.writes_stopped_reason = f"restored from {of}: see `tenure restored show`"
    row.save(
        update_fields=[
            "restored_at",
            "writes_stopped_at",
            "writes_stopped_by",
            "writes_stopped_reason",
        ]
    )
    _record(Action.RESTORED, row, of)
    # What waited in the backup may have been done since: nothing goes out as it was planned then.
    people.raise_generation()
    close_all(_BECAUSE)
    end_all(_BECAUSE)


def standing() -> Restored | None:
    """How far it is; None where the tables are not those of a backup."""
    since = people.company().restored_at
    if since is None:
        return None
    live = Application.objects.filter(mode=ApplicationMode.LIVE.value, paused_at=None)
    return Restored(
        since,
        _unread(RunKind.RECONCILE, live.values_list("slug", flat=True), since),
        _unread(RunKind.IMPORT, Source.objects.values_list("slug", flat=True), since),
        tuple(_closed(since)),
    )


@transaction.atomic
def finish(*, reason: str, let_in: Collection[str] = ()) -> None:
    """Sign-in and writes go on. `let_in`: employee numbers of those whose accounts are to be
    opened again although somebody closed them meanwhile. Raises `NotReady`."""
    standing_now = standing()
    if standing_now is None:
        raise NotReady("Nothing was restored from a backup here.")
    undecided = [item for item in standing_now.closed if _number(item.person) not in let_in]
    for what, names in (
        ("applications", standing_now.applications),
        ("sources", standing_now.sources),
    ):
        if names:
            raise NotReady(f"Not read since the backup was restored: the {what} {listed(names)}.")
    if undecided:
        numbers = sorted({_number(item.person) for item in undecided})
        raise NotReady(
            f"{len(numbers)} of whom an account was closed since the backup would come in again: "
            f"{listed(numbers)}. For each of them `tenure terminate NUMBER`, or `--let-in NUMBER` "
            "here."
        )
    people.company()
    row = Company.objects.select_for_update().get(pk=1)
    row.restored_at = None
    row.save(update_fields=["restored_at"])
    again = sorted({_number(item.person) for item in standing_now.closed})
    _record(Action.RESTORE_FINISHED, row, reason, after={"let_in": again})
    # Who had stopped all writes before the backup was made resumes them.
    if row.writes_stopped_at is not None and row.writes_stopped_at >= standing_now.since:
        resume_writes(reason=reason)


def listed(names: Sequence[str], most: int = 10) -> str:
    """The first of them, and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _unread(kind: RunKind, slugs: Iterable[str], since: datetime) -> tuple[str, ...]:
    """Those of which not everything was read since. An application that a person has stopped is
    not asked about: nothing is sent there until they let it go on."""
    whole = Run.objects.filter(kind=kind, state=RunState.DONE, started_at__gte=since)
    whole = whole.exclude(counters__has_key=PARTIAL).exclude(reason=DRY_RUN)
    read = set(whole.values_list("subject", flat=True))
    return tuple(slug for slug in slugs if slug not in read)


def _closed(since: datetime) -> list[Closed]:
    """Accounts that a reading since then found closed or gone, of people who could come in and are
    to have them by the rules: what only somebody who moved has lost is no sign of anything."""
    rows = (
        Account.objects.filter(
            Q(disabled_at__gte=since, active=False) | Q(deleted_at__gte=since),
            person__isnull=False,
        )
        .exclude(person__state__in=CLOSED)
        .select_related("person", "application")
        .order_by("person__employee_number", "application__slug", "pk")
    )
    found = [(row, row.person) for row in rows if row.person is not None]
    applications = list({row.application_id: row.application for row, _ in found}.values())
    standings = Standings([person for _, person in found], applications, now())
    return [
        Closed(person, row.application.slug, str(row), row.deleted_at is not None)
        for row, person in found
        if standings.given(person, row.application).due
    ]


def _number(person: Person) -> str:
    return person.employee_number or str(person.uid)


def _record(action: Action, row: Company, reason: str, after: object = None) -> None:
    record(
        action,
        subject_kind="company",
        subject_key="1",
        subject_label=row.name,
        reason=reason,
        after=after,
    )
