"""What a source by specification is opened with: its program, its forms, the columns that an
administrator adds of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tenure.connectors.base import SettingsError
from tenure.connectors.rest.forms import RestSettings, forms, made_for
from tenure.connectors.rest.reading import made_of, problems_of
from tenure.readers.rest.compiling import compiled
from tenure.readers.rest.program import PeopleProgram
from tenure.readers.rest.spec import ColumnOrPlace, PeopleSpec


class RestReaderSettings(RestSettings):
    """What every source with a specification has. Its own settings stand beside these."""

    columns: dict[str, ColumnOrPlace] = Field(
        default_factory=dict,
        title="More columns",
        description="Fields of your own there: a name for the column, and where it is in a record, "
        "as in the specification's `columns`.",
        examples=[{"Badge": "customBadgeNumber"}],
    )


class _Closed(RestReaderSettings):
    """Takes nothing but what the specification names."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def program_for(settings: Mapping[str, Any]) -> PeopleProgram:
    """The specification in these settings, with their own columns. Raises `SettingsError`."""
    more = settings.get("columns")

    def make(values: Any) -> PeopleProgram:
        whole = _with_columns(values, more)
        try:
            return _made(orjson.dumps(whole))
        except TypeError:
            # No JSON, so no specification either: what is wrong with it is said.
            return made_of(whole, PeopleSpec, compiled)

    return made_for(settings, make)


@lru_cache(maxsize=32)
def _made(whole: bytes) -> PeopleProgram:
    """A source is opened for every webhook; its specification is compiled once."""
    return made_of(orjson.loads(whole), PeopleSpec, compiled)


def schemas_for(settings: Mapping[str, Any]) -> tuple[type[BaseModel], type[BaseModel]]:
    """The forms for settings and secrets. Raises `SettingsError`."""
    return forms(program_for(settings).spec, _Closed)


def _with_columns(values: Any, more: Any) -> Any:
    if not more or not isinstance(values, Mapping):
        return values
    try:
        RestReaderSettings.model_validate({"columns": more})
    except ValidationError as error:
        raise SettingsError([(one.place, one.message) for one in problems_of(error)]) from None
    return {**values, "columns": {**(values.get("columns") or {}), **more}}
