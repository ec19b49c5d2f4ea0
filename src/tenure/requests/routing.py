"""Who decides about requests at this moment: the core's decision over people as they are now."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Final

from tenure.applications.models import Application
from tenure.configuration.document_requests import Requestable, requestable_of
from tenure.core.approval import Approver, Route, route
from tenure.core.model import LifecycleState
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import find_person, stand
from tenure.requests.models import AccessRequest
from tenure.signin.owners import may_come_in

#: What a decider is to the one who asks, in the audit trail and in letters.
WORDS: Final = {
    Approver.MANAGER: "their manager",
    Approver.OWNER: "owner of the application",
    Approver.NAMED: "named for it",
    Approver.ADMINISTRATORS: "an administrator",
}


#: The same, to the one who asks.
YOURS: Final = {**WORDS, Approver.MANAGER: "your manager"}


class Router:
    """Applications and people, each read once. For one page or one sweep, no longer: who decides
    changes with every import."""

    def __init__(self) -> None:
        rows = Application.objects.exclude(requestable={})
        self.applications = {row.slug: row for row in rows}
        self.policies: dict[str, Requestable] = {}
        for row in self.applications.values():
            policy = requestable_of(row.requestable)
            if policy is not None:
                self.policies[row.slug] = policy
        self._named: dict[str, Person | None] = {}
        self._able: dict[int, bool] = {}
        self._people: dict[str, Person] = {}

    def of(self, request: AccessRequest) -> Route:
        """Who decides about it now. The request's person and their manager should be loaded."""
        return self.route(request.person, request.application)

    def route(self, person: Person, slug: str) -> Route:
        """Who decides about what this person asks for in an application."""
        policy = self.policies.get(slug)
        known: dict[Approver, list[str]] = {}
        if person.manager is not None:
            known[Approver.MANAGER] = [self._key(person.manager)]
        if (owner := self.owner(slug)) is not None:
            known[Approver.OWNER] = [self._key(owner)]
        if policy is not None:
            found = (self._person(number) for number in policy.named)
            known[Approver.NAMED] = [self._key(one) for one in found if one is not None]
        wanted = Approver(policy.approver) if policy is not None else Approver.ADMINISTRATORS
        able = {key for keys in known.values() for key in keys if self.can(self._people[key])}
        return route(wanted, str(person.pk), known, able)

    def people(self, found: Route) -> list[Person]:
        """The people of a route that this router found, by name."""
        return sorted(
            (self._people[key] for key in found.people), key=lambda one: (one.display_name, one.pk)
        )

    def owner(self, slug: str) -> Person | None:
        """The person who looks after it, where the configuration names one."""
        row = self.applications.get(slug)
        return self._person(row.owner) if row is not None and row.owner else None

    def owner_address(self, slug: str) -> str:
        """Where it is looked after, when that is an address and no person's."""
        row = self.applications.get(slug)
        if row is None or "@" not in row.owner or self._person(row.owner) is not None:
            return ""
        return row.owner.strip()

    def slugs_of(self, person: Person, among: Collection[str]) -> list[str]:
        """Those of these applications about which this person may have a word as owner or by
        name."""
        found = []
        for slug in self.policies.keys() & set(among):
            policy = self.policies[slug]
            owner = self.owner(slug)
            named = [self._person(number) for number in policy.named]
            if person.pk in {one.pk for one in (owner, *named) if one is not None}:
                found.append(slug)
        return found

    def can(self, person: Person) -> bool:
        """Whether they are here to decide: let in, started, and not on leave."""
        if person.pk not in self._able:
            state = stand(person, now(), grace=timedelta(0)).state
            away = state in (LifecycleState.ON_LEAVE, LifecycleState.UPCOMING)
            self._able[person.pk] = may_come_in(person) and not away
        return self._able[person.pk]

    def _key(self, person: Person) -> str:
        key = str(person.pk)
        self._people.setdefault(key, person)
        return key

    def _person(self, text: str) -> Person | None:
        """As an owner or a named person is written: an address, an employee number, a name."""
        if text not in self._named:
            try:
                self._named[text] = find_person(text)
            except LookupError:
                self._named[text] = None
        return self._named[text]


def described(found: Route, people: Iterable[Person], *, to_them: bool = False) -> str:
    """`Bo Lind, their manager`; `to_them`: `Bo Lind, your manager`."""
    word = (YOURS if to_them else WORDS)[found.by]
    names = ", ".join(person.display_name for person in people)
    return f"{names}, {word}" if names else word
