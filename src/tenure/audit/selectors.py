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


def events_of_person(
    person: str, *, actions: Sequence[Action] = (), limit: int = 50
) -> list[Event]:
    """The latest events about a person, by uid; only of these actions if any are given."""
    rows = Event.objects.filter(person=person)
    if actions:
        rows = rows.filter(action__in=list(actions))
    return list(rows.order_by("-id")[:limit])


def changes_of(kind: str, key: str, *, limit: int = 6) -> list[Event]:
    """The latest changes to one thing of the configuration."""
    rows = Event.objects.filter(action=Action.CONFIGURATION_CHANGED)
    return list(rows.filter(subject_kind=kind, subject_key=key).order_by("-id")[:limit])


def last_change(kind: str, key: str) -> Event | None:
    """The latest of them."""
    return next(iter(changes_of(kind, key, limit=1)), None)
