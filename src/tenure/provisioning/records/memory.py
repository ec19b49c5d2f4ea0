"""What planning remembers of people: which rules with a grace they meet, and since when no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tenure.core.access import Memory
from tenure.provisioning.models import RuleMemory


def recall(people: Iterable[int]) -> dict[int, Memory]:
    """Person id -> rule -> since when it no longer holds, None while it does."""
    found: dict[int, dict[str, object]] = {}
    rows = RuleMemory.objects.filter(person_id__in=list(people))
    for person, rule, lost_at in rows.values_list("person_id", "rule", "lost_at"):
        found.setdefault(person, {})[rule] = lost_at
    return found  # type: ignore[return-value]  # instants or None


def is_kept() -> bool:
    """Whether anything is remembered of anybody."""
    return RuleMemory.objects.exists()


def keep(before: Mapping[int, Memory], after: Mapping[int, Memory]) -> None:
    """Store what differs of these people, in the caller's transaction."""
    changed = [person for person in after if dict(before.get(person, {})) != dict(after[person])]
    if not changed:
        return
    RuleMemory.objects.filter(person_id__in=changed).delete()
    RuleMemory.objects.bulk_create(
        [
            RuleMemory(person_id=person, rule=rule, lost_at=lost_at)
            for person in changed
            for rule, lost_at in after[person].items()
        ],
        batch_size=2000,
    )
