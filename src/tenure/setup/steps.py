"""The first steps of an installation, and how far they are: told by what is there, so that they can
be left, resumed, or done by the document or the command line instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import Exists

from tenure.applications.models import Application
from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.infra.clock import now
from tenure.people.models import Company, Person
from tenure.rules.models import AccessRule
from tenure.runs.models import Run, RunKind
from tenure.setup.models import FirstSteps

COMPANY, PEOPLE, APPLICATION, RULE, LOOK = "company", "people", "application", "rule", "look"
NAMES: Final = (
    (COMPANY, "Company"),
    (PEOPLE, "People"),
    (APPLICATION, "Application"),
    (RULE, "First rule"),
    (LOOK, "Look and go"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One of them. `ready`: those before it are done."""

    key: str
    label: str
    done: bool
    ready: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """All of them. `finished`: an administrator said so, or there is nothing left to do."""

    steps: tuple[Step, ...]
    finished: bool
    sample: bool

    @property
    def next(self) -> Step | None:
        """The first that is not done."""
        return next((step for step in self.steps if not step.done), None)

    @property
    def count(self) -> int:
        """How many are done."""
        return sum(1 for step in self.steps if step.done)


def row() -> FirstSteps:
    """The one row. Made at first use."""
    found, _ = FirstSteps.objects.get_or_create(pk=1)
    return found


def progress() -> Progress:
    """How far they are."""
    row()
    # One query, for it is asked with many a page.
    kept = FirstSteps.objects.annotate(
        domain=Exists(Company.objects.exclude(domain="")),
        people=Exists(Person.objects.all()),
        application=Exists(Application.objects.all()),
        rule=Exists(AccessRule.objects.all()),
        ran=Exists(Run.objects.filter(kind=RunKind.EXECUTE)),
    ).get(pk=1)
    done = {
        COMPANY: kept.company_at is not None or kept.domain,
        PEOPLE: kept.people,
        APPLICATION: kept.application,
        RULE: kept.rule,
        LOOK: kept.ran,
    }
    steps, ready = [], True
    for key, label in NAMES:
        steps.append(Step(key, label, done[key], ready))
        ready = ready and done[key]
    finished = kept.finished_at is not None or all(done.values())
    return Progress(tuple(steps), finished, bool(kept.sample))


def company_is_told() -> None:
    """The company's name and domain were looked at."""
    FirstSteps.objects.filter(pk=row().pk, company_at=None).update(company_at=now())


def finish() -> None:
    """The guide is not shown any more."""
    if FirstSteps.objects.filter(pk=row().pk, finished_at=None).update(finished_at=now()):
        record(
            Action.CONFIGURATION_CHANGED,
            subject_kind="first_steps",
            subject_key="guide",
            subject_label="First steps finished",
            after={"done": [step.key for step in progress().steps if step.done]},
        )
