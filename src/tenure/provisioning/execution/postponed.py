"""Plans that could not be made while an operation was under way, made as soon as its outcome is
known: what a person decided is carried out whatever the plan mode, and however long it takes.
Which they are is noted where plans are stored (`replacing`)."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from tenure.applications.models import Account, Application
from tenure.audit.services import acting
from tenure.infra.clock import now
from tenure.infra.machine_clock import now_for_all
from tenure.people import services as people
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import ledger, plans
from tenure.provisioning.planning.drafting import Scope


def catch_up(application: Application | None = None) -> None:
    """Plan what was postponed and can be planned now."""
    if not any_waits(application):
        return
    with transaction.atomic():
        whose = set(_rows(application).exclude(person=None).values_list("person_id", flat=True))
        people.lock(whose)
        # Whoever was postponed meanwhile is not locked, and planned the next time.
        theirs = _rows(application).filter(person__in=whose)
        rows = list(theirs.select_for_update(of=("self",), skip_locked=True))
        Operation.objects.filter(pk__in=[row.pk for row in rows]).update(postponed=None)
        alike: dict[tuple[bool, str, str], set[int]] = {}
        for row in rows:
            said: dict[str, Any] = row.postponed or {}
            if row.person_id is not None:
                key = (bool(said["decided"]), str(said["by"]), str(said["reason"]))
                alike.setdefault(key, set()).add(row.person_id)
        for (decided, by, reason), keys in sorted(alike.items()):
            with acting(by):
                scope = Scope(people=frozenset(keys))
                plans.store(
                    scope, now=now_for_all(), reason=reason, decided=decided, by_itself=not decided
                )


def any_waits(application: Application | None = None) -> bool:
    """Whether something that was postponed can be planned now. In the order of the index of what
    was postponed: PostgreSQL takes nearly everything that was just stored for postponed, and would
    look all of it through for the first."""
    return _rows(application).order_by("pk").values_list("pk").first() is not None


def after_arrival() -> None:
    """Plan those anew at whose accounts everything that a dead worker sent has arrived: what was
    done meanwhile may have been undone by it."""
    due = Account.objects.filter(unsure_until__lte=now())
    if not due.exists():
        return
    with transaction.atomic():
        rows = list(due.select_for_update(skip_locked=True).values_list("pk", "person_id"))
        Account.objects.filter(pk__in=[pk for pk, _ in rows]).update(unsure_until=None)
        theirs = frozenset(person for _, person in rows if person is not None)
        scope = Scope(people=theirs)
        plans.store(scope, reason="what was under way has arrived", by_itself=True)


def _rows(application: Application | None) -> Any:
    rows = Operation.objects.filter(postponed__isnull=False).exclude(ledger.BUSY)
    return rows if application is None else rows.filter(application=application)
