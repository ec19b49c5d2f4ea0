"""Whether a source of the document makes sense: its reader takes what it is told, its mapping
compiles, what it says of dates and statuses means something."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tenure.configuration.checking_common import chosen_kind, compiles, unknown_attribute
from tenure.configuration.document_sources import Source
from tenure.configuration.problems import Path, Problems
from tenure.configuration.settings_checking import (
    check_authorisation,
    check_secret_names,
    check_secrets,
    check_settings,
    near,
)
from tenure.connectors.registry import TOKEN
from tenure.core.cleaning import parse_date
from tenure.core.expressions import AttributeType, compile_row_value
from tenure.readers.registry import PUSH, reader_class
from tenure.readers.registry import kinds as reader_kinds

_KEY = "employee_number"
_NAMES = ("display_name", "given_name", "family_name")


def check_source(
    slug: str,
    source: Source,
    schema: Mapping[str, AttributeType],
    problems: Problems,
    *,
    settings: bool,
) -> None:
    """Everything that is wrong with one source. `settings`: the document gives sources, so what
    its reader is told is looked at too."""
    path: Path = ("sources", slug)
    if settings:
        found = chosen_kind(
            source.reader, reader_kinds(), reader_class, (*path, "reader"), problems
        )
        if found is not None:
            check_settings(source.settings, found.Settings, (*path, "settings"), problems)
            given = {TOKEN: "", **source.secrets} if source.oauth else source.secrets
            check_secret_names(given, found.Secrets, (*path, "secrets"), problems)
        check_secrets(source.secrets, (*path, "secrets"), problems)
        check_authorisation(source, path, problems)
    if source.schedule is not None and source.reader == PUSH:
        problems.add(
            (*path, "schedule"),
            "People of this source are pushed: there is nothing to fetch. Take it out.",
        )
    for name, expression in source.mapping.items():
        place = (*path, "mapping", name)
        if name not in schema:
            problems.add(place, unknown_attribute(name, schema))
        compiles(partial(compile_row_value, expression), place, problems)
    if _KEY not in source.mapping:
        problems.add(
            (*path, "mapping"),
            f"{_KEY} is missing: rows are told apart by it. Map it to a column that is never "
            "empty.",
        )
    if not any(name in source.mapping for name in _NAMES):
        problems.add((*path, "mapping"), f"There is no name. Map one of {', '.join(_NAMES)}.")
    for index, form in enumerate(source.dates):
        _date_format(form, (*path, "dates", index), problems)
    _statuses(source, path, problems)
    for index, names in enumerate(source.rehire):
        for name in names:
            if name == _KEY:
                problems.add((*path, "rehire", index), f"{_KEY} is what is new. Take it out.")
            elif name not in source.mapping:
                problems.add(
                    (*path, "rehire", index),
                    f"{name} is not in the mapping of this source: nobody would ever be found by "
                    f"it. Map it.{near(name, source.mapping)}",
                )


def _statuses(source: Source, path: Path, problems: Problems) -> None:
    if source.statuses and "status" not in source.mapping:
        problems.add(
            (*path, "statuses"),
            "These mean nothing before `status` is in the mapping. Add it.",
        )
    seen: dict[str, str] = {}
    for text, meaning in source.statuses.items():
        first = seen.setdefault(text.casefold(), text)
        if source.statuses[first] != meaning:
            problems.add(
                (*path, "statuses", text),
                f"{text!r} and {first!r} are the same without regard to case, and mean two things.",
            )


def _date_format(form: str, path: Path, problems: Problems) -> None:
    try:
        parse_date("?", [form])
    except ValueError as error:
        # The text is never a date; only a complaint about the format itself is of interest.
        if str(error).startswith("The date format"):
            problems.add(path, str(error))
