"""A source by what an administrator types."""

from __future__ import annotations

from tenure.sources.models import Source


def source_named(slug: str) -> Source:
    """Raises `LookupError` naming those that there are."""
    found = Source.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Source.objects.values_list("slug", flat=True)) or "none yet"
        raise LookupError(
            f"There is no source {slug!r}. Sources: {known}. `tenure config apply` adds one."
        )
    return found
