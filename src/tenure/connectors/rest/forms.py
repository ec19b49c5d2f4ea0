"""What an administrator fills in for an application with a specification: forms made from it.

The forms of every such application differ, so they are made when the specification is known. This
reads specifications; it must not know what the connector does with the values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    create_model,
)

from tenure.connectors.addresses import checked_url
from tenure.connectors.base import SettingsError, StopApplication
from tenure.connectors.http import Timeouts
from tenure.connectors.rest.compiling import SpecError
from tenure.connectors.rest.interface import Interface, Secret, Setting
from tenure.connectors.rest.program import Program
from tenure.connectors.rest.reading import SpecFileError, program_of, read_made

P = TypeVar("P")


class RestSettings(BaseModel):
    """What every application with a specification has. Its own settings stand beside these."""

    model_config = ConfigDict(extra="allow", frozen=True)

    spec: dict[str, Any] | None = Field(
        default=None,
        title="Specification",
        description="How its interface is spoken to, as in the reference of the REST connector.",
    )
    spec_file: str | None = Field(
        default=None,
        title="File with the specification",
        description="Instead of `spec`: a YAML file.",
        examples=["connectors/intranet.yaml"],
    )
    allow_http: bool = Field(
        default=False,
        title="Allow http://",
        description="Only inside a network that you trust: credentials are readable on the way.",
    )
    timeouts: Timeouts = Field(default_factory=Timeouts, title="Time-outs")


class RestSecrets(BaseModel):
    """The credentials that the specification names."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)


def program_for(settings: Mapping[str, Any]) -> Program:
    """The specification in these settings. Raises `SettingsError`, with the place."""
    return made_for(settings, program_of)


def made_for(settings: Mapping[str, Any], make: Callable[[Any], P]) -> P:
    """What `make` makes of the specification in these settings. Raises `SettingsError`."""
    spec, file = settings.get("spec"), settings.get("spec_file")
    if (spec is None) == (file is None):
        raise SettingsError(
            [(("spec",), "Give the specification: `spec` as YAML, or `spec_file` as a file.")]
        )
    try:
        if file is not None:
            return read_made(Path(str(file)), make)
        return make(spec)
    except SpecFileError as error:
        raise SettingsError([(("spec_file",), line) for line in error.lines]) from None
    except SpecError as error:
        raise SettingsError(
            [(("spec", *one.place), one.message) for one in error.problems]
        ) from None


def forms(
    spec: Interface, base: type[RestSettings] | None = None
) -> tuple[type[BaseModel], type[BaseModel]]:
    """The settings and the secrets of this application, as schemas. `base` has what others of its
    kind have besides; it takes nothing that is not named."""
    return _settings(spec, base or _Closed), _secrets(spec)


def _settings(spec: Interface, base: type[RestSettings]) -> type[BaseModel]:
    fields: dict[str, Any] = {n: _setting(n, one) for n, one in spec.settings.items()}
    return create_model(
        "Settings", __base__=base, __doc__=spec.about or f"Settings of {spec.name}.", **fields
    )


class _Closed(RestSettings):
    """Takes nothing but what the specification names."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def _setting(name: str, one: Setting) -> tuple[Any, Any]:
    kinds: Mapping[str, Any] = {"number": int | float, "yes_no": bool}
    kind: Any = kinds.get(one.kind, str)
    if one.choices:
        kind = Literal[tuple(one.choices)]
    elif kind is str:
        kind = Annotated[str, AfterValidator(_text(one))]
    if one.optional and one.default is None:
        kind = kind | None
        default: Any = None
    else:
        default = ... if one.default is None else one.default
    return kind, Field(
        default,
        title=one.title,
        description=one.hint or None,
        examples=[one.example] if one.example else None,
    )


def _text(one: Setting) -> Callable[[str], str]:
    def check(value: str) -> str:
        value = value.strip()
        if not value and not one.optional:
            raise ValueError("This is empty, and has to be given")
        if value and one.kind == "url":
            try:
                return str(checked_url(value, allow_http=True))
            except StopApplication as error:
                raise ValueError(str(error)) from None
        if value and one.pattern and not re.fullmatch(one.pattern, value):
            example = f", such as {one.example}" if one.example else ""
            raise ValueError(f"This does not have the form {one.pattern}{example}")
        return value

    return check


def _secrets(spec: Interface) -> type[BaseModel]:
    fields: dict[str, Any] = {name: _secret(one) for name, one in spec.secrets.items()}
    return create_model(
        "Secrets", __base__=_ClosedSecrets, __doc__=f"Credentials for {spec.name}.", **fields
    )


class _ClosedSecrets(RestSecrets):
    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, protected_namespaces=()
    )


def _secret(one: Secret) -> tuple[Any, Any]:
    kind: Any = Annotated[SecretStr, BeforeValidator(_not_empty)]
    default: Any = ...
    if one.optional:
        kind, default = SecretStr | None, None
    return kind, Field(default, title=one.title, description=one.hint or None)


def _not_empty(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise ValueError("expected a text that is not empty")
    return value
