"""That something is to be written into records: in the transaction that names people, at most one
row a record, and held where it is more than should happen in a day.

An import whose names are made anew for everybody would write over what HR has, so the limit of the
source's guard counts records, over a window, as those of imports do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db.models import Q

from tenure.audit.models import Action
from tenure.audit.services import record as tell
from tenure.core.guard import judge, source_guard_from
from tenure.infra.bulk import insert_instances
from tenure.infra.jobs import defer_once
from tenure.people.models import Person
from tenure.sources.models import Source, SourceRecord
from tenure.writeback.models import WriteBack
from tenure.writeback.wanting import lacking, wanted

_ANEW = (
    *("source_id", "person_id", "wanted", "state", "approved", "asked_at", "not_before", "tries"),
    *("reason", "was", "found", "sent_at", "settled_at"),
)


def ask(people: Sequence[Person], at: datetime) -> None:
    """Have what these stored people are called written where it is not known yet."""
    sources = list(Source.objects.exclude(write_back={}))
    if not sources:
        return
    known = {person.pk: person for person in people}
    records = SourceRecord.objects.filter(source__in=sources, person_id__in=known, present=True)
    of: dict[int, list[SourceRecord]] = {}
    for record in records.exclude(remote_id="").order_by("pk"):
        of.setdefault(record.source_id, []).append(record)
    for source in sources:
        ask_for(source, {record: known[record.person_id] for record in of.get(source.pk, ())}, at)


def ask_for(
    source: Source, records: Mapping[SourceRecord, Person], at: datetime, *, approved: bool = False
) -> int:
    """The same of these records of one source. `approved`: somebody has looked at it, so nothing
    is held, and what was written before counts for nothing. Returns how many are to be written."""
    rows = []
    for record, person in records.items():
        values = wanted(source, record, person)
        if lacking(values, {} if approved else record.written):
            rows.append(
                WriteBack(
                    source=source,
                    record=record,
                    person=person,
                    wanted=values,
                    approved=approved,
                    asked_at=at,
                    not_before=at,
                )
            )
    if not rows:
        return 0
    held = "" if approved else _over(source, [row.record_id for row in rows], at)
    for row in rows if held else ():
        row.state, row.reason = WriteBack.State.HELD, held
    # Anew rather than changed: the latest is the one with the highest id.
    WriteBack.objects.filter(record__in=[row.record_id for row in rows]).delete()
    insert_instances(rows, unique=["record"], update=_ANEW)
    if held:
        tell(
            Action.WRITE_BACK_HELD,
            subject_kind="source",
            subject_key=source.slug,
            subject_label=source.name,
            reason=held,
        )
    else:
        wake(source.slug)
    return len(rows)


def wake(slug: str) -> None:
    """Have what waits written soon; one job that waits already is enough."""
    defer_once("tenure.write_back", queueing_lock=f"write back {slug}", slug=slug)


def _over(source: Source, new: Collection[int], at: datetime) -> str:
    """Why these are held, "" if they are not. What is held already counts with them."""
    limit = source_guard_from(source.guard).write_back
    others = WriteBack.objects.filter(source=source).exclude(record_id__in=new)
    held = Q(state=WriteBack.State.HELD)
    verdict = judge(
        what=f"records of {source.name} that are written to",
        new=len(new) + others.filter(held).count(),
        recent=others.filter(asked_at__gt=at - limit.window, approved=False).exclude(held).count(),
        population=SourceRecord.objects.filter(source=source, present=True).count(),
        limit=limit,
    )
    return verdict.reason
