"""Deciding for many people, chunk by chunk: read tables, ask the core, give decisions back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from tenure.applications.finding import application_named
from tenure.applications.models import Application
from tenure.core.decision import Decision, Policies, decide
from tenure.core.model import Observed, OperationState
from tenure.people.models import Person
from tenure.people.services import due_for_a_look, facts, lagging
from tenure.provisioning.loading import observed, policies
from tenure.provisioning.models import Operation

CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Scope:
    """Which people and applications to plan for. Nobody named: everybody who lags, and those whose
    operations failed when `failed_too`."""

    application: str | None = None
    person: int | None = None
    failed_too: bool = True
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """One person, decided."""

    person: Person
    observed: tuple[Observed, ...]
    decision: Decision


class Drafting:
    """Everything that one round of planning loads once."""

    def __init__(self, scope: Scope, now: datetime) -> None:
        self.scope = scope
        self.now = now
        self.applications = {row.slug: row for row in Application.objects.all()}
        if scope.application is not None:
            application_named(scope.application)
        self.policies: Policies = policies(list(self.applications.values()))
        self._slugs = {row.pk: row.slug for row in self.applications.values()}

    def chunks(self) -> Iterator[list[Draft]]:
        """Drafts of everybody in scope, in chunks. People come in the order of their ids."""
        last = 0
        while True:
            rows = list(self._people().filter(pk__gt=last).order_by("pk")[:CHUNK])
            if not rows:
                return
            last = rows[-1].pk
            accounts = observed([row.pk for row in rows], self._slugs)
            yield [self._draft(row, tuple(accounts.get(row.pk, ()))) for row in rows]

    def _people(self) -> QuerySet[Person]:
        people = Person.objects.all()
        if self.scope.person is not None:
            return people.filter(pk=self.scope.person)
        if self.scope.everybody:
            return people
        wanted = lagging() | due_for_a_look(self.now)
        if self.scope.failed_too:
            failed = Operation.objects.filter(
                person=OuterRef("pk"), state=OperationState.FAILED.value
            )
            wanted |= Q(Exists(failed))
        return people.filter(wanted)

    def _draft(self, person: Person, accounts: tuple[Observed, ...]) -> Draft:
        decision = decide(facts(person, self.now), accounts, self.policies, self.now)
        only = self.scope.application
        if only is not None:
            decision = Decision(
                tuple(o for o in decision.operations if o.application == only),
                tuple(p for p in decision.problems if p.application == only),
                decision.next_look,
            )
        return Draft(person, accounts, decision)
