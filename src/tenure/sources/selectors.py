"""Reading sources, how their last import went, and which records a person is made of."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q

from tenure.people.models import Person
from tenure.runs import selectors as runs
from tenure.runs.models import Run, RunKind
from tenure.sources.layers import full_name
from tenure.sources.models import RehireQuestion, Source, SourceRecord


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as a list shows it. `records` are those present in the last full read."""

    source: Source
    records: int
    gone: int
    last: Run | None
    errors: int
    warnings: int


def sources() -> list[SourceRow]:
    """All sources in the order of their precedence. Four queries, whatever their number."""
    rows = list(
        Source.objects.annotate(
            here=Count("records", filter=Q(records__present=True)),
            gone=Count("records", filter=Q(records__present=False)),
        )
    )
    last = runs.last_by_subject(RunKind.IMPORT)
    issues = runs.issue_counts(list(last.values()))
    found = []
    for row in rows:
        run = last.get(row.slug)
        counts = issues.get(run.pk, {}) if run else {}
        found.append(
            SourceRow(
                source=row,
                records=row.here,
                gone=row.gone,
                last=run,
                errors=counts.get("error", 0),
                warnings=counts.get("warning", 0),
            )
        )
    return found


def source(slug: str) -> Source | None:
    """One source."""
    return Source.objects.filter(slug=slug).first()


def failing() -> list[Source]:
    """Sources whose last imports by schedule failed."""
    return list(Source.objects.exclude(failed_reason="").filter(failures__gt=0))


def source_names() -> dict[str, str]:
    """Slug -> name."""
    return dict(Source.objects.values_list("slug", "name"))


def records_of(person: Person) -> list[SourceRecord]:
    """The rows that the person is made of, with their sources."""
    return list(
        SourceRecord.objects.filter(person=person)
        .select_related("source")
        .order_by("source__position", "key")
    )


@dataclass(frozen=True, slots=True)
class Rehire:
    """A question, and the people who it could be, in the order in which they were found."""

    question: RehireQuestion
    candidates: list[Person]


def rehires(*, everything: bool = False, limit: int | None = None) -> list[Rehire]:
    """The questions that wait for an answer, the oldest first; or all. Two queries."""
    rows = RehireQuestion.objects.select_related("source", "person")
    questions = list((rows if everything else rows.filter(answer=""))[:limit])
    people = Person.objects.in_bulk({pk for row in questions for pk in row.candidates})
    return [Rehire(q, [people[pk] for pk in q.candidates if pk in people]) for q in questions]


def count_rehires() -> int:
    """How many questions wait for an answer."""
    return RehireQuestion.objects.filter(answer="").count()


def rehire(pk: int) -> Rehire | None:
    """One question, answered or not."""
    question = RehireQuestion.objects.select_related("source", "person").filter(pk=pk).first()
    if question is None:
        return None
    people = Person.objects.select_related("manager").in_bulk(question.candidates)
    return Rehire(question, [people[pk] for pk in question.candidates if pk in people])


def name_in(question: RehireQuestion) -> str:
    """What the record calls the person."""
    attributes = question.row["attributes"]
    return str(attributes.get("display_name") or full_name(attributes))
