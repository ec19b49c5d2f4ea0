"""What a person may ask for: what applications say that may be asked for, less what they have by
rule or for good, and less what is withheld from them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tenure.applications.models import Application, Entitlement
from tenure.configuration.document_requests import Requestable
from tenure.core.access import Access
from tenure.core.decision import Due, Policies, weigh
from tenure.core.expressions import AttributeType, ExpressionError, compile_condition
from tenure.core.groups import ATTRIBUTE
from tenure.core.model import ApplicationMode
from tenure.people.models import Person
from tenure.people.services import facts, schema
from tenure.provisioning.questions.books import books_for
from tenure.provisioning.records import memory
from tenure.requests.models import AccessRequest, State
from tenure.requests.routing import Router, described
from tenure.rules.exceptions import in_force
from tenure.rules.models import AccessException


class Standing(StrEnum):
    """How somebody stands to a thing that may be asked for."""

    FREE = "free"
    HELD = "held"
    ENDS = "ends"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class Thing:
    """The account (`entitlement` empty), or an entitlement with it. `until`: given until then."""

    entitlement: str
    standing: Standing
    until: datetime | None = None
    waiting: AccessRequest | None = None

    @property
    def may_be_asked_for(self) -> bool:
        """Now, by this person."""
        return self.waiting is None and self.standing in (Standing.FREE, Standing.ENDS)


@dataclass(frozen=True, slots=True)
class Offer:
    """One application. `asks`: who decides, in words."""

    application: Application
    policy: Requestable
    things: tuple[Thing, ...]
    asks: str

    @property
    def open(self) -> list[Thing]:
        """What may be asked for now."""
        return [thing for thing in self.things if thing.may_be_asked_for]

    @property
    def waiting(self) -> list[AccessRequest]:
        """What was asked for and not answered."""
        return [thing.waiting for thing in self.things if thing.waiting is not None]

    @property
    def until(self) -> datetime | None:
        """The first end of what was given."""
        return min((thing.until for thing in self.things if thing.until), default=None)

    def thing(self, entitlement: str) -> Thing | None:
        """The one of this key."""
        return next((one for one in self.things if one.entitlement == entitlement), None)


def offers(
    person: Person, at: datetime, *, router: Router | None = None, only: Collection[str] = ()
) -> list[Offer]:
    """All of them, or those of some applications, in the order of the configuration; what nothing
    of can be asked for, and nothing waits or ends of, is left out."""
    routes = router or Router()
    slugs = [
        slug
        for slug, row in routes.applications.items()
        if row.mode == ApplicationMode.LIVE.value
        and slug in routes.policies
        and (not only or slug in only)
    ]
    if not slugs:
        return []
    by_rule = _by_rule(person, slugs, at)
    own = in_force([person.pk], at).get(person.pk, [])
    rows = AccessRequest.objects.filter(person=person, state=State.WAITING)
    waiting = {(row.application, row.entitlement): row for row in rows.select_related("person")}
    entitlements = Entitlement.objects.filter(application__slug__in=slugs, managed=True)
    managed = set(entitlements.values_list("application__slug", "key"))
    attributes = {**schema(), ATTRIBUTE: AttributeType.STRINGS}
    found = []
    for slug in slugs:
        policy = routes.policies[slug]
        things = tuple(
            _thing(key, by_rule.access.get(slug), [e for e in own if e.application == slug],
                   waiting.get((slug, key)))
            for key in ("", *(key for key in policy.entitlements if (slug, key) in managed))
        )  # fmt: skip
        if not _may_ask(policy, by_rule, attributes):
            things = tuple(thing for thing in things if thing.waiting or thing.until)
        if not any(t.may_be_asked_for or t.waiting or t.until for t in things):
            continue
        route = routes.route(person, slug)
        asks = described(route, routes.people(route), to_them=True)
        found.append(Offer(routes.applications[slug], policy, things, asks))
    return found


def _by_rule(person: Person, slugs: list[str], at: datetime) -> Due:
    """What the rules alone give."""
    books = books_for(set(slugs))
    compiled = Policies(rules=books.rules, mappings={}, applications={}, groups=books.groups)
    remembered = memory.recall([person.pk]).get(person.pk)
    return weigh(facts(person, at), compiled, at, memory=remembered)


def _may_ask(policy: Requestable, due: Due, attributes: dict[str, AttributeType]) -> bool:
    """A condition that cannot be asked (an attribute is gone) lets nobody ask."""
    if policy.when is None:
        return True
    try:
        return compile_condition(policy.when, attributes).holds(due.attributes)
    except ExpressionError:
        return False


def _thing(
    key: str,
    access: Access | None,
    own: list[AccessException],
    waiting: AccessRequest | None,
) -> Thing:
    if any(not e.gives and e.entitlement in ("", key) for e in own):
        return Thing(key, Standing.WITHHELD, waiting=waiting)
    if access is not None and (not key or key in access.entitlements):
        return Thing(key, Standing.HELD, waiting=waiting)
    # An entitlement brings the account with it.
    given = [e for e in own if e.gives and (e.entitlement == key or not key)]
    if any(e.until is None for e in given):
        return Thing(key, Standing.HELD, waiting=waiting)
    if given:
        until = max(e.until for e in given if e.until is not None)
        return Thing(key, Standing.ENDS, until, waiting)
    return Thing(key, Standing.FREE, waiting=waiting)
