"""An application or a source of people from the catalogue, added to what is stored."""

from __future__ import annotations

from tenure.catalogue.filling import WrongAnswers
from tenure.configuration.applying import ConfigChange, apply
from tenure.configuration.document import Application, Document
from tenure.configuration.document_sources import Source
from tenure.configuration.proposing import needed_attributes
from tenure.configuration.translation import stored


def add(slug: str, application: Application) -> list[ConfigChange]:
    """Store it beside the others, and the attributes that people need for it. Raises
    `ConfigurationError`, and `WrongAnswers` where the slug is taken."""
    document = stored()
    there = document.applications or {}
    if slug in there:
        taken = f"There is an application {slug!r} already: {there[slug].name}. Choose another."
        raise WrongAnswers({"slug": taken})
    known = document.attributes or {}
    missing = {k: v for k, v in needed_attributes(application).items() if k not in known}
    return apply(
        Document(
            attributes={**known, **missing} if missing else None,
            applications={**there, slug: application},
        )
    )


def add_source(slug: str, source: Source) -> list[ConfigChange]:
    """The same with a source of people, the last in precedence."""
    there = stored().sources or {}
    if slug in there:
        taken = f"There is a source {slug!r} already: {there[slug].name}. Choose another."
        raise WrongAnswers({"slug": taken})
    return apply(Document(sources={**there, slug: source}))
