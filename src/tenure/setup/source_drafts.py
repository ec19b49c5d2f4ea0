"""Sources that are begun on a page and not in force: kept by their slug, so that whoever began can
leave and come back, and another administrator sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from tenure.audit.services import actor
from tenure.infra.clock import now
from tenure.setup import authorizing, uploads
from tenure.setup.models import SourceDraft
from tenure.sources.models import Source


def drafts() -> list[SourceDraft]:
    """All of them."""
    return list(SourceDraft.objects.all())


def draft(slug: str) -> SourceDraft | None:
    """One of them."""
    return SourceDraft.objects.filter(slug=slug).first()


@transaction.atomic
def save(slug: str, definition: Mapping[str, Any]) -> SourceDraft:
    """Keep it, in place of what was kept."""
    before = SourceDraft.objects.filter(slug=slug).first()
    row, _ = SourceDraft.objects.update_or_create(
        slug=slug,
        defaults={
            "definition": dict(definition),
            "saved_by": actor()[:200],
            "saved_at": now(),
        },
    )
    if before is not None:
        authorizing.changed(row, before.definition)
    return row


@transaction.atomic
def discard(slug: str, *, with_file: bool = True) -> None:
    """It is not set up any more, or it is in force now."""
    authorizing.discard(slug)
    SourceDraft.objects.filter(slug=slug).delete()
    if with_file:
        uploads.forget(slug)


def taken(slug: str) -> bool:
    """Whether a source or a draft is called so."""
    return (
        Source.objects.filter(slug=slug).exists() or SourceDraft.objects.filter(slug=slug).exists()
    )


def free(slug: str) -> str:
    """This slug, or one like it that nothing is called by."""
    found, number = slug, 2
    while taken(found) or found in ("new", "uploads"):
        found, number = f"{slug}-{number}", number + 1
    return found


def as_source(slug: str, definition: Mapping[str, Any]) -> Source:
    """The source that it would be, not stored."""
    columns = {field.name for field in Source._meta.concrete_fields} - {"id", "slug", "guard"}
    given = {k: v for k, v in definition.items() if k in columns and v is not None}
    given.setdefault("name", slug)
    given["catalogue_entry"] = definition.get("catalogue") or ""
    return Source(slug=slug, **given)
