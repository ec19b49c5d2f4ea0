"""A source of people from the catalogue, as a block of the document. Needs no database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenure.catalogue import filling
from tenure.catalogue.source_entry import SourceEntry
from tenure.configuration.checking import check
from tenure.configuration.document import Document
from tenure.configuration.document_sources import Source
from tenure.configuration.exporting import as_written
from tenure.configuration.problems import ConfigurationError
from tenure.configuration.proposing import as_yaml, besides, named, referenced
from tenure.readers.registry import reader_class


def prepare_source(
    entry: SourceEntry,
    *,
    slug: str = "",
    name: str = "",
    answers: Mapping[str, str],
    secrets: Mapping[str, str] | None = None,
) -> tuple[str, Source]:
    """The source and its slug. Raises `WrongAnswers`. `secrets` are references; one that is not
    given is looked for in an environment variable named after the source, except those that it
    works without."""
    slug = slug or entry.slug
    problems = named(slug, name)
    references = referenced(entry, slug, secrets or {}, problems)
    given = {key for key, text in (secrets or {}).items() if text.strip()}
    more, answers = besides(entry, reader_class(entry.reader.kind).Settings, answers, problems)
    optional = {one.name for one in entry.secrets if one.optional} - given
    settings: dict[str, Any] = {}
    try:
        settings = {**filling.source_settings(entry, answers), **more}
    except filling.WrongAnswers as error:
        problems |= error.problems
    if problems:
        raise filling.WrongAnswers(problems)
    left_out = entry.oauth_places | optional
    # Where a source can be told by what its managers are named.
    by = {"manager_by": entry.manager_by}
    return slug, Source.model_validate(
        {
            "name": name.strip() or entry.name,
            "reader": entry.reader.kind,
            "catalogue": entry.slug,
            "settings": settings,
            "secrets": {k: v for k, v in references.items() if k not in left_out},
            "oauth": filling.oauth(entry, answers, references),
            "mapping": dict(entry.mapping),
            "dates": list(entry.dates),
            "statuses": dict(entry.statuses),
            "absence": entry.absence,
            **by,
        }
    )


def source_block(slug: str, source: Source) -> str:
    """The source as it stands in `tenure.yaml`. Raises `ConfigurationError`."""
    document = Document(sources={slug: source})
    problems = check(document).problems
    if problems:
        raise ConfigurationError(problems)
    return as_yaml({"sources": {slug: as_written(document)["sources"][slug]}})
