"""What one import carries along: its counters, its complaints, and what it may take away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Exists, Max, OuterRef

from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.core.guard import Limit, source_guard_from
from tenure.core.model import LifecycleState
from tenure.people import selectors as people
from tenure.people.models import Person
from tenure.readers.registry import PUSH
from tenure.runs import selectors, services
from tenure.runs.models import Run, RunIssue, RunKind, Severity
from tenure.sources import unread
from tenure.sources.everybody import Everybody
from tenure.sources.held_pushes import settle
from tenure.sources.merging import Merge, merge
from tenure.sources.models import Source, SourceRecord
from tenure.sources.preparing import Prepared
from tenure.sources.rows import MappedRow
from tenure.sources.telling import Telling

#: Kept one by one; beyond that they are counted only, so that a wholly wrong file stays cheap.
MOST_ISSUES = 10_000
#: Counters that are there even when they are zero.
_ALWAYS = ("rows", "added", "changed", "unchanged", "left")


@dataclass(slots=True)
class Work:
    """One import on its way. `accept`: why a guard that trips is overridden, "" where it holds.
    `whole`: everything that the source has is read, so what is not there is absent."""

    source: Source
    run: Run
    at: datetime
    dry_run: bool
    accept: str
    whole: bool = True
    counts: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(_ALWAYS, 0)))
    issues: list[RunIssue] = field(default_factory=list)
    #: How many of the issues are in the database.
    stored: int = 0
    #: Rows of which nobody can say whose they are.
    unreadable: int = 0
    #: Key -> why its row could not be taken, until it is noted with the record; see `unread`.
    bad: dict[str, str] = field(default_factory=dict)
    #: Records that the source says were deleted, by its own names for them.
    gone: set[str] = field(default_factory=set)
    #: Keys that are on several rows of a whole reading, and those rows; see `several`.
    twice: Set[str] = frozenset()
    aside: dict[str, list[Prepared]] = field(default_factory=dict)
    #: Key -> the one that the record had before; see `renumbering`.
    moved: Mapping[str, str] = field(default_factory=dict)
    #: Keys of the rows that were merged, where not everything is read.
    touched: list[str] = field(default_factory=list)
    #: Whether a row with an employee number was seen.
    begun: bool = False
    #: Rows that would make somebody a leaver, as many as the guard may let through.
    leavers: list[MappedRow] = field(default_factory=list)
    leaving: int = 0
    #: Those of them whose last day is to come.
    ending: int = 0
    #: People whom no row of it made a leaver, and who leave all the same: as other sources say, or
    #: by a last day of a first record. `sooner` of them some day, the others now.
    let_go: int = 0
    sooner: int = 0
    #: Ids of the people who have left now.
    left: list[int] = field(default_factory=list)
    #: Leavers of this source within the guard's window whom nobody has approved.
    recent: int = field(init=False)
    limit: Limit = field(init=False)
    #: The highest id of a person who was known before this import; 0: nobody was.
    newest: int = field(init=False)
    #: The people whom its rules may recognise; None: it has no such rules, or nobody was known.
    everybody: Everybody | None = field(init=False)
    #: Key -> id of a person, as text -> in what they are the same; of rows that are asked about.
    unsure: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Where a dry run tells what it would change.
    telling: Telling | None = field(init=False, default=None)
    #: Whether there may be people of this source whose row could not be taken.
    some_unread: bool = field(init=False)
    _population: int | None = field(init=False, default=None)
    _left_lately: int = field(init=False)

    def __post_init__(self) -> None:
        self.limit = source_guard_from(self.source.guard).leavers
        since = self.at - self.limit.window
        lately = selectors.counted_since(RunKind.IMPORT, self.source.slug, since)
        self.recent = lately["left"] + lately["ending"] - lately["approved"]
        self._left_lately = lately["left"]
        self.newest = Person.objects.aggregate(pk=Max("pk"))["pk"] or 0
        self.everybody = Everybody.of(self.source, self.newest)
        self.some_unread = unread.is_any(self.source)
        if self.dry_run:
            self.telling = Telling(people.attribute_labels()[1])

    @property
    def population(self) -> int:
        """People of this source who had not left before any of those: who leaves from a small one
        beside a large one is held as well. Counted when it is asked for first."""
        if self._population is None:
            records = SourceRecord.objects.filter(
                source=self.source, present=True, person=OuterRef("pk")
            )
            here = Person.objects.exclude(state=LifecycleState.LEFT.value)
            self._population = here.filter(Exists(records)).count() + self._left_lately
        return self._population

    @property
    def allowed(self) -> int:
        """How many may leave within the window."""
        return self.limit.allowed(self.population)

    def complain(
        self, severity: Severity, message: str, *, line: int | None = None, key: str = ""
    ) -> None:
        self.counts["errors" if severity is Severity.ERROR else "warnings"] += 1
        if len(self.issues) < MOST_ISSUES:
            self.issues.append(
                RunIssue(run=self.run, severity=severity, line=line, key=key[:300], message=message)
            )

    def refuse(self, key: str, why: str, *, line: int) -> None:
        """This row cannot be taken."""
        self.complain(Severity.ERROR, why, line=line, key=key)
        self.bad[key] = why

    def note_unread(self, keys: Set[str]) -> None:
        """All rows of these keys were looked at: keep of whom one could not be taken."""
        if self.some_unread:
            unread.over(self.source, keys - self.bad.keys())
        if self.bad:
            unread.note(self.source, self.bad, self.at)
            self.some_unread = True
            self.bad.clear()

    def store_issues(self) -> None:
        """Those that are not in the database yet."""
        services.complain(self.issues[self.stored :])
        self.stored = len(self.issues)

    def merge(self, rows: Sequence[MappedRow]) -> Merge:
        """Into records and people. Returns what became of them."""
        if not rows:
            return Merge()
        if not self.whole:
            self.touched += [row.key for row in rows]
        done = merge(self.source, rows, at=self.at, run=self.run.pk, telling=self.telling)
        self.counts["added"] += done.added
        self.counts["changed"] += done.changed
        self.counts["unchanged"] += done.unchanged
        self.counts["left"] += done.left
        self.left += done.leavers
        if self.source.reader == PUSH:
            settle(self.source, [row.key for row in rows])
        for issue in done.issues:
            self.complain(Severity.WARNING, issue.message, line=issue.line, key=issue.key)
        return done


def approve(work: Work, after: Mapping[str, object]) -> None:
    """A guard trips, and whoever imports has said why it is right all the same."""
    record(
        Action.IMPORT_APPROVED,
        subject_kind="source",
        subject_key=work.source.slug,
        subject_label=work.source.name,
        reason=work.accept,
        after=dict(after),
        run=work.run.pk,
    )
