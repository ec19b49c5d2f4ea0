"""Employee numbers that were pushed and wait, because a guard holds them: the record keeps the one
that it had (`PushedResource.former`) until an import of the source takes the newer one, or what is
pushed next has the former one again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db.models import QuerySet

from tenure.core.guard import Verdict
from tenure.infra.bulk import among, update_rows
from tenure.sources import held_pushes
from tenure.sources.models import PushedResource, Source


def judged(source: Source, former: Mapping[str, str], at: datetime) -> Verdict:
    """Whether these users (uid -> the number that their record has) may have the newer ones that
    were pushed. Each counts as somebody who changes."""
    verdict = held_pushes.judged(source, set(former.values()), at)
    if not former or verdict.held:
        return verdict
    wanted = PushedResource.objects.filter(source=source, uid__in=among(former, "text"))
    taken = _waiting(source).filter(former__in=wanted.values("key")).exclude(uid__in=list(former))
    if taken.exists():
        # Until it is decided who has which number, nobody else gets theirs.
        return Verdict(held=True, reason=held_pushes.last_reason(source))
    return verdict


def wait(source: Source, former: Mapping[str, str], at: datetime) -> int:
    """They keep the numbers that they have. Returns of how many nothing had waited before."""
    rows = list(PushedResource.objects.filter(source=source, uid__in=among(former, "text")))
    fresh = [row for row in rows if not row.former]
    for row in rows:
        row.former = former[row.uid]
    update_rows(rows, ["former"])
    held_pushes.keep(source, set(former.values()), at)
    return len(fresh)


def waiting(source: Source, keys: Collection[str]) -> dict[str, str]:
    """Of these newer numbers those that wait: the newer one -> the one that the record has."""
    rows = _waiting(source).filter(key__in=among(keys, "text"))
    return dict(rows.values_list("key", "former"))


def is_anothers(source: Source, key: str) -> bool:
    """Whether the record of this number is of a user who waits for another one."""
    return _waiting(source).filter(former=key).exists()


def settle(source: Source, numbers: Mapping[str, str]) -> None:
    """Of these (newer number -> former one) none waits any more: it was decided."""
    rows = _waiting(source).filter(key__in=among(numbers, "text"))
    if rows.update(former=""):
        held_pushes.settle(source, {*numbers, *numbers.values()})


def _waiting(source: Source) -> QuerySet[PushedResource]:
    return PushedResource.objects.filter(source=source).exclude(former="")
