"""Reading the audit trail."""

from __future__ import annotations

from collections.abc import Sequence

from tenure.audit.models import Action, Event
from tenure.infra.paging import Page, page


def events(
    *,
    action: str = "",
    person: str = "",
    application: str = "",
    cursor: str = "",
    size: int = 50,
) -> Page[Event]:
    """Events, the latest first. `person` is a uid, `application` a slug."""
    rows = Event.objects.all()
    if action:
        rows = rows.filter(action=action)
    if person:
        rows = rows.filter(person=person)
    if application:
        rows = rows.filter(application=application)
    return page(rows, order=("-id",), cursor=cursor, size=size)


def events_of(subject_kind: str, subject_key: str, *, limit: int = 50) -> list[Event]:
    """The latest events about one thing that is no person."""
    rows = Event.objects.filter(subject_kind=subject_kind, subject_key=subject_key)
    return list(rows.order_by("-id")[:limit])


def last_of(subject_kind: str, subject_key: str, action: Action) -> Event | None:
    """The latest event of this kind about one thing."""
    rows = Event.objects.filter(action=action, subject_kind=subject_kind, subject_key=subject_key)
    return rows.order_by("-id").first()


def events_of_person(
    person: str, *, actions: Sequence[Action] = (), limit: int = 50
) -> list[Event]:
    """The latest events about a person, by uid; only of these actions if any are given."""
    rows = Event.objects.filter(person=person)
    if actions:
        rows = rows.filter(action__in=list(actions))
    return list(rows.order_by("-id")[:limit])
