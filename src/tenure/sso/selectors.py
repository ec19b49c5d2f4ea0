"""Reading sign-ins, live sessions at applications, and what applications were told."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count

from tenure.applications.models import Application
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.sso.models import ApplicationSession, Notice, Outcome, SignOn


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


def has_come_in(person: Person, application: Application) -> bool:
    """Whether they were let in there lately: sign-ins are kept for half a year."""
    allowed = Outcome.ALLOWED.value
    return SignOn.objects.filter(person=person, application=application, outcome=allowed).exists()


def open_sessions(*, application: Application | None = None, person: Person | None = None) -> int:
    """How many are signed in at an application, or where a person is."""
    rows = ApplicationSession.objects.filter(ended_at=None)
    if application is not None:
        rows = rows.filter(application=application)
    if person is not None:
        rows = rows.filter(person=person)
    return rows.count()


def sessions_of(person: Person) -> list[ApplicationSession]:
    """Where the person is signed in, what goes on apart from any browser first."""
    rows = ApplicationSession.objects.filter(person=person, ended_at=None)
    found = list(rows.select_related("application"))
    return sorted(found, key=lambda row: (row.portal_session_id is not None, -row.pk))


def not_told(*, within: timedelta) -> list[tuple[Application, int]]:
    """Applications that gave up or refused what they were told lately, and how often."""
    rows = (
        Notice.objects.filter(state=Notice.State.FAILED, settled_at__gt=now() - within)
        .order_by()
        .values_list("application")
        .annotate(n=Count("pk"))
    )
    counts = dict(rows)
    found = Application.objects.filter(pk__in=[pk for pk in counts if pk]).only("slug", "name")
    return [(row, counts[row.pk]) for row in found]


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
