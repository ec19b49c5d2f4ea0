"""What is going to stop an application one day: credentials that die, are refused, or were granted
by somebody who leaves. Told weeks ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q
from django.db.models.functions import Lower

from tenure.applications.models import Application, Authorization
from tenure.core.model import LifecycleState
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import company
from tenure.vault.services import WARN_AHEAD, dying

_LEAVERS = (LifecycleState.LEAVING.value, LifecycleState.LEFT.value, LifecycleState.SUSPENDED.value)
_LEAVE_AHEAD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Warned:
    """One thing to mend. `urgent`: it does not work now. `application` is "" where it is not one
    application's."""

    what: str
    detail: str
    urgent: bool
    application: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an application that is authorised by OAuth stands."""

    grant: str
    scopes: tuple[str, ...]
    authorised: bool
    granted_at: datetime | None = None
    granted_by: str = ""
    refused: str = ""
    renewed_at: datetime | None = None
    access_expires_at: datetime | None = None

    @property
    def by_hand(self) -> bool:
        """Whether somebody has to agree in a browser."""
        return self.grant == "authorization_code"


def standing(application: Application) -> Standing | None:
    """None where it is not authorised by OAuth."""
    row = Authorization.objects.filter(application=application).first()
    return _standing(application, row)


def _standing(application: Application, row: Authorization | None) -> Standing | None:
    if not application.oauth:
        return None
    grant = str(application.oauth.get("grant", "authorization_code"))
    asked = tuple(application.oauth.get("scopes", ()))
    if row is None:
        return Standing(grant, asked, authorised=False)
    return Standing(
        grant=grant,
        scopes=tuple(row.scopes) or asked,
        authorised=row.refused_at is None,
        granted_at=row.granted_at,
        granted_by=row.granted_by,
        refused=row.refused_reason,
        renewed_at=row.renewed_at,
        access_expires_at=row.access_expires_at,
    )


def warnings() -> list[Warned]:
    """Everything to mend, what does not work now first."""
    today = now().date()
    found = [*_expiring(today), *_in_the_box(today), *_authorisations(today)]
    return sorted(found, key=lambda item: (not item.urgent, item.what))


def _expiring(today: date) -> Iterator[Warned]:
    for application in Application.objects.exclude(expires={}):
        for name, text in sorted(application.expires.items()):
            left = date.fromisoformat(text) - today
            if left <= WARN_AHEAD:
                yield Warned(
                    f"The {name} of {application.name} {_dies(left.days)}",
                    "Make a new one in the application, enter it, and set its new last day in "
                    f"applications.{application.slug}.expires.",
                    left.days < 0,
                    application.slug,
                )


def _in_the_box(today: date) -> Iterator[Warned]:
    for secret in dying(today):
        left = secret.days_left(today) or 0
        yield Warned(
            f"The secret {secret.name} {_dies(left)}",
            f"Make a new one, and enter it with `tenure secrets set {secret.name} --expires DATE`.",
            left < 0,
        )


def _authorisations(today: date) -> Iterator[Warned]:
    rows = {row.application_id: row for row in Authorization.objects.all()}
    leavers = _leavers({row.granted_by for row in rows.values()}, today)
    for application in Application.objects.exclude(oauth={}):
        row = rows.get(application.pk)
        found = _standing(application, row)
        if found is None or not found.by_hand:
            continue
        if row is None:
            what = f"{application.name} is not authorised yet"
            yield Warned(what, "Press Authorise on its page.", True, application.slug)
        elif row.refused_at is not None:
            what = f"{application.name} has to be authorised again"
            yield Warned(what, row.refused_reason, True, application.slug)
        elif why := leavers.get(row.granted_by, ""):
            yield Warned(
                f"The authorisation of {application.name} was given by {why}",
                "It may end with their account there: let somebody else authorise it again.",
                False,
                application.slug,
            )


def _leavers(actors: set[str], today: date) -> dict[str, str]:
    """Actor -> the person that they are and when they leave, for those who do."""
    names = {actor: actor.removeprefix("administrator ").strip().casefold() for actor in actors}
    wanted = set(names.values()) - {""}
    if not wanted:
        return {}
    people = Person.objects.annotate(
        lower_email=Lower("email"), lower_name=Lower("display_name")
    ).filter(Q(lower_email__in=wanted) | Q(lower_name__in=wanted))
    found: dict[str, Person] = {}
    for person in people:
        found.setdefault(person.display_name.casefold(), person)
    for person in people:
        found[person.email.casefold()] = person
    ahead = max(_LEAVE_AHEAD, company().leaver_grace or timedelta())
    return {
        actor: why
        for actor, name in names.items()
        if name in found and (why := _leaves(found[name], today, ahead))
    }


def _leaves(person: Person, today: date, ahead: timedelta) -> str:
    """The person and when they leave, "" where they stay."""
    if person.state in _LEAVERS:
        return f"{person.display_name}, who is {person.state.replace('_', ' ')}"
    ends = person.terminated_at.date() if person.terminated_at else person.end_date
    if ends is not None and ends - today <= ahead:
        return f"{person.display_name}, whose last day is {ends}"
    return ""


def _dies(days: int) -> str:
    if days < 0:
        return f"died {-days} day{'s' if days < -1 else ''} ago"
    return "dies today" if days == 0 else f"dies in {days} day{'s' if days > 1 else ''}"
