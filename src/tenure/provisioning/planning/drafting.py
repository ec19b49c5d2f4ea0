"""Deciding for many people, chunk by chunk: read tables, ask the core, give decisions back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import QuerySet

from tenure.applications.finding import application_named
from tenure.applications.models import Application
from tenure.core.access import AccessException, Memory
from tenure.core.decision import Decision, Due, Policies, decide, held, weigh
from tenure.core.model import Observed, OperationState, PersonFacts
from tenure.infra.bulk import among
from tenure.infra.instances import read
from tenure.people.models import Person
from tenure.people.services import attribute_book, due_for_a_look, facts, lagging, leaver_grace
from tenure.provisioning.models import Operation
from tenure.provisioning.reconciliation.correlating import Possible
from tenure.provisioning.records import memory, veiling
from tenure.provisioning.records.loading import Protecting, exceptions, observed, policies

CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Scope:
    """Which people and applications to plan for. Nobody named: everybody who lags, and those whose
    operations failed when `failed_too`. `orphans`: accounts of nobody, by id, for which what failed
    is tried again."""

    application: str | None = None
    person: int | None = None
    people: frozenset[int] | None = None
    failed_too: bool = True
    everybody: bool = False
    orphans: frozenset[int] = frozenset()

    def among(self, applications: Mapping[str, Application]) -> dict[str, Application]:
        """Those of the applications, by slug, that are planned for."""
        return {s: row for s, row in applications.items() if self.application in (None, s)}


@dataclass(frozen=True, slots=True)
class Draft:
    """One person, decided. `decided`: their exceptions, `remembered`: their graces, as they were
    when that was done."""

    person: Person
    observed: tuple[Observed, ...]
    decision: Decision
    decided: Sequence[AccessException]
    remembered: Memory

    def within(self, application: str | None) -> Draft:
        """As much of the decision as concerns one application; None: all of it."""
        if application is None:
            return self
        whole = self.decision
        operations = tuple(o for o in whole.operations if o.application == application)
        problems = tuple(p for p in whole.problems if p.application == application)
        return replace(self, decision=replace(whole, operations=operations, problems=problems))


class Drafting:
    """Everything that one round of planning loads once."""

    def __init__(self, scope: Scope, now: datetime) -> None:
        self.scope = scope
        self.applications = {row.slug: row for row in Application.objects.all()}
        if scope.application is not None:
            application_named(scope.application)
        self.attributes = attribute_book()
        self.policies: Policies = policies(list(self.applications.values()), self.attributes)
        sensitive = {slug: one.sensitive for slug, one in self.policies.applications.items()}
        self.veil = veiling.veil_over(sensitive)
        self.sealing = veiling.Sealing(self.veil)
        self._grace = leaver_grace()
        # Of a rule that is gone as well: one of its name, later, is another rule.
        self._remembers = self.policies.rules.has_grace or memory.is_kept()
        self.slugs = {row.pk: row.slug for row in self.applications.values()}
        self._look(now)

    def _look(self, now: datetime) -> None:
        """What depends on how people are now."""
        self.now = now
        self._protecting = Protecting(self.applications.values())
        people = self.scope.people if self.scope.person is None else [self.scope.person]
        self._possible = Possible(self.applications.values(), people, self.attributes.kinds)

    def anew(self, now: datetime) -> Drafting:
        """The same by the same rules, of people who may be others now."""
        later = copy(self)
        later._look(now)
        return later

    def keys(self) -> list[int]:
        """The ids of everybody in scope, in order."""
        if self.scope.person is not None:
            return [self.scope.person]
        if self.scope.people is not None:
            return sorted(self.scope.people)
        if self.scope.everybody:
            return list(Person.objects.order_by("pk").values_list("pk", flat=True))
        return sorted(self._wanted())

    def _wanted(self) -> set[int]:
        """Who has to be looked at: each kind by an index of its own. Asked for together they
        would cost a look at everybody."""
        found = set(_ids(Person.objects.filter(lagging())))
        found.update(_ids(Person.objects.filter(due_for_a_look(self.now))))
        if self.scope.failed_too:
            failed = Operation.objects.filter(
                # All applications, named: the index begins with them.
                application__in=[row.pk for row in self.applications.values()],
                state=OperationState.FAILED.value,
                person__isnull=False,
            )
            found.update(failed.order_by().values_list("person_id", flat=True).distinct())
        return found

    def chunks(self) -> Iterator[list[Draft]]:
        """Drafts of everybody in scope, in chunks. People come in the order of their ids."""
        for keys in batched(self.keys(), CHUNK):
            yield self.drafts(keys)

    def drafts(self, keys: Sequence[int]) -> list[Draft]:
        """Drafts of these people, as far as they are there."""
        rows = read(Person.objects.filter(pk__in=among(keys)).order_by("pk"))
        one = self.scope.person is not None
        accounts = observed(keys, self.slugs, self._protecting, ahead=one)
        decided = exceptions(keys, self.now)
        remembered = memory.recall(keys) if self._remembers else {}
        return [
            self._draft(
                row,
                (*accounts.get(row.pk, ()), *self._possible.of(row)),
                decided.get(row.pk, ()),
                remembered.get(row.pk, {}),
            )
            for row in rows
        ]

    def draft(self) -> Draft:
        """Of the one person who is in scope. Raises `LookupError` where they are gone meanwhile."""
        assert self.scope.person is not None
        found = self.drafts([self.scope.person])
        if not found:
            raise LookupError("This person is not there any more: they were made one with another.")
        return found[0]

    def due(self, draft: Draft) -> Due:
        """What the rules, and the person's exceptions to them, give."""
        return weigh(
            self.facts(draft.person),
            self.policies,
            self.now,
            exceptions=draft.decided,
            memory=draft.remembered,
            held=held(draft.observed),
        )

    def facts(self, person: Person) -> PersonFacts:
        """The person as they are decided about."""
        return facts(person, self.now, self._grace)

    def again(self, draft: Draft, at: datetime) -> Draft:
        """The same person at another instant, with the accounts and the memory of `draft`."""
        self.now = at
        decided = exceptions([draft.person.pk], at).get(draft.person.pk, ())
        return self._draft(draft.person, draft.observed, decided, draft.remembered)

    def _draft(
        self,
        person: Person,
        accounts: tuple[Observed, ...],
        decided: Sequence[AccessException],
        remembered: Memory,
    ) -> Draft:
        decision = decide(
            self.facts(person),
            accounts,
            self.policies,
            self.now,
            exceptions=decided,
            memory=remembered,
        )
        draft = Draft(person, accounts, decision, decided, remembered)
        return draft.within(self.scope.application)


def batched(keys: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """The keys in their order, so many at a time."""
    return (keys[start : start + size] for start in range(0, len(keys), size))


def _ids(rows: QuerySet[Person]) -> QuerySet[Person, int]:
    return rows.order_by().values_list("pk", flat=True)
