"""What a connector by specification is opened with: values of the settings and secrets, how hard
the application may be pressed, and what it can do.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from tenure.connectors.base import Capabilities, ConnectorConfig, Limits
from tenure.connectors.rest.forms import RestSettings, forms
from tenure.connectors.rest.program import Program

#: Every application is asked for these, whether it has them or not.
ALWAYS = frozenset({"userName", "externalId"})


def opened(
    program: Program, config: ConnectorConfig
) -> tuple[RestSettings, dict[str, dict[str, Any]]]:
    """The settings as the forms have them, and what expressions see of settings and secrets.

    Raises ValueError (pydantic's) for values that do not fit.
    """
    settings, secrets = forms(program.spec)
    values = settings.model_validate(dict(config.settings))
    assert isinstance(values, RestSettings)
    given = dict(config.secrets)
    if config.tokens is not None and "token" in program.spec.secrets:
        given.setdefault("token", "given-when-it-is-needed")
    return values, {
        "settings": {name: getattr(values, name) for name in program.spec.settings},
        "secrets": _plain(secrets.model_validate(given)),
    }


def capabilities(program: Program) -> Capabilities:
    """What the specification says that can be done."""
    spec = program.spec
    return Capabilities(
        create=bool(program.verb("create")),
        update=bool(program.verb("update")),
        disable=bool(program.verb("disable")),
        enable=bool(program.verb("enable")),
        delete=bool(program.verb("delete")),
        entitlements=frozenset(spec.entitlements),
        create_entitlements=any(one.create for one in spec.entitlements.values()),
        # What has no search of its own is looked for through everything: once is worth it.
        searchable=frozenset(spec.requests.find) | (ALWAYS & spec.account.attributes.keys()),
    )


def stricter(program: Program, asked: Limits) -> Limits:
    """The stricter of what the specification says and what the administrator says."""
    spec = program.spec.limits

    def least(one: float | None, other: float | None) -> float | None:
        given = [value for value in (one, other) if value is not None]
        return min(given) if given else None

    return Limits(
        reads=least(spec.reads, asked.reads),
        writes=least(spec.writes, asked.writes),
        burst=min(spec.burst, asked.burst),
        concurrency=min(spec.concurrency, asked.concurrency),
    )


def _plain(secrets: BaseModel) -> dict[str, Any]:
    return {
        name: value.get_secret_value() if value is not None else None
        for name in type(secrets).model_fields
        if (value := getattr(secrets, name)) is not None
    }
