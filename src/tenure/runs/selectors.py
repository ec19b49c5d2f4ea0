"""Reading runs: the latest, pages of them, and what they had to complain about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db import connection
from django.db.models import Count, QuerySet

from tenure.infra.paging import Page, page
from tenure.runs.models import DRY_RUN, PARTIAL, Run, RunIssue, RunKind, RunState, Severity


def run(pk: int) -> Run | None:
    """One run."""
    return Run.objects.filter(pk=pk).first()


def recent(*, limit: int = 6) -> list[Run]:
    """The latest runs of any kind."""
    return list(Run.objects.order_by("-id")[:limit])


def runs_page(*, kind: str = "", subject: str = "", cursor: str = "", size: int = 50) -> Page[Run]:
    """Runs, the latest first."""
    rows = of_kind(kind)
    if subject:
        rows = rows.filter(subject=subject)
    return page(rows, order=("-id",), cursor=cursor, size=size)


def of_kind(kind: str) -> QuerySet[Run]:
    """Runs of a kind, of all for "", in no order."""
    return Run.objects.filter(kind=kind) if kind else Run.objects.all()


def last_by_subject(
    kind: RunKind, *, skip_dry_runs: bool = True, whole: bool = False
) -> dict[str, Run]:
    """Subject -> its latest run of this kind; `whole`: that read everything. Two queries."""
    rows = Run.objects.filter(kind=kind)
    if whole:
        rows = rows.exclude(counters__has_key=PARTIAL)
    if skip_dry_runs:
        rows = rows.exclude(reason=DRY_RUN)
    found = [rows.filter(subject=subject).order_by("-id")[:1] for subject in _subjects(kind)]
    return {row.subject: row for row in found[0].union(*found[1:], all=True)} if found else {}


def _subjects(kind: RunKind) -> list[str]:
    """What runs of this kind were about, each once: jumps from one to the next in the index."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE each AS (
                SELECT min(subject) AS subject FROM runs_run WHERE kind = %(kind)s
                UNION ALL
                SELECT (
                    SELECT min(subject) FROM runs_run
                    WHERE kind = %(kind)s AND subject > each.subject
                ) FROM each WHERE each.subject IS NOT NULL
            )
            SELECT subject FROM each WHERE subject IS NOT NULL
            """,
            {"kind": kind.value},
        )
        return [subject for (subject,) in cursor.fetchall()]


def counted_since(kind: RunKind, subject: str, since: datetime) -> Counter[str]:
    """The sum of the counters of its runs that did anything since then, dry runs apart."""
    rows = Run.objects.filter(kind=kind, subject=subject, touched_at__gte=since)
    sums: Counter[str] = Counter()
    for counters in rows.exclude(reason=DRY_RUN).values_list("counters", flat=True):
        sums.update(counters)
    return sums


def paused() -> list[int]:
    """Ids of the runs of which nothing more is begun at present."""
    return list(Run.objects.filter(state=RunState.PAUSED.value).values_list("pk", flat=True))


def held_imports() -> list[Run]:
    """Imports whose leavers a guard holds: the latest of a source, or its latest that read all of
    it; one of a few records says nothing of what that held."""
    held = {}
    for whole in (True, False):
        for subject, row in last_by_subject(RunKind.IMPORT, whole=whole).items():
            if row.state == RunState.HELD.value:
                held[subject] = row
    return list(held.values())


def issues_page(
    row: Run, *, severity: str = "", cursor: str = "", size: int = 100
) -> Page[RunIssue]:
    """What was wrong, in the order in which it was found."""
    rows = row.issues.all()
    if severity:
        rows = rows.filter(severity=severity)
    return page(rows, order=("id",), cursor=cursor, size=size)


def issue_counts(runs: Sequence[Run]) -> dict[int, dict[str, int]]:
    """Run id -> severity -> how many. One query."""
    found: dict[int, dict[str, int]] = {r.pk: dict.fromkeys(Severity.values, 0) for r in runs}
    rows = (
        RunIssue.objects.filter(run__in=list(found))
        .order_by()
        .values_list("run_id", "severity")
        .annotate(n=Count("pk"))
    )
    for pk, severity, count in rows:
        found[pk][severity] = count
    return found
