"""Whether a source of the document makes sense: its reader takes what it is told, its mapping
compiles, what it says of dates and statuses means something."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from zoneinfo import available_timezones

from tenure.catalogue.filling import complete_source
from tenure.configuration.checking_common import chosen_kind, compiles, unknown_attribute
from tenure.configuration.checking_write_back import check_write_back
from tenure.configuration.document_sources import Source
from tenure.configuration.problems import Path, Problems
from tenure.configuration.settings_checking import (
    check_authorisation,
    check_secret_names,
    check_secrets,
    check_settings,
)
from tenure.connectors.base import SettingsError
from tenure.connectors.registry import TOKEN
from tenure.core.cleaning import parse_date
from tenure.core.expressions import AttributeType, ExpressionError, compile_row_value
from tenure.core.nearest import near
from tenure.core.tidying import is_region
from tenure.readers.registry import PUSH, UPLOAD, known_columns, reader_class, schemas
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
            _reader(source, path, problems)
        check_secrets(source.secrets, (*path, "secrets"), problems)
        check_authorisation(source, path, problems)
    if source.schedule is not None and source.reader in (PUSH, UPLOAD):
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
    _attributes(source, schema, path, problems)
    _correlation(source, schema, path, problems)
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


def _reader(source: Source, path: Path, problems: Problems) -> None:
    """Settings and secrets are those of this reader; what the mapping reads, it has."""
    settings = complete_source(source.catalogue, source.reader, source.settings)
    try:
        forms = schemas(source.reader, settings)
        columns = known_columns(source.reader, settings)
    except SettingsError as error:
        for way, message in error.problems:
            problems.add((*path, "settings", *way), message)
        return
    check_write_back(source, settings, path, problems)
    check_settings(settings, forms[0], (*path, "settings"), problems)
    given = {TOKEN: "", **source.secrets} if source.oauth else source.secrets
    check_secret_names(given, forms[1], (*path, "secrets"), problems)
    for name, expression in source.mapping.items() if columns is not None else ():
        with suppress(ExpressionError):
            for column in compile_row_value(expression).columns - set(columns or ()):
                problems.add(
                    (*path, "mapping", name),
                    f"The source has no column {column!r}.{near(column, columns or ())} Known: "
                    f"{', '.join(columns or ())}.",
                )


def _attributes(
    source: Source, schema: Mapping[str, AttributeType], path: Path, problems: Problems
) -> None:
    """What is said of attributes is said of those that the source gives, and can be done."""
    mapped = source.mapping
    texts = (AttributeType.STRING, AttributeType.STRINGS)
    for line in ("values", "clean"):
        for name in getattr(source, line):
            if name not in mapped:
                problems.add((*path, line, name), _unmapped(name, mapped))
            elif schema.get(name) not in texts:
                problems.add((*path, line, name), f"{name} is no text. Only texts are changed.")
    for index, name in enumerate(source.first_for):
        if name not in mapped:
            problems.add((*path, "first_for", index), _unmapped(name, mapped))
    if source.region and not is_region(source.region):
        problems.add((*path, "region"), "There is no such country. Expected one as HU or DE.")
    for location, zone in source.time_zones.items():
        if zone not in available_timezones():
            problems.add(
                (*path, "time_zones", location),
                f"There is no time zone {zone!r}.{near(zone, available_timezones())}",
            )


def _correlation(
    source: Source, schema: Mapping[str, AttributeType], path: Path, problems: Problems
) -> None:
    """What records and people are compared by, both have."""
    for index, rule in enumerate(source.correlation):
        place = (*path, "correlation", index)
        if rule.record not in source.mapping:
            problems.add(place, _unmapped(rule.record, source.mapping))
        if rule.person not in schema:
            problems.add(place, unknown_attribute(rule.person, schema))
    for index, names in enumerate(source.suggest):
        for name in names:
            if name == _KEY:
                text = f"Who has the same {_KEY} is known: put it into `correlation`."
                problems.add((*path, "suggest", index), text)
            elif name not in source.mapping:
                problems.add((*path, "suggest", index), _unmapped(name, source.mapping))


def _unmapped(name: str, mapped: Mapping[str, str]) -> str:
    return (
        f"{name} is not in the mapping of this source.{near(name, mapped)} Map it, or take it out."
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


def check_precedence(sources: Mapping[str, Source], problems: Problems) -> None:
    """Of an attribute one source at most is the first."""
    first: dict[str, str] = {}
    for slug, source in sources.items():
        for index, name in enumerate(source.first_for):
            other = first.setdefault(name, slug)
            if other != slug:
                problems.add(
                    ("sources", slug, "first_for", index),
                    f"{other} is the first for {name} already. Only one can be.",
                )
