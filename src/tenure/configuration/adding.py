"""An application from the catalogue, added to what is stored."""

from __future__ import annotations

from tenure.catalogue.filling import WrongAnswers
from tenure.configuration.applying import ConfigChange, apply
from tenure.configuration.document import Application, Document
from tenure.configuration.translation import stored


def add(slug: str, application: Application) -> list[ConfigChange]:
    """Store it beside the others. Raises `ConfigurationError`, and `WrongAnswers` where the slug
    is taken."""
    there = stored().applications or {}
    if slug in there:
        taken = f"There is an application {slug!r} already: {there[slug].name}. Choose another."
        raise WrongAnswers({"slug": taken})
    return apply(Document(applications={**there, slug: application}))
