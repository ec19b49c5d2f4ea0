"""Reading sources, how their last import went, and which records a person is made of."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from tenure.core.model import Attributes
from tenure.people.models import Person
from tenure.runs import selectors as runs
from tenure.runs.models import Run, RunKind
from tenure.sources.layers import full_name
from tenure.sources.models import RehireQuestion, Source, SourceRecord


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as a list shows it. `records` are those present in the last full read, which is
    `whole`; `last` may have read only what changed. Errors and warnings are of both."""

    source: Source
    records: int
    gone: int
    last: Run | None
    whole: Run | None
    errors: int
    warnings: int


def sources() -> list[SourceRow]:
    """All sources in the order of their precedence. Six queries, whatever their number."""
    rows = list(
        Source.objects.annotate(
            here=Count("records", filter=Q(records__present=True)),
            gone=Count("records", filter=Q(records__present=False)),
        )
    )
    last = runs.last_by_subject(RunKind.IMPORT)
    whole = runs.last_by_subject(RunKind.IMPORT, whole=True)
    shown = {run.pk: run for run in (*last.values(), *whole.values())}
    issues = runs.issue_counts(list(shown.values()))
    found = []
    for row in rows:
        mine = {run.pk for found in (last, whole) if (run := found.get(row.slug))}
        counts = [issues.get(pk, {}) for pk in mine]
        found.append(
            SourceRow(
                source=row,
                records=row.here,
                gone=row.gone,
                last=last.get(row.slug),
                whole=whole.get(row.slug),
                errors=sum(count.get("error", 0) for count in counts),
                warnings=sum(count.get("warning", 0) for count in counts),
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


def records_in(slug: str) -> QuerySet[SourceRecord]:
    """The rows of a source that are there still, to be asked for by person; "": of any source."""
    rows = SourceRecord.objects.filter(present=True)
    return rows.filter(source__slug=slug) if slug else rows


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
    return name_of(question.row["attributes"])


def name_of(attributes: Attributes) -> str:
    """What these attributes call somebody."""
    return str(attributes.get("display_name") or full_name(attributes))
