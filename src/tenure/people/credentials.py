"""What is going to end one day: credentials that die, are refused, or were granted by somebody who
leaves. Told weeks ahead, the same for applications and sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Q
from django.db.models.functions import Lower

from tenure.core.model import LifecycleState
from tenure.people.models import Person
from tenure.people.services import company
from tenure.vault.parties import APPLICATION, Party, with_rows
from tenure.vault.services import WARN_AHEAD

_LEAVERS = (LifecycleState.LEAVING.value, LifecycleState.LEFT.value, LifecycleState.SUSPENDED.value)
_LEAVE_AHEAD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Warned:
    """One thing to mend. `urgent`: it does not work now. `application` and `source` are "" where it
    is not one's."""

    what: str
    detail: str
    urgent: bool
    application: str = ""
    source: str = ""


def told_of(
    parties: Iterable[tuple[Party, dict[str, str]]], today: date, others: Iterable[Warned] = ()
) -> list[Warned]:
    """All that is to be mended of the credentials of these, each with the last days of its secrets,
    and `others`; what does not work now first."""
    given = list(parties)
    found = [*_expiring(given, today), *others, *_authorisations((p for p, _ in given), today)]
    return sorted(found, key=lambda item: (not item.urgent, item.what))


def _expiring(parties: Iterable[tuple[Party, dict[str, str]]], today: date) -> Iterator[Warned]:
    """Secrets with a last day, by what the configuration says of each: name -> ISO 8601."""
    for party, expires in parties:
        for name, text in sorted(expires.items()):
            left = date.fromisoformat(text) - today
            if left <= WARN_AHEAD:
                yield _warned(
                    party,
                    f"The {name} of {party.name} {dies(left.days)}",
                    f"Make a new one in the {party.kind.word}, enter it, and set its new last day "
                    f"in {party.kind.word}s.{party.slug}.expires.",
                    urgent=left.days < 0,
                )


def _authorisations(parties: Iterable[Party], today: date) -> Iterator[Warned]:
    """Those that somebody agrees to in a browser: not given yet, refused, or given by a leaver."""
    rows = with_rows(party for party in parties if party.oauth and party.by_hand)
    leavers = _leavers({row.granted_by for _, row in rows if row is not None}, today)
    for party, row in rows:
        if row is None:
            what = f"{party.name} is not authorised yet"
            yield _warned(party, what, "Press Authorise on its page.", urgent=True)
        elif row.refused_at is not None:
            what = f"{party.name} has to be authorised again"
            yield _warned(party, what, row.refused_reason, urgent=True)
        elif why := leavers.get(row.granted_by, ""):
            yield _warned(
                party,
                f"The authorisation of {party.name} was given by {why}",
                "It may end with their account there: let somebody else authorise it again.",
                urgent=False,
            )


def dies(days: int) -> str:
    """When, in so many days."""
    if days < 0:
        return f"died {-days} day{'s' if days < -1 else ''} ago"
    return "dies today" if days == 0 else f"dies in {days} day{'s' if days > 1 else ''}"


def _warned(party: Party, what: str, detail: str, *, urgent: bool) -> Warned:
    if party.kind is APPLICATION:
        return Warned(what, detail, urgent, application=party.slug)
    return Warned(what, detail, urgent, source=party.slug)


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
    terminated = person.terminated_at.date() if person.terminated_at else None
    ends = min((day for day in (terminated, person.end_date) if day is not None), default=None)
    if ends is not None and ends - today <= ahead:
        return f"{person.display_name}, whose last day is {ends}"
    return ""
