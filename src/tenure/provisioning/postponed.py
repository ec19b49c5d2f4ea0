"""Plans that could not be made while an operation was under way, made as soon as its outcome is
known: what a person decided is carried out whatever the plan mode, and however long it takes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction

from tenure.applications.models import Application
from tenure.audit.services import acting, actor
from tenure.provisioning import ledger
from tenure.provisioning.models import Operation


def note(pairs: Collection[tuple[int, int]], *, decided: bool, reason: str) -> None:
    """Of these (person, application), with something under way: plan them afterwards. What a person
    decided is not forgotten for what a sweep would like to know."""
    if not pairs:
        return
    rows = Operation.objects.filter(
        ledger.BUSY,
        person_id__in={person for person, _ in pairs},
        application_id__in={application for _, application in pairs},
    )
    if not decided:
        rows = rows.filter(postponed__isnull=True)
    rows.update(postponed={"decided": decided, "by": actor()[:200], "reason": reason})


def catch_up(application: Application | None = None) -> None:
    """Plan what was postponed and can be planned now."""
    from tenure.provisioning import planning
    from tenure.provisioning.drafting import Scope

    if not _rows(application).exists():
        return
    with transaction.atomic():
        rows = list(_rows(application).select_for_update(of=("self",), skip_locked=True))
        Operation.objects.filter(pk__in=[row.pk for row in rows]).update(postponed=None)
        plans: dict[tuple[bool, str, str], set[int]] = {}
        for row in rows:
            said: dict[str, Any] = row.postponed or {}
            if row.person_id is not None:
                key = (bool(said["decided"]), str(said["by"]), str(said["reason"]))
                plans.setdefault(key, set()).add(row.person_id)
        for (decided, by, reason), people in sorted(plans.items()):
            with acting(by):
                scope = Scope(people=frozenset(people))
                planning.store(scope, reason=reason, decided=decided)


def _rows(application: Application | None) -> Any:
    rows = Operation.objects.filter(postponed__isnull=False).exclude(ledger.BUSY)
    return rows if application is None else rows.filter(application=application)
