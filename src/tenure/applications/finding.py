"""An application by what an administrator types."""

from __future__ import annotations

from tenure.applications.models import Application
from tenure.core.nearest import near


def application_named(slug: str) -> Application:
    """Raises `LookupError` naming those that there are."""
    found = Application.objects.filter(slug=slug).first()
    if found is None:
        slugs = list(Application.objects.values_list("slug", flat=True))
        known = ", ".join(slugs) or "none yet"
        raise LookupError(
            f"There is no application {slug!r}.{near(slug, slugs)} Applications: {known}. `tenure "
            "config apply` adds one."
        )
    return found
