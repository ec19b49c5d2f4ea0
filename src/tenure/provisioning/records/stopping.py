"""The emergency stop: for every application at once, or for one. What waits keeps waiting, nothing
is lost; a drain that is under way ends within about a second."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from tenure.applications.finding import application_named
from tenure.applications.models import Application, Health
from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.core.model import ApplicationMode
from tenure.infra.clock import now
from tenure.people import services as people
from tenure.people.models import Company
from tenure.provisioning.records.plan import REPORT_MODE
from tenure.provisioning.records.waking import queue_drain


@transaction.atomic
def stop_writes(*, reason: str, application: str | None = None) -> bool:
    """Nothing is sent anywhere, or to one application, until writes are resumed. Returns whether
    they were not stopped before: the first reason stays."""
    if application is not None:
        return _pause(application, reason)
    company = _company()
    if company.writes_stopped_at is not None:
        return False
    company.writes_stopped_at, company.writes_stopped_reason = now(), reason
    company.writes_stopped_by = actor()[:200]
    _save(company, Action.WRITES_STOPPED, reason)
    return True


class NotBeforeRestored(ValueError):
    """The tables are those of a backup: the end of that lets writes go on, and nothing else."""


@transaction.atomic
def resume_writes(*, reason: str = "", application: str | None = None) -> bool:
    """Go on after an emergency stop. Returns whether there was one. Raises `NotBeforeRestored`."""
    if application is not None:
        return _unpause(application, reason)
    company = _company()
    if company.restored_at is not None:
        raise NotBeforeRestored(
            "This was restored from a backup, which does not know who has left since. `tenure "
            "restored show` says what is to be done before `tenure restored done` lets writes and "
            "sign-in go on."
        )
    if company.writes_stopped_at is None:
        return False
    company.writes_stopped_at, company.writes_stopped_reason = None, ""
    company.writes_stopped_by = ""
    _save(company, Action.WRITES_RESUMED, reason)
    for slug in Application.objects.values_list("slug", flat=True):
        _wake(slug)
    return True


def may_send(application: int) -> bool:
    """Whether nobody has stopped it meanwhile. Two short queries."""
    if people.company().writes_stopped_at is not None:
        return False
    return Application.objects.filter(
        pk=application, mode=ApplicationMode.LIVE.value, paused_at=None
    ).exists()


def standing_still(slugs: Iterable[str] | None = None) -> dict[str, str]:
    """Application name -> why nothing is sent there at present, for those where that is so. None:
    of all applications."""
    rows = Application.objects.all()
    return still_of(rows if slugs is None else rows.filter(slug__in=set(slugs)))


def still_of(rows: Iterable[Application]) -> dict[str, str]:
    """The same of these applications."""
    found = {}
    company = people.company()
    for row in rows:
        why = why_still(row, company)
        if why:
            found[row.name] = why
    return found


def why_still(row: Application, company: Company, *, trial: bool = False) -> str:
    """Why nothing is sent to the application at present, "" if it is. `trial`: one that does not
    accept us is tried all the same."""
    if row.mode == ApplicationMode.REPORT.value:
        return REPORT_MODE
    if row.paused_at is not None:
        since = f"{row.paused_at:%-d %b %Y %H:%M %Z}"
        return _sentence(f"Stopped by {row.paused_by} since {since}", row.paused_reason)
    if company.writes_stopped_at is not None:
        since = f"{company.writes_stopped_at:%-d %b %Y %H:%M %Z}"
        who = company.writes_stopped_by or "somebody"
        return _sentence(
            f"All writes are stopped by {who} since {since}", company.writes_stopped_reason
        )
    if row.health != Health.OK and not trial:
        return _sentence("It does not accept us", row.stopped_reason)
    return ""


def _sentence(what: str, why: str) -> str:
    return f"{what}: {why}" if why else f"{what}."


def _company() -> Company:
    people.company()
    return Company.objects.select_for_update().get(pk=1)


def _save(company: Company, action: Action, reason: str) -> None:
    company.save(update_fields=["writes_stopped_at", "writes_stopped_reason", "writes_stopped_by"])
    record(
        action,
        subject_kind="company",
        subject_key="1",
        subject_label=company.name,
        reason=reason,
    )


def _pause(slug: str, reason: str) -> bool:
    row = _locked(slug)
    if row.paused_at is not None:
        return False
    row.paused_at, row.paused_reason, row.paused_by = now(), reason, actor()[:200]
    _keep(row, Action.APPLICATION_PAUSED, reason)
    return True


def _unpause(slug: str, reason: str) -> bool:
    row = _locked(slug)
    if row.paused_at is None:
        return False
    row.paused_at, row.paused_reason, row.paused_by = None, "", ""
    _keep(row, Action.APPLICATION_UNPAUSED, reason)
    _wake(slug)
    return True


def _locked(slug: str) -> Application:
    return Application.objects.select_for_update(no_key=True).get(pk=application_named(slug).pk)


def _keep(row: Application, action: Action, reason: str) -> None:
    row.save(update_fields=["paused_at", "paused_reason", "paused_by"])
    record(
        action,
        subject_kind="application",
        subject_key=row.slug,
        subject_label=row.name,
        application=row.slug,
        reason=reason,
    )


def _wake(slug: str) -> None:
    queue_drain(slug)
