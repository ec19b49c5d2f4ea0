"""Keeping what was changed of a source in a small form, through the checks of the document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from tenure.configuration import editing
from tenure.configuration.document_sources import Source as Written
from tenure.configuration.durations import format_duration
from tenure.configuration.problems import ConfigurationError
from tenure.configuration.reading import explain


def save(slug: str, values: Mapping[str, Any], seen: str) -> str:
    """Put the source, written as the document writes it, in force. Returns what is wrong."""
    try:
        editing.edit("sources", slug, Written.model_validate(dict(values)), seen=seen)
    except ConfigurationError as error:
        return " ".join(problem.message for problem in error.problems)
    except ValidationError as error:
        return " ".join(explain(dict(one)) for one in error.errors())
    except editing.Overtaken:
        return "Somebody changed this source meanwhile. Look at it again before you go on."
    return ""


def length(text: str, unit: str) -> str:
    """So many minutes or hours, as the document writes a length of time. Raises `ValueError`."""
    try:
        number = float(text.replace(",", "."))
        found = timedelta(**{unit: number})
        return format_duration(timedelta(seconds=round(found.total_seconds())))
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no number of {unit}.") from None
