"""What the form of a source asks for where its interface is described by a specification: once the
specification was given, its own settings and secrets have fields as those of every other source.

It reads what was typed; it keeps nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from tenure.connectors.base import SettingsError
from tenure.console import schema_form
from tenure.readers.registry import reader_class, schemas

#: By what an interface of its own is read: nothing goes without it.
SPECIFIED: Final = frozenset({"spec", "spec_file"})
#: The hidden field that names the fields which were on the page.
ASKED: Final = "asked"


@dataclass(frozen=True, slots=True)
class Forms:
    """The schemas of settings and secrets, and what is wrong with the specification by field."""

    settings: type[BaseModel]
    secrets: type[BaseModel]
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """All that it asks for, by name."""
        return frozenset({*self.settings.model_fields, *self.secrets.model_fields})

    def of_its_own(self, kind: str) -> frozenset[str]:
        """The settings that only this specification has."""
        return frozenset(
            self.settings.model_fields.keys() - reader_class(kind).Settings.model_fields
        )


@dataclass(frozen=True, slots=True)
class Read:
    """What was typed. `later`: what the specification asks for and was not on the page, by name."""

    forms: Forms
    settings: dict[str, Any]
    errors: dict[str, str]
    later: frozenset[str] = frozenset()


def forms(kind: str, settings: Mapping[str, Any]) -> Forms:
    """What a source with these settings asks for. Where the specification is missing or wrong,
    that is said, and only what every source of the kind has is asked for."""
    try:
        return Forms(*schemas(kind, settings))
    except SettingsError as error:
        reader = reader_class(kind)
        return Forms(reader.Settings, reader.Secrets, _by_field(error))


def read(kind: str, given: Mapping[str, str]) -> Read:
    """The settings that were typed, and what is wrong with them by name."""
    plain = reader_class(kind)
    settings, errors = schema_form.settings(plain.Settings, given)
    if SPECIFIED & errors.keys():
        return Read(Forms(plain.Settings, plain.Secrets), settings, errors)
    own = forms(kind, settings)
    if own.errors:
        return Read(own, settings, {**errors, **own.errors})
    if own.settings is not plain.Settings:
        settings, errors = schema_form.settings(own.settings, given)
    there = frozenset(given.get(ASKED, "").split())
    return Read(own, settings, errors, own.names - there if there else frozenset())


def _by_field(error: SettingsError) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for place, message in error.problems:
        name = str(place[0]) if place else "spec"
        where = ".".join(map(str, place[1:]))
        text = message.rstrip(".") + "."
        found.setdefault(name, []).append(f"{where}: {text}" if where else text)
    return {name: " ".join(lines) for name, lines in found.items()}
