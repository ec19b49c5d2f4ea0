"""A source by what an administrator types."""

from __future__ import annotations

from tenure.core.nearest import near
from tenure.sources.models import Source


def source_named(slug: str) -> Source:
    """Raises `LookupError` naming those that there are."""
    found = Source.objects.filter(slug=slug).first()
    if found is None:
        slugs = list(Source.objects.values_list("slug", flat=True))
        known = ", ".join(slugs) or "none yet"
        raise LookupError(
            f"There is no source {slug!r}.{near(slug, slugs)} Sources: {known}. `tenure config "
            "apply` adds one."
        )
    return found
