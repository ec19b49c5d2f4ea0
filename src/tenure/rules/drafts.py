"""Drafts of rules: kept beside the rules, in force for nobody. Publishing one is writing the rule,
and whoever does that discards the draft in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.infra.clock import now
from tenure.rules.models import RuleDraft


class DraftOvertaken(Exception):
    """Somebody else saved or discarded the draft. `now` is what is there, None: nothing."""

    def __init__(self, now: RuleDraft | None) -> None:
        super().__init__("The draft was changed by somebody else meanwhile.")
        self.now = now


def drafts() -> dict[str, RuleDraft]:
    """Slug -> draft."""
    return {row.slug: row for row in RuleDraft.objects.all()}


def draft(slug: str) -> RuleDraft | None:
    """The draft of one rule."""
    return RuleDraft.objects.filter(slug=slug).first()


@transaction.atomic
def save_draft(
    *,
    slug: str,
    definition: Mapping[str, Any],
    base: str,
    began: Mapping[str, Any] | None = None,
    seen: int = 0,
) -> RuleDraft:
    """Keep it. `base` and `began` are the rule as the writer found it; `seen` is the version of the
    draft that they began with, 0 where there was none. Raises `DraftOvertaken`."""
    row = RuleDraft.objects.select_for_update().filter(slug=slug).first()
    if (row.version if row else 0) != seen:
        raise DraftOvertaken(row)
    before = row.definition if row else None
    if row is None:
        row = RuleDraft(slug=slug, base=base, version=0)
    row.definition = dict(definition)
    row.base = base
    row.began = dict(began) if began is not None else None
    row.version += 1
    row.saved_by = actor()[:200]
    row.saved_at = now()
    row.save()
    _record(row, before, row.definition)
    return row


@transaction.atomic
def discard(slug: str) -> bool:
    """It is not meant any more, or it is in force now. Returns whether there was one."""
    row = RuleDraft.objects.select_for_update().filter(slug=slug).first()
    if row is None:
        return False
    _record(row, row.definition, None)
    row.delete()
    return True


def _record(row: RuleDraft, before: Any, after: Any) -> None:
    if before == after:
        return
    record(
        Action.CONFIGURATION_CHANGED,
        subject_kind="rule_draft",
        subject_key=row.slug,
        subject_label=f"Draft: {row}",
        before=before,
        after=after,
    )
