"""Reading sources, how their last import went, and which records a person is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count, Q, QuerySet

from tenure.core.model import Attributes
from tenure.figures.services import figure, register
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

    @property
    def read_at(self) -> datetime | None:
        """When it was read last, or could not be. Where nothing had changed that left no run."""
        times = [self.source.read_at, self.last.touched_at if self.last else None]
        return max((one for one in times if one), default=None)


def sources() -> list[SourceRow]:
    """All sources in the order of their precedence. Six queries, whatever their number. Of a great
    many records the number is that of a moment ago."""
    rows, records = list(Source.objects.all()), _records()
    last = runs.last_by_subject(RunKind.IMPORT)
    whole = runs.last_by_subject(RunKind.IMPORT, whole=True)
    shown = {run.pk: run for run in (*last.values(), *whole.values())}
    issues = runs.issue_counts(list(shown.values()))
    found = []
    for row in rows:
        mine = {run.pk for found in (last, whole) if (run := found.get(row.slug))}
        counts = [issues.get(pk, {}) for pk in mine]
        here, gone = records.get(str(row.pk), (0, 0))
        found.append(
            SourceRow(
                source=row,
                records=here,
                gone=gone,
                last=last.get(row.slug),
                whole=whole.get(row.slug),
                errors=sum(count.get("error", 0) for count in counts),
                warnings=sum(count.get("warning", 0) for count in counts),
            )
        )
    return found


def _records() -> dict[str, tuple[int, int]]:
    """Id of a source, as text -> how many of its records are present, and how many gone."""
    found: dict[str, tuple[int, int]] = figure(_RECORDS, table="sources_sourcerecord")
    return found


def _count_records() -> dict[str, tuple[int, int]]:
    here, gone = Count("pk", filter=Q(present=True)), Count("pk", filter=Q(present=False))
    rows = SourceRecord.objects.order_by().values("source").annotate(here=here, gone=gone)
    return {str(row["source"]): (row["here"], row["gone"]) for row in rows}


_RECORDS: Final = "records of sources"
register(_RECORDS, _count_records)


def source(slug: str) -> Source | None:
    """One source."""
    return Source.objects.filter(slug=slug).first()


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
        .order_by("source__position", "key", "pk")
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
