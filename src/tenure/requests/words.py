"""A request in words: in the audit trail, in letters, on pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from tenure.applications import selectors as applications
from tenure.audit.models import Action
from tenure.audit.services import Entry, event
from tenure.requests.models import AccessRequest


def named(request: AccessRequest, names: Mapping[str, str]) -> str:
    """`Design, with role editor`; `names`: slug -> name of applications."""
    name = names.get(request.application, request.application)
    return f"{name}, with {thing(request.entitlement)}" if request.entitlement else name


def thing(entitlement: str) -> str:
    """`role editor` of `role:editor`."""
    return entitlement.replace(":", " ", 1)


def length(lasts: timedelta) -> str:
    """`1 day`, `2 weeks`, `90 days`, `12 hours`."""
    days, rest = lasts.days, lasts - timedelta(days=lasts.days)
    if rest:
        hours = round(lasts / timedelta(hours=1))
        return f"{hours} hour{'s' if hours != 1 else ''}"
    if days and days % 7 == 0 and days <= 28:
        return f"{days // 7} week{'s' if days != 7 else ''}"
    return f"{days} day{'s' if days != 1 else ''}"


def entry(action: Action, request: AccessRequest, reason: str) -> Entry:
    """What happened to it, by whoever is acting, for the audit trail."""
    what = named(request, applications.application_names())
    return event(
        action,
        subject_kind="request",
        subject_key=str(request.pk),
        subject_label=f"{request.person.display_name}: {what}",
        application=request.application,
        person=str(request.person.uid),
        reason=reason,
        after={
            "entitlement": request.entitlement,
            "lasts": int(request.lasts.total_seconds()),
            "asked_for": request.reason,
            "exception": request.exception_id,
        },
    )
