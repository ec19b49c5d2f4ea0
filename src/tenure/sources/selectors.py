"""Reading sources, how their last import went, and which records a person is made of."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q

from tenure.people.models import Person
from tenure.runs import selectors as runs
from tenure.runs.models import Run, RunKind
from tenure.sources.models import Source, SourceRecord


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
