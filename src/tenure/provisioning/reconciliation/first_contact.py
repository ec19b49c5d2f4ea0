"""First contact with an application: its accounts are read before anything is written, and where
people worked in it before us a person looks at what that means before anything is sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from tenure.applications.connecting import managed_attributes, unread_attributes
from tenure.applications.models import Application
from tenure.applications.selectors import situations
from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.core.model import ApplicationMode, OperationKind, OperationState, Situation
from tenure.infra.clock import now
from tenure.people.services import raise_generation
from tenure.provisioning.models import Operation
from tenure.provisioning.records.plan import FirstContact, PlanLine, Seen, Unread
from tenure.provisioning.records.waking import queue_reconcile

#: With more accounts than that in it, an application was in use before us.
HANDFUL = 20
#: In report mode nothing is stored that a person could have looked at: it waits until it is live.
_WAITING = Q(found__gt=HANDFUL, taken_over_at__isnull=True, mode=ApplicationMode.LIVE.value)


def begin(application: Application, *, found: int) -> None:
    """Where accounts were read for the first time everybody is planned anew: what was planned
    before did not know them. Before anything else of the transaction: who has some people already
    and then takes everybody, and who has others, would wait for one another."""
    if found and application.reconciled_at is None:
        raise_generation()


def read(application: Application, *, at: datetime, found: int) -> None:
    """Note that all accounts of the application were read."""
    row = Application.objects.select_for_update(no_key=True).get(pk=application.pk)
    if row.reconciled_at is None:
        row.found = found
        row.taken_over_at = None if found > HANDFUL else at
    row.reconciled_at = at
    # Of the row as it was when the reading began: it may have been edited since.
    row.read_attributes = sorted(managed_attributes(application))
    row.save(update_fields=["reconciled_at", "found", "taken_over_at", "read_attributes"])


def held_back(applications: Iterable[Application]) -> dict[str, str]:
    """Slug -> why nothing is sent to it before a person approves, for applications that were in
    use before us."""
    return {
        row.slug: (
            f"{row.found} accounts were here before Tenure. Nothing is written to them before "
            "somebody has looked at this plan and approved it."
        )
        for row in applications
        if row.found is not None and row.found > HANDFUL and row.taken_over_at is None
    }


def hold(reasons: Mapping[int, str], at: datetime) -> None:
    """Hold everything in these applications (by id) that nobody has approved."""
    for application, reason in reasons.items():
        Operation.objects.filter(
            application_id=application, state=OperationState.PLANNED.value, decided_by=""
        ).update(state=OperationState.HELD.value, hold_reason=reason, held_at=at)


def approved(application: str | None, seen: Seen | None) -> list[str]:
    """Slugs of the applications that an approval takes over: those whose held operations it is
    about, and the one that it names, if there is nothing to hold. `seen`: what was looked at."""
    waiting = Application.objects.filter(_WAITING)
    if application is not None:
        waiting = waiting.filter(slug=application)
    held: dict[str, list[datetime | None]] = {}
    rows = Operation.objects.filter(state=OperationState.HELD.value, application__in=waiting)
    for slug, at in rows.values_list("application__slug", "held_at"):
        held.setdefault(slug, []).append(at)
    nothing_held = application not in held and waiting.exists()
    looked_at = [s for s, times in held.items() if seen is None or any(map(seen.includes, times))]
    return [application] if application and nothing_held else sorted(looked_at)


@transaction.atomic
def approve(slugs: Iterable[str], *, reason: str) -> tuple[str, ...]:
    """A person has looked at the whole plan of these applications: from here on they are like any
    other. Returns their names."""
    names = []
    for row in Application.objects.select_for_update(no_key=True).filter(
        _WAITING, slug__in=list(slugs)
    ):
        row.taken_over_at = now()
        row.save(update_fields=["taken_over_at"])
        names.append(row.name)
        record(
            Action.APPLICATION_TAKEN_OVER,
            subject_kind="application",
            subject_key=row.slug,
            subject_label=row.name,
            application=row.slug,
            reason=reason,
            after=whose(situations(row)),
        )
    return tuple(names)


def pass_what_agrees(slugs: Iterable[str]) -> None:
    """Where every account that was there has its owner and nothing is to be done there is nothing
    to look at: later changes are held by the guards alone."""
    for row in Application.objects.filter(_WAITING, slug__in=list(slugs)):
        counts = whose(situations(row))
        if counts["orphans"] or counts["disputed"] or not counts["adopted"]:
            continue
        open_ones = Operation.objects.filter(application=row).exclude(
            state__in=[OperationState.DONE.value, OperationState.CANCELLED.value]
        )
        if not open_ones.exists():
            approve([row.slug], reason="Every account there is as it should be.")


def summaries(
    applications: Sequence[Application], lines: Iterable[PlanLine]
) -> tuple[FirstContact, ...]:
    """What taking over means, for applications that were not read yet or wait for approval."""
    waiting = held_back(applications)
    found = []
    creates = Counter(line.application for line in lines if line.kind is OperationKind.CREATE)
    for row in applications:
        if row.reconciled_at is not None and row.slug not in waiting:
            continue
        found.append(
            FirstContact(
                application=row.slug,
                application_name=row.name,
                read=row.reconciled_at is not None,
                reporting=row.mode == ApplicationMode.REPORT.value,
                to_create=creates[row.slug],
                **whose(situations(row)),
            )
        )
    return tuple(found)


def needs_reading(application: Application) -> bool:
    """Whether its accounts were never read, or without an attribute that matching, a condition or
    the mapping has come to ask for: nothing may be written to it before."""
    row = Application.objects.get(pk=application.pk)
    return row.reconciled_at is None or bool(unread_attributes(row))


def unread(applications: Iterable[Application]) -> tuple[Unread, ...]:
    """Those that a plan judges without knowing all that is asked of their accounts by now. Of one
    that was never read `summaries` tells."""
    return tuple(
        Unread(row.slug, row.name, tuple(sorted(names)) if row.read_attributes is not None else ())
        for row in applications
        if (names := unread_attributes(row))
    )


def read_what_is_new(applications: Iterable[Application]) -> None:
    """They were edited: have those read soon whose accounts were not read with all that is asked
    of them now, before somebody looks at a plan."""
    for row in applications:
        if unread_attributes(row):
            queue_reconcile(row.slug)


def whose(by: Mapping[Situation, int]) -> dict[str, int]:
    """Every account that is there, counted once, as a first look at an application tells it; and
    how many are `found` in all. Nobody counts accounts for it: each plan asks, for as long as
    nobody has decided."""
    counts = {
        "adopted": by[Situation.LINKED],
        "orphans": by[Situation.UNMATCHED],
        "disputed": by[Situation.DISPUTED] + by[Situation.UNLINKED],
        "ignored": by[Situation.IGNORED],
    }
    return {"found": sum(counts.values()), **counts}
