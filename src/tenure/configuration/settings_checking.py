"""Whether the settings and secrets of a document are what its connectors and readers take. Secrets
are references: the text of one that is not is never shown.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ValidationError

from tenure.configuration.document import Application
from tenure.configuration.document_sources import Source
from tenure.configuration.problems import Path, Problems
from tenure.configuration.reading import explain
from tenure.configuration.references import (
    EXPECTED,
    has_reference,
    is_reference,
    malformed,
    texts,
)
from tenure.connectors.registry import TOKEN
from tenure.core.nearest import near


def check_settings(
    settings: Mapping[str, object],
    schema: type[BaseModel],
    path: Path,
    problems: Problems,
) -> None:
    """By the schema of the connector or reader; what a reference stands for is known only at use,
    so of such a setting just the name is checked."""
    for way, text in texts(dict(settings)):
        if malformed(text):
            problems.add((*path, *way), f"This is not a reference. Expected {EXPECTED}.")
    later = {name for name, value in settings.items() if has_reference(value)}
    try:
        schema.model_validate(dict(settings))
    except ValidationError as error:
        for item in error.errors(include_url=False):
            loc = item["loc"]
            if loc and loc[0] in later and item["type"] != "extra_forbidden":
                continue
            problems.add((*path, *loc), explain(dict(item), tuple(schema.model_fields)))


def check_secrets(secrets: Mapping[str, str], path: Path, problems: Problems) -> None:
    for name, text in secrets.items():
        if not is_reference(text):
            # The text is not shown: it may be the secret itself.
            problems.add(
                (*path, name),
                f"Secrets are never written here. Expected a reference: {EXPECTED}.",
            )


def check_secret_names(
    secrets: Mapping[str, str], schema: type[BaseModel], path: Path, problems: Problems
) -> None:
    fields = schema.model_fields
    for name in secrets.keys() - fields.keys():
        known = ", ".join(fields) or "none"
        problems.add((*path, name), f"There is no such secret. Known: {known}.")
    for name, info in fields.items():
        if info.is_required() and name not in secrets:
            problems.add(
                (*path, name),
                f"This is missing, and has to be given as a reference: {EXPECTED}.",
            )


def check_authorisation(given: Application | Source, path: Path, problems: Problems) -> None:
    """Of an application or a source: what is secret in it are references, and nothing is told
    twice."""
    if given.oauth is not None:
        kept = {"client_secret", "private_key"}
        told = {name: getattr(given.oauth, name) for name in kept}
        check_secrets({k: v for k, v in told.items() if v}, (*path, "oauth"), problems)
        if TOKEN in given.secrets:
            problems.add(
                (*path, "secrets", TOKEN),
                "OAuth gives this token. Take it out, or take `oauth` out.",
            )
    for name in given.expires.keys() - given.secrets.keys():
        problems.add(
            (*path, "expires", name),
            f"There is no secret {name!r} here whose last day this could be."
            f"{near(name, given.secrets)}",
        )
