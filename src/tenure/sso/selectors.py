"""Reading sign-ins, live sessions at applications, and what applications were told."""

from __future__ import annotations

from tenure.applications.models import Application
from tenure.people.models import Person
from tenure.sso.models import ApplicationSession, Notice, SignOn


def sign_ons(
    *, application: Application | None = None, person: Person | None = None, limit: int = 20
) -> list[SignOn]:
    """The last sign-ins, refusals with their reasons, the latest first."""
    rows = SignOn.objects.select_related("person", "application")
    if application is not None:
        rows = rows.filter(application=application)
    if person is not None:
        rows = rows.filter(person=person)
    return list(rows[:limit])


def open_sessions(*, application: Application | None = None, person: Person | None = None) -> int:
    """How many are signed in at an application, or where a person is."""
    rows = ApplicationSession.objects.filter(ended_at=None)
    if application is not None:
        rows = rows.filter(application=application)
    if person is not None:
        rows = rows.filter(person=person)
    return rows.count()


def notices(
    *,
    application: Application | None = None,
    person: Person | None = None,
    state: str = "",
    limit: int = 20,
) -> list[Notice]:
    """What was to be told, and how it went, the latest first."""
    rows = Notice.objects.select_related("person", "application")
    if application is not None:
        rows = rows.filter(application=application)
    if person is not None:
        rows = rows.filter(person=person)
    if state:
        rows = rows.filter(state=state)
    return list(rows[:limit])
