"""Who may be the same person, as one list: new records that may be somebody's who is known, and
people who may be here twice. Reads only; answers are `answering`'s and `apart`'s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from django.db.models import Count, F, Q, QuerySet

from tenure.infra.paging import Page, page
from tenure.people.models import Person
from tenure.runs.models import Run, RunKind
from tenure.sources.models import PersonPair, RehireQuestion
from tenure.sources.selectors import name_in

Row = TypeVar("Row", RehireQuestion, PersonPair)
#: Which part of the list is looked at.
RECORDS: Final = "records"
PEOPLE: Final = "people"
UNSURE: Final = "unsure"
ANSWERED: Final = "answered"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who it could be, and in what they are the same: "" where they may be back under a
    new number."""

    person: Person
    same: str


@dataclass(frozen=True, slots=True)
class Match:
    """One question: of a new record (`question`) or of two people (`pair`), with whom it may be."""

    candidates: tuple[Candidate, ...]
    question: RehireQuestion | None = None
    pair: PersonPair | None = None

    @property
    def asked(self) -> RehireQuestion | PersonPair:
        asked = self.question or self.pair
        assert asked is not None
        return asked

    @property
    def name(self) -> str:
        if self.question is not None:
            return name_in(self.question)
        assert self.pair is not None
        return self.pair.one.display_name

    @property
    def number(self) -> str:
        if self.question is not None:
            return self.question.key
        assert self.pair is not None
        return self.pair.one.employee_number or ""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many wait for an answer, those apart of which somebody was not sure; and how many have
    one."""

    records: int = 0
    people: int = 0
    unsure: int = 0
    answered: int = 0

    @property
    def waiting(self) -> int:
        return self.records + self.people + self.unsure


def counts() -> Counts:
    """Two queries."""
    kinds = {
        "new": Count("pk", filter=Q(answer="", unsure_at__isnull=True)),
        "unsure": Count("pk", filter=Q(answer="", unsure_at__isnull=False)),
        "answered": Count("pk", filter=~Q(answer="")),
    }
    records = RehireQuestion.objects.order_by().aggregate(**kinds)
    people = _pairs().order_by().aggregate(**kinds)
    return Counts(
        records["new"],
        people["new"],
        records["unsure"] + people["unsure"],
        records["answered"] + people["answered"],
    )


def records_page(*, part: str = RECORDS, cursor: str = "", size: int = 50) -> Page[RehireQuestion]:
    """New records, the oldest first; answered ones the latest first."""
    rows = _part(RehireQuestion.objects.select_related("source", "person"), part)
    return page(rows, order=("-id",) if part == ANSWERED else ("id",), cursor=cursor, size=size)


def pairs_page(*, part: str = PEOPLE, cursor: str = "", size: int = 50) -> Page[PersonPair]:
    """Pairs of people, those first that share what says most."""
    rows = _part(_pairs(), part)
    order = ("-id",) if part == ANSWERED else ("rank", "id")
    return page(rows, order=order, cursor=cursor, size=size)


def of_records(questions: Sequence[RehireQuestion]) -> list[Match]:
    """With the people who it could be, in the order in which they were found. One query."""
    people = Person.objects.in_bulk({pk for row in questions for pk in row.candidates})
    return [
        Match(
            tuple(
                Candidate(people[pk], row.found_by.get(str(pk), ""))
                for pk in row.candidates
                if pk in people
            ),
            question=row,
        )
        for row in questions
    ]


def of_pairs(pairs: Sequence[PersonPair]) -> list[Match]:
    return [Match((Candidate(row.other, row.found_by),), pair=row) for row in pairs]


def everything(*, answered: bool = False) -> list[Match]:
    """Records first; those too that are answered, if `answered`."""
    questions = RehireQuestion.objects.select_related("source", "person")
    pairs = _pairs()
    if not answered:
        questions, pairs = questions.filter(answer=""), pairs.filter(answer="")
    return [*of_records(list(questions)), *of_pairs(list(pairs))]


def pair(pk: int) -> PersonPair | None:
    """One, answered or not."""
    return _pairs().filter(pk=pk).first()


def pairs_of(person: Person) -> list[PersonPair]:
    """Those that wait for an answer about them."""
    return list(_pairs().filter(Q(one=person) | Q(other=person), answer=""))


def last_look() -> Run | None:
    """The latest search for people who are here twice."""
    return Run.objects.filter(kind=RunKind.MATCH).order_by("-id").first()


def _pairs() -> QuerySet[PersonPair]:
    # Who was merged by another way is one person in both places.
    return PersonPair.objects.exclude(one=F("other")).select_related("one", "other")


def _part(rows: QuerySet[Row], part: str) -> QuerySet[Row]:
    if part == ANSWERED:
        return rows.exclude(answer="")
    return rows.filter(answer="", unsure_at__isnull=part != UNSURE)
