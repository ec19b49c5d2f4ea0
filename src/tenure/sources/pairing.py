"""People who may be here twice: looked for among everybody who is known, by the rules of all
sources.

What is found waits for an answer (see `apart`). Whoever was told apart is never found again,
whether that was said of the two, of a record of one of them, or by taking back a merge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction
from django.db.models import Max

from tenure.core import duplicates
from tenure.core.acquaintance import SameAttribute
from tenure.core.duplicates import Likeness, Resemblance
from tenure.core.model import LifecycleState
from tenure.infra.bulk import among, insert_rows, update_rows
from tenure.people.models import Person, PersonChange, PersonUnion
from tenure.people.services import schema
from tenure.runs import services as runs
from tenure.runs.models import Run, RunKind, RunState
from tenure.sources.everybody import Everybody
from tenure.sources.models import Answer, PersonPair, RehireQuestion, Source

#: Kept to be answered: nobody answers more, and the strongest come first.
MOST: Final = 2_000
#: One search at a time, whoever asked for it.
_LOCK: Final = 0x7E41


@dataclass(frozen=True, slots=True)
class Found:
    """How many were looked at, who waits for an answer now, how many of them are new, how many more
    there would be; and values that too many people share."""

    people: int
    waiting: int
    new: int
    more: int
    common: int


def rules(*, names_too: bool = False) -> Resemblance:
    """By what people are compared: the rules of every source, and what is one person's alone."""
    certain: list[SameAttribute] = []
    alike: list[list[str]] = []
    for source in Source.objects.all():
        certain += [SameAttribute(**rule) for rule in source.correlation]
        alike += [*source.suggest, *source.rehire]
    return duplicates.resemblance(certain, alike, schema(), names_too=names_too)


def look(*, names_too: bool = False) -> tuple[Run, Found]:
    """Look through everybody, and keep who may be whom. It is a run, with what it found."""
    _close_dead_ones()
    run = runs.start(RunKind.MATCH, reason="names alone too" if names_too else "")
    try:
        with transaction.atomic():
            found = _look(names_too=names_too)
    except Exception as error:
        runs.finish(run, RunState.FAILED, message=f"{type(error).__name__}: {error}"[:1000])
        raise
    counters = {
        "people": found.people,
        "waiting": found.waiting,
        "new": found.new,
        "more": found.more,
        "common": found.common,
    }
    runs.finish(run, message=_told(found), counters=counters, done=found.people, total=found.people)
    return run, found


@transaction.atomic
def _close_dead_ones() -> None:
    """Searches whose process ended before they did: nobody holds their lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        row = cursor.fetchone()
    if row and row[0]:
        runs.abandon(RunKind.MATCH, "")


def _told(found: Found) -> str:
    told = f"{found.waiting:,} pairs of people may be one, {found.new:,} of them new."
    if found.more:
        told += f" {found.more:,} more are found once these are answered."
    if found.common:
        told += (
            f" {found.common:,} values say nothing: more than {duplicates.MOST_ALIKE} people have "
            "each of them."
        )
    return told


def _look(*, names_too: bool) -> Found:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    newest = Person.objects.aggregate(pk=Max("pk"))["pk"] or 0
    likeness = rules(names_too=names_too)
    groups, common = Everybody(likeness, newest).sharing_with_others(duplicates.MOST_ALIKE)
    found = duplicates.pairs(groups, likeness)
    wanted = sorted(_worth_asking(found, likeness), key=lambda one: (one.rank, one.one, one.other))
    new = _keep(wanted[:MOST])
    return Found(
        people=Person.objects.count(),
        waiting=min(len(wanted), MOST),
        new=new,
        more=max(0, len(wanted) - MOST),
        common=common,
    )


def _worth_asking(
    found: Mapping[tuple[int, int], Likeness], rules: Resemblance
) -> Iterable[Likeness]:
    """Without those who are told apart, who have both left, or whose birthdays tell them apart."""
    apart = told_apart()
    days = duplicates.telling(rules, schema())
    ids = {pk for pair in found for pk in pair}
    people = {
        pk: (state, {day: attributes.get(day) for day in days})
        for pk, state, attributes in Person.objects.filter(pk__in=among(ids))
        .values_list("pk", "state", "attributes")
        .iterator(5000)
    }
    for pair, likeness in found.items():
        (state, one), (other_state, other) = people[pair[0]], people[pair[1]]
        if pair in apart or state == other_state == LifecycleState.LEFT.value:
            continue
        if duplicates.only_names(likeness, rules) and duplicates.differ(one, other, days):
            continue
        yield likeness


def told_apart() -> frozenset[tuple[int, int]]:
    """Of whom somebody has said that they are two, the lower id first."""
    found: set[tuple[int, int]] = set()
    pairs = PersonPair.objects.filter(answer=Answer.OTHER).values_list("one", "other")
    found.update(_in_order(*pair) for pair in pairs)
    records = RehireQuestion.objects.filter(answer=Answer.OTHER, person__isnull=False)
    for person, candidates in records.values_list("person", "candidates"):
        found.update(_in_order(person, int(pk)) for pk in candidates)
    found.update(_by_unions())
    return frozenset(found)


def _by_unions() -> Iterable[tuple[int, int]]:
    """A merge that was taken back, a split that was not."""
    unions = PersonUnion.objects.filter(person__isnull=False)
    rows = unions.filter(kind=PersonChange.MERGED, undone_at__isnull=False) | unions.filter(
        kind=PersonChange.SPLIT, undone_at__isnull=True
    )
    pairs = list(rows.values_list("person", "other_uid"))
    ids = dict(Person.objects.filter(uid__in=[u for _, u in pairs]).values_list("uid", "pk"))
    return [_in_order(person, ids[uid]) for person, uid in pairs if uid in ids]


def _in_order(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one < other else (other, one)


def _keep(found: list[Likeness]) -> int:
    """Ask about these, and no more about those that are not found any more, unless somebody was not
    sure: they go on looking. Returns how many are new."""
    known = {
        _in_order(row.one_id, row.other_id): row
        for row in PersonPair.objects.select_for_update().filter(answer="")
    }
    fresh = [one for one in found if (one.one, one.other) not in known]
    insert_rows(
        PersonPair,
        ["one_id", "other_id", "found_by", "rank"],
        [(one.one, one.other, one.why[:500], one.rank) for one in fresh],
        skip=True,
        unique=["one", "other"],
    )
    changed = []
    for one in found:
        row = known.pop((one.one, one.other), None)
        if row is not None and (row.found_by, row.rank) != (one.why[:500], one.rank):
            row.found_by, row.rank = one.why[:500], one.rank
            changed.append(row)
    update_rows(changed, ["found_by", "rank"])
    over = [row.pk for row in known.values() if row.unsure_at is None]
    PersonPair.objects.filter(pk__in=over).delete()
    return len(fresh)
