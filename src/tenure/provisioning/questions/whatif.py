"""What would be, if: a plan for a person as they might be. It is done in a transaction, looked at,
and rolled back, so that the answer comes from the same code as the real thing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from tenure.core.staying import Keeping, keeping
from tenure.infra.clock import now
from tenure.people.entered import entered
from tenure.people.models import Person
from tenure.people.services import restand, schema
from tenure.provisioning.planning import ledger, plans
from tenure.provisioning.planning.drafting import Draft, Drafting, Scope
from tenure.provisioning.questions.ahead import Turn, ahead_of
from tenure.provisioning.records.plan import REPORT_MODE, Plan, PlanLine
from tenure.sources.supposing import suppose


@dataclass(frozen=True, slots=True)
class Effect:
    """What an edit adds to the plan and what it takes out of it."""

    plan: Plan
    added: tuple[PlanLine, ...]
    dropped: tuple[PlanLine, ...]

    @property
    def accounts(self) -> int:
        """How many accounts the edit changes."""
        return len({(line.application, line.person_id) for line in (*self.added, *self.dropped)})


@dataclass(frozen=True, slots=True)
class Stay:
    """An application in which less is done than one might think, and why."""

    application: str
    name: str
    reasons: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {"application": self.application, "name": self.name, "reasons": [*self.reasons]}


@dataclass(frozen=True, slots=True)
class Answer:
    """What would be done if HR said something else of a person, what would come after it by itself,
    and where something keeps accounts as they are."""

    effect: Effect
    turns: tuple[Turn, ...]
    stays: tuple[Stay, ...]


def what_if(person: Person, given: Mapping[str, str], *, application: str | None = None) -> Answer:
    """If HR said this of them, in one application or all; an empty text takes an attribute away.
    Raises `LookupError` for an attribute that does not exist, `ValueError` for a value that it
    cannot have."""
    drafting = Drafting(Scope(person=person.pk), now())
    draft = drafting.draft()
    before = plans.lines_of(drafting, draft, application=application)
    kept = _keeps(drafting, draft)
    with _supposed(person, given):
        drafting = drafting.anew(now())  # Not before what is supposed to be so from now on.
        draft = drafting.draft()
        after = effect(before, plans.preview_of(drafting, draft, application=application))
        keeps = _keeps(drafting, draft)
        turns = tuple(ahead_of(drafting, draft))
    busy = {slug for _, slug in ledger.busy_pairs(after.plan.lines)}
    stays = []
    for slug, one in keeps.items():
        if application not in (None, slug) or (slug in kept and kept[slug].wish == one.wish):
            continue
        name = drafting.applications[slug].name
        reasons = (*one.reasons, *_unsent(after, slug, name, busy=slug in busy))
        if reasons:
            stays.append(Stay(slug, name, reasons))
    return Answer(after, turns, tuple(stays))


def _keeps(drafting: Drafting, draft: Draft) -> dict[str, Keeping]:
    who, due = drafting.facts(draft.person), drafting.due(draft)
    return keeping(who, due, draft.observed, drafting.policies, drafting.now)


def _unsent(found: Effect, slug: str, name: str, *, busy: bool) -> Iterator[str]:
    """Why what is planned there would not be sent, or is not planned at all."""
    if busy:
        yield "Something is under way there now; what is due then is planned when it is done."
    if any(line.hold_reason == REPORT_MODE for line in found.added if line.application == slug):
        yield REPORT_MODE
    elif name in found.plan.still:
        yield f"Nothing is sent there now: {found.plan.still[name]}"
    if any(line.application == slug for line in found.plan.rejected):
        yield "Somebody rejected this: it is not planned again until what is due changes."


@contextmanager
def _supposed(person: Person, given: Mapping[str, str]) -> Iterator[None]:
    """The person is as they would be, for as long as it lasts."""
    kinds = schema()
    for name in given:
        if name not in kinds:
            known = ", ".join(sorted(kinds))
            raise LookupError(f"People have no attribute {name!r}. Known: {known}.")
    values = {name: entered(name, text, kinds[name]) for name, text in given.items()}
    with transaction.atomic():
        row = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        try:
            suppose(row, values, now())
            row.generation += 1
            restand([row], now())
            row.save()
            yield
        finally:
            transaction.set_rollback(True)


def effect(before: Iterable[PlanLine], after: Plan) -> Effect:
    """The difference that an edit makes to the lines of a plan for the same people."""
    old = {_key(line): line for line in before}
    new = {_key(line): line for line in after.lines}
    return Effect(
        plan=after,
        added=tuple(line for key, line in new.items() if key not in old),
        dropped=tuple(line for key, line in old.items() if key not in new),
    )


def _key(line: PlanLine) -> tuple[object, ...]:
    changes = tuple((n, repr(c.before), repr(c.after)) for n, c in line.attributes.items())
    return line.application, line.person_id, line.kind, changes, line.grant, line.revoke
