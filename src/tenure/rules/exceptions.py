"""Exceptions: what one person has, or is not to have, whatever the rules say.

Each has a reason, somebody who decided it, and an instant at which it ends by itself, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Coalesce

from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.people.models import Person
from tenure.people.services import raise_generation
from tenure.rules.models import AccessException

#: Slug -> name of the applications, as whoever knows them says.
_called: list[Callable[[], Mapping[str, str]]] = []


class ExceptionRefused(ValueError):
    """It cannot be decided so; `str()` says why and what to do."""


def call_applications(names: Callable[[], Mapping[str, str]]) -> None:
    """Applications are not known here: whoever knows what they are called says so, at start-up."""
    _called[:] = [names]


@transaction.atomic
def add_exception(
    *,
    person: Person,
    application: str,
    entitlement: str = "",
    gives: bool,
    reason: str,
    until: datetime | None,
    now: datetime,
) -> AccessException:
    """Give or withhold, from now on. One that says something else about the same is ended. Whether
    the application and the entitlement exist is checked by the caller. Raises `ExceptionRefused`.
    """
    if not reason.strip():
        raise ExceptionRefused("An exception needs a reason: who looks at it later must know why.")
    if until is not None and until <= now:
        raise ExceptionRefused(f"It would be over already: {until:%-d %b %Y %H:%M %Z} is past.")
    for row in _standing(person).filter(application=application, entitlement=entitlement):
        _end(row, now, "replaced by another decision")
    row = AccessException.objects.create(
        person=person,
        application=application,
        entitlement=entitlement,
        gives=gives,
        reason=reason.strip(),
        decided_by=actor()[:200],
        by_themselves=_decides_about_themselves(person),
        until=until,
        created_at=now,
    )
    _record(Action.EXCEPTION_ADDED, row, row.reason)
    raise_generation([person.pk])
    return row


@transaction.atomic
def end_exception(*, exception: int, reason: str, now: datetime) -> AccessException:
    """The rules alone decide again. Raises `LookupError` where none is in force by that number."""
    row = (
        AccessException.objects.select_for_update()
        .filter(pk=exception, ended_at__isnull=True)
        .select_related("person")
        .first()
    )
    if row is None:
        raise LookupError(
            f"There is no exception {exception} in force. `tenure exceptions list` shows them."
        )
    _end(row, now, reason)
    raise_generation([row.person_id])
    return row


def end_for_leavers(keys: Iterable[int], at: datetime, reason: str) -> None:
    """End these, of people who leave with that: their generation was raised by whatever says so."""
    rows = AccessException.objects.select_for_update(of=("self",)).filter(
        pk__in=list(keys), ended_at__isnull=True
    )
    for row in rows.select_related("person").order_by("pk"):
        _end(row, at, reason)


def end_those_over(now: datetime) -> int:
    """Record the end of those whose time is over. What they gave was no longer due from that
    instant on, whether or not this ran. Returns how many."""
    rows = AccessException.objects.filter(ended_at__isnull=True, until__lte=now)
    count = 0
    for row in rows.select_related("person"):
        with transaction.atomic():
            _end(row, row.until or now, "its time is over")
            raise_generation([row.person_id])
        count += 1
    return count


def in_force(people: Iterable[int], now: datetime) -> dict[int, list[AccessException]]:
    """Person id -> their exceptions, in the order in which they were decided."""
    found: dict[int, list[AccessException]] = {}
    rows = AccessException.objects.filter(person_id__in=list(people), ended_at__isnull=True)
    for row in rows.filter(Q(until__isnull=True) | Q(until__gt=now)).order_by("id"):
        found.setdefault(row.person_id, []).append(row)
    return found


def gave_until(person: Person, application: str, now: datetime) -> datetime | None:
    """When the last exception that gave them this application, or something in it, ended; None
    where none has."""
    rows = AccessException.objects.filter(person=person, application=application, gives=True)
    over = rows.annotate(over=Coalesce("ended_at", "until")).filter(over__lte=now)
    found: datetime | None = over.aggregate(last=Max("over"))["last"]
    return found


def in_application(slug: str, *, most: int = 100) -> list[AccessException]:
    """Those that give or withhold something in an application now, the latest first."""
    rows = AccessException.objects.filter(application=slug, ended_at__isnull=True)
    return list(rows.select_related("person").order_by("-id")[:most])


def given_to_themselves() -> list[AccessException]:
    """What administrators have given to themselves and is in force, the latest first."""
    rows = AccessException.objects.filter(by_themselves=True, gives=True, ended_at__isnull=True)
    return list(rows.select_related("person"))


def _decides_about_themselves(person: Person) -> bool:
    kind, _, name = actor().partition(" ")
    return kind == "administrator" and person.goes_by(name)


def _standing(person: Person) -> QuerySet[AccessException]:
    return AccessException.objects.filter(person=person, ended_at__isnull=True)


def _end(row: AccessException, at: datetime, reason: str) -> None:
    row.ended_at = at
    row.save(update_fields=["ended_at"])
    _record(Action.EXCEPTION_ENDED, row, reason)


def _record(action: Action, row: AccessException, reason: str) -> None:
    names = {slug: name for known in _called for slug, name in known().items()}
    whose = row.person.display_name + (" (by themselves)" if row.by_themselves else "")
    record(
        action,
        subject_kind="exception",
        subject_key=str(row.pk),
        subject_label=f"{whose}: {row.in_words(names.get(row.application, row.application))}",
        application=row.application,
        person=str(row.person.uid),
        reason=reason,
        after={
            "gives": row.gives,
            "entitlement": row.entitlement,
            "until": row.until.isoformat() if row.until else None,
            "by_themselves": row.by_themselves,
        },
    )
