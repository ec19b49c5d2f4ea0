"""A source while it is set up: a draft that anybody may come back to, checked as the document is,
and put in force.

It must not know pages: those are in `views.source_add`, `source_mapping` and `source_check`.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from pydantic import ValidationError

from tenure.configuration import editing
from tenure.configuration.document_sources import Source as Written
from tenure.configuration.problems import ConfigurationError
from tenure.setup import source_drafts


def definition(slug: str) -> dict[str, Any] | None:
    """What is being set up; or what is in force, to be changed."""
    draft = source_drafts.draft(slug)
    if draft is not None:
        return dict(draft.definition)
    return editing.plain("sources", slug)


def wrong(slug: str, definition: dict[str, Any]) -> str:
    """What is wrong with the definition, by the same checks as the document's."""
    with transaction.atomic():
        problem = store(slug, definition, seen=editing.version(editing.plain("sources", slug)))
        transaction.set_rollback(True)
    return problem


def store(slug: str, definition: dict[str, Any], *, seen: str) -> str:
    """Put it in force. Returns what is wrong."""
    try:
        written = Written.model_validate(_written(definition))
        editing.edit("sources", slug, written, seen=seen)
    except ConfigurationError as error:
        return " ".join(problem.message for problem in error.problems)
    except ValidationError as error:
        return " ".join(str(one["msg"]) for one in error.errors())
    except editing.Overtaken:
        return "Somebody changed this source meanwhile. Look at it again before you go on."
    return ""


def _written(definition: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in definition.items() if name in Written.model_fields}
