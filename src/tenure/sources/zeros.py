"""Employee numbers that have lost the zeros before them: a spreadsheet drops them when somebody
saves a file from it. The person would leave, and come again as somebody else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tenure.core.acquaintance import alike
from tenure.core.model import LifecycleState
from tenure.infra.bulk import among
from tenure.sources import seen
from tenure.sources.models import SourceRecord
from tenure.sources.rows import MappedRow
from tenure.sources.work import Work

#: Numbers have no more digits than so, with their zeros.
_LONGEST: Final = 12


def twins(work: Work, strangers: Iterable[str]) -> dict[str, SourceRecord]:
    """Of new numbers: number -> the record of somebody who is here whose number is the same but
    for zeros before it."""
    meant = {
        bare.zfill(length): key
        for key in strangers
        if key.isdecimal() and key.isascii() and (bare := key.lstrip("0"))
        for length in range(len(bare), _LONGEST + 1)
        if length != len(key)
    }
    if not meant:
        return {}
    rows = SourceRecord.objects.filter(
        source=work.source, present=True, key__in=among(meant, "text")
    )
    here = rows.exclude(person__state=LifecycleState.LEFT.value).select_related("person")
    return {meant[row.key]: row for row in here}


def is_refused(work: Work, row: MappedRow, twin: SourceRecord | None) -> bool:
    """Whether it is the row of the one whose number it nearly is, by their name. They stay as they
    are, and are told by name. Not where somebody has said why the import is right."""
    if twin is None or work.accept or not alike(row.attributes, twin.attributes):
        return False
    line = row.line or 0
    why = (
        f"Employee number {row.key} is new, and {twin.person.display_name} has {twin.key}: zeros "
        "were lost, as in a file that a spreadsheet saved. Correct it and import again."
    )
    work.refuse(twin.key, why, line=line)
    if work.whole:
        seen.repeated({twin.key: line})
    return True
