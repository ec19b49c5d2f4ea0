"""People put together anew from the records that are stored, where whose a record is changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tenure.people import named
from tenure.people.models import Person
from tenure.sources.merging import Merge, merge
from tenure.sources.models import SourceRecord
from tenure.sources.rows import MappedRow


def rebuild(people: Sequence[Person], *, at: datetime, reason: str = "") -> Merge:
    """These people as all of their records say. Who has none is left as they are. Runs in the
    caller's transaction."""
    done = Merge()
    for person in people:
        records = SourceRecord.objects.filter(person=person).select_related("source")
        first = records.order_by("-present", "source__position", "pk").first()
        if first is not None:
            found = merge(first.source, [row_of(first)], at=at, reason=reason)
            done.left += found.left
            done.leavers += found.leavers
            done.issues += found.issues
    # A record that came to them may hold the names of another.
    named.tell(list(Person.objects.filter(pk__in=[person.pk for person in people])), at)
    return done


def row_of(record: SourceRecord) -> MappedRow:
    """The record as the row that it was."""
    return MappedRow(
        key=record.key,
        digest=bytes(record.digest),
        attributes=record.attributes,
        record=record,
        line=record.line,
        on_leave=record.on_leave,
        ended_at=record.ended_at,
        present=record.present,
        id=record.remote_id,
    )
