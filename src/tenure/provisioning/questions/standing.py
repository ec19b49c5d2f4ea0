"""Whether one person is to have one application now, by the same rules, exceptions and groups as
provisioning, and how far their account there is. Single sign-on asks at every sign-in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from tenure.applications.models import Account, Application
from tenure.core.decision import Due, Policies, weigh
from tenure.core.model import (
    OPEN_STATES,
    ApplicationMode,
    Attributes,
    OperationKind,
    OperationState,
    PersonFacts,
    Situation,
)
from tenure.core.planner import entitled, may_be_there
from tenure.core.sign_on import Stage
from tenure.people.models import Person
from tenure.people.services import facts
from tenure.provisioning.models import Operation
from tenure.provisioning.questions.books import books_for
from tenure.provisioning.questions.explain import made_ahead, summary
from tenure.provisioning.questions.not_looked_at import NotLookedAt
from tenure.provisioning.records import memory
from tenure.provisioning.records.loading import exceptions, policy_of
from tenure.provisioning.records.work import CLOSES

_MAKES: Final = (OperationKind.CREATE.value, OperationKind.ENABLE.value)
#: A removal that a guard holds, or that a person rejected: the account stays, and the way to it.
_NOT_TAKEN: Final = (OperationState.HELD.value, OperationState.REJECTED.value)
_NOTHING: Final[Mapping[str, frozenset[str]]] = MappingProxyType({})
#: Operations that go on without anybody, and what they wait for otherwise.
_STUCK: Final = {
    OperationState.HELD.value: "It is made once somebody approves it.",
    OperationState.MANUAL.value: "Somebody makes it by hand.",
    OperationState.FAILED.value: "Making it failed.",
}


@dataclass(frozen=True, slots=True)
class Given:
    """`why` says to an administrator by which rules it is due, or why it is not. `attributes` are
    the person's, groups included; `entitlements` what the rules give there. `kept`: no rule gives
    it, and nobody has agreed yet to its being taken away."""

    due: bool
    why: str
    attributes: Attributes
    entitlements: frozenset[str]
    kept: bool = False


@dataclass(frozen=True, slots=True)
class ApplicationStanding:
    """What the rules give, and how far the account is; `detail` says of it what is to be said."""

    given: Given
    account: Account | None
    stage: Stage
    detail: str = ""


class Standings:
    """The rules as they are now, compiled once for these people and applications."""

    def __init__(
        self, people: Sequence[Person], applications: Sequence[Application], at: datetime
    ) -> None:
        keys = [person.pk for person in people]
        self._at = at
        books = books_for({application.slug for application in applications})
        self._compiled = Policies(
            rules=books.rules,
            mappings={},
            applications={row.slug: policy_of(row) for row in applications},
            groups=books.groups,
        )
        self._exceptions = exceptions(keys, at)
        self._remembered = memory.recall(keys)
        self._not_looked_at = NotLookedAt(at)
        self._due: dict[int, Due] = {}

    def given(self, person: Person, application: Application, *, came_in: bool = False) -> Given:
        """Whether the person is to have the application, by rules, exceptions and state.
        `came_in`: they have been let in there before."""
        who, slug = facts(person, self._at), application.slug
        weighed = self._weighed(person, who)
        if weighed.failing and slug not in weighed.access:
            # What cannot be decided takes nothing from who has it.
            account = _account(person, application)
            if account is not None and account.active is not False:
                held = {slug: frozenset(account.entitlements)}
                weighed = self._weigh(person, who, held)
        policy = self._compiled.applications[slug]
        access = weighed.access.get(slug)
        may, there = entitled(who, policy, self._at), may_be_there(who, policy)
        withheld = weighed.withheld.get(slug, "")
        made = made_ahead(who, policy)
        why = summary(who.state, access is not None, may, person, withheld, made=made, there=there)
        if access is not None and may and there:
            why = f"Due by {', '.join(reason.name for reason in access.because)}."
        elif may and there and not withheld and (kept := self._kept(person, application, came_in)):
            # No rule gives it any more, and nobody has said yet that it is to be taken.
            account, said = kept
            return Given(
                due=True,
                why=f"No rule gives it any more; {said}",
                attributes=weighed.attributes,
                entitlements=frozenset(account.entitlements),
                kept=True,
            )
        return Given(
            due=access is not None and may and there,
            why=why,
            attributes=weighed.attributes,
            entitlements=access.entitlements if access else frozenset(),
        )

    def _kept(
        self, person: Person, application: Application, came_in: bool
    ) -> tuple[Account, str] | None:
        """Their open account, where nobody has agreed to its removal, and why not."""
        account = _account(person, application)
        if account is None or account.active is False:
            return None
        if _not_taken(person, application):
            return account, "that it is taken away waits for approval, or was rejected."
        if self._not_looked_at.covers(person, application, came_in=came_in):
            return account, "the plan that takes it away was not applied yet."
        return None

    def _weighed(self, person: Person, who: PersonFacts) -> Due:
        """Once for all applications."""
        if person.pk not in self._due:
            self._due[person.pk] = self._weigh(person, who)
        return self._due[person.pk]

    def _weigh(
        self, person: Person, who: PersonFacts, held: Mapping[str, frozenset[str]] = _NOTHING
    ) -> Due:
        return weigh(
            who,
            self._compiled,
            self._at,
            exceptions=self._exceptions.get(person.pk, ()),
            memory=self._remembered.get(person.pk),
            held=held,
        )


def standing_in(
    person: Person, application: Application, at: datetime, *, came_in: bool = False
) -> ApplicationStanding:
    """How the person stands in the application. `came_in`: they have been let in there before."""
    given = Standings([person], [application], at).given(person, application, came_in=came_in)
    account = _account(person, application)
    stage, detail = _stage(person, application, account) if given.due else (Stage.NONE, "")
    return ApplicationStanding(given, account, stage, detail)


def _account(person: Person, application: Application) -> Account | None:
    return Account.objects.filter(
        person=person, application=application, situation=Situation.LINKED.value
    ).first()


def _not_taken(person: Person, application: Application) -> bool:
    """Whether taking it away was planned, and is held or rejected."""
    return Operation.objects.filter(
        person=person, application=application, state__in=_NOT_TAKEN, takes_access=True
    ).exists()


def _stage(person: Person, application: Application, account: Account | None) -> tuple[Stage, str]:
    states = [state.value for state in OPEN_STATES] + [OperationState.FAILED.value]
    under_way = (
        Operation.objects.filter(
            person=person, application=application, state__in=states, kind__in=_MAKES + CLOSES
        )
        .order_by("-id")
        .first()
    )
    is_open = account is not None and account.active is not False
    held = under_way is not None and under_way.state == OperationState.HELD.value
    if is_open and (under_way is None or held or under_way.kind not in CLOSES):
        return Stage.OPEN, ""
    if under_way is not None and under_way.kind in _MAKES:
        stuck = _STUCK.get(under_way.state)
        return (Stage.BY_HAND, stuck) if stuck else (Stage.COMING, "The account is being made.")
    if application.mode != ApplicationMode.LIVE.value:
        return Stage.NONE, (
            "They have no open account there, and Tenure makes none: mode is report."
        )
    if person.planned_generation < person.generation or under_way is not None:
        return Stage.COMING, "It is planned in a moment."
    return Stage.BY_HAND, "No account is being made; the plan says why."
