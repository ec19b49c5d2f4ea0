"""What a connector by specification is opened with: values of the settings and secrets, how hard
the application may be pressed, and what it can do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from tenure.connectors.base import Capabilities, ConnectorConfig, Limits, TokenSource
from tenure.connectors.rest.forms import RestSettings, forms
from tenure.connectors.rest.interface import Interface, SpecLimits
from tenure.connectors.rest.program import Program

#: Every application is asked for these, whether it has them or not.
ALWAYS = frozenset({"userName", "externalId"})


def opened(
    program: Program, config: ConnectorConfig
) -> tuple[RestSettings, dict[str, dict[str, Any]]]:
    """The settings as the forms have them, and what expressions see of settings and secrets.

    Raises ValueError (pydantic's) for values that do not fit.
    """
    return given(program.spec, forms(program.spec), config.settings, config.secrets, config.tokens)


def given(
    spec: Interface,
    schemas: tuple[type[BaseModel], type[BaseModel]],
    settings: Mapping[str, Any],
    secrets: Mapping[str, str],
    tokens: TokenSource | None,
) -> tuple[RestSettings, dict[str, dict[str, Any]]]:
    """The same for any interface, by its forms."""
    values = schemas[0].model_validate(dict(settings))
    assert isinstance(values, RestSettings)
    held = dict(secrets)
    if tokens is not None and "token" in spec.secrets:
        held.setdefault("token", "given-when-it-is-needed")
    return values, {
        "settings": {name: getattr(values, name) for name in spec.settings},
        "secrets": _plain(schemas[1].model_validate(held)),
    }


def capabilities(program: Program) -> Capabilities:
    """What the specification says that can be done."""
    spec = program.spec
    return Capabilities(
        create=bool(program.verb("create")),
        update=bool(program.verb("update")),
        disable=bool(program.verb("disable")),
        disable_deletes=bool(program.verb("disable"))
        and program.verb("disable") == program.verb("delete"),
        enable=bool(program.verb("enable")),
        delete=bool(program.verb("delete")),
        entitlements=frozenset(spec.entitlements),
        ends_sessions=bool(program.verb("end_sessions")),
        create_entitlements=any(one.create for one in spec.entitlements.values()),
        unique_names=spec.account.unique_names,
        # What has no search of its own is looked for through everything: once is worth it.
        searchable=frozenset(spec.requests.find) | (ALWAYS & spec.account.attributes.keys()),
    )


def stricter(spec: SpecLimits, asked: Limits) -> Limits:
    """The stricter of what the specification says and what the administrator says."""

    def least(one: float | None, other: float | None) -> float | None:
        given = [value for value in (one, other) if value is not None]
        return min(given) if given else None

    return Limits(
        reads=least(spec.reads, asked.reads),
        writes=least(spec.writes, asked.writes),
        burst=min(spec.burst, asked.burst),
        concurrency=min(spec.concurrency, asked.concurrency),
        learnt=asked.learnt,
    )


def _plain(secrets: BaseModel) -> dict[str, Any]:
    return {
        name: value.get_secret_value() if value is not None else None
        for name in type(secrets).model_fields
        if (value := getattr(secrets, name)) is not None
    }
