"""Which kinds of connector there are, and how one is opened from what is stored.

The one place that knows every kind by name. It imports a connector when it is asked for it, and
must not know what any of them does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tenure.connectors.base import Capabilities, Connector, ConnectorConfig, SettingsError

#: Kind -> module and class.
_CONNECTORS = {
    "github": ("tenure.connectors.github", "GithubConnector"),
    "google": ("tenure.connectors.google", "GoogleConnector"),
    "handover": ("tenure.connectors.handover", "HandoverConnector"),
    "ldap": ("tenure.connectors.ldap", "LdapConnector"),
    "manual": ("tenure.connectors.manual", "ManualConnector"),
    "memory": ("tenure.connectors.memory", "MemoryConnector"),
    "microsoft": ("tenure.connectors.microsoft", "MicrosoftConnector"),
    "postgresql": ("tenure.connectors.postgresql", "PostgresqlConnector"),
    "practice": ("tenure.connectors.practice", "PracticeConnector"),
    "rest": ("tenure.connectors.rest", "RestConnector"),
    "scim": ("tenure.connectors.scim", "ScimConnector"),
}
#: The secret that OAuth takes the place of.
TOKEN = "token"
_LATER = "given-when-it-is-needed"
_LONGEST_VALUE = 60


def kinds() -> tuple[str, ...]:
    """Every kind, by name."""
    return tuple(sorted(_CONNECTORS))


def connector_class(kind: str) -> type[Connector]:
    """The class for `kind`. Raises ValueError, naming the kinds there are."""
    try:
        module, name = _CONNECTORS[kind]
    except KeyError:
        raise ValueError(
            f"There is no connector of kind {kind!r}; there are {', '.join(kinds())}."
        ) from None
    return cast("type[Connector]", getattr(import_module(module), name))


def schemas(kind: str, settings: Mapping[str, Any]) -> tuple[type[BaseModel], type[BaseModel]]:
    """The forms for settings and secrets, as JSON Schema has them. Those of a connector by
    specification are the specification's; they are told by `settings`.

    Raises ValueError for an unknown kind, and `SettingsError` for a wrong specification.
    """
    chosen = connector_class(kind)
    own: Callable[[Mapping[str, Any]], tuple[type[BaseModel], type[BaseModel]]] | None
    own = getattr(chosen, "schemas_for", None)
    return (chosen.Settings, chosen.Secrets) if own is None else own(settings)


def ends_sessions(kind: str, settings: Mapping[str, Any]) -> bool:
    """Whether sessions can be ended there, by these settings; nothing is opened for it. Wrong
    settings can nothing. Raises ValueError for an unknown kind."""
    own: Callable[[Mapping[str, Any]], bool] | None
    own = getattr(connector_class(kind), "ends_sessions_by", None)
    if own is None:
        return False
    try:
        return bool(own(settings))
    except ValueError:
        return False


def removing(kind: str, settings: Mapping[str, Any]) -> Capabilities:
    """Whether accounts can be closed, opened again and deleted there, by these settings; nothing is
    opened for it. What wrong settings keep from being known counts as possible. Raises ValueError
    for an unknown kind."""
    own: Callable[[Mapping[str, Any]], Capabilities] | None
    own = getattr(connector_class(kind), "removing_by", None)
    try:
        can: Capabilities = Capabilities() if own is None else own(settings)
    except ValueError:
        can = Capabilities()
    return can


def known_attributes(kind: str, settings: Mapping[str, Any]) -> frozenset[str] | None:
    """The attributes that accounts have, where these settings say which; None: any that it may be.

    Raises ValueError for an unknown kind, and `SettingsError` for a wrong specification.
    """
    own: Callable[[Mapping[str, Any]], frozenset[str]] | None
    own = getattr(connector_class(kind), "attributes_for", None)
    return None if own is None else own(settings)


def open_connector(kind: str, config: ConnectorConfig) -> Connector:
    """A connector that is ready for `async with`.

    Raises ValueError for an unknown kind, and for settings, secrets or attribute names that the
    connector does not take: every field that is wrong, and what was expected there.
    """
    chosen = connector_class(kind)
    try:
        settings, secrets = schemas(kind, config.settings)
    except SettingsError as error:
        raise ValueError(f"{config.application} ({kind}): setting {error}.") from None
    problems = [
        *_problems(settings, config.settings, secret=False),
        *_problems(secrets, _secrets(config), secret=True),
    ]
    if problems:
        raise ValueError(f"{config.application} ({kind}): {'; '.join(problems)}.")
    try:
        return chosen(replace(config, settings=dict(config.settings)))
    except ValueError as error:
        raise ValueError(f"{config.application} ({kind}): {error}") from None


def _secrets(config: ConnectorConfig) -> Mapping[str, str]:
    """With OAuth the token comes when it is needed, and is not one of the secrets."""
    return config.secrets if config.tokens is None else {TOKEN: _LATER, **config.secrets}


def _problems(schema: type[BaseModel], given: Mapping[str, Any], *, secret: bool) -> list[str]:
    try:
        schema.model_validate(dict(given))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=not secret)
        return [_told(one, "secret" if secret else "setting", secret=secret) for one in found]
    return []


def _told(problem: ErrorDetails, what: str, *, secret: bool) -> str:
    """One mistake as `setting page_size: input should be less than or equal to 1000, not 5000`."""
    name = ".".join(map(str, problem["loc"])) or "as a whole"
    if problem["type"] == "missing":
        return f"{what} {name}: is missing"
    if problem["type"] == "extra_forbidden":
        return f"{what} {name}: is not known; check its spelling"
    said = problem["msg"].removeprefix("Value error, ").rstrip(".")
    text = f"{what} {name}: {said[:1].lower()}{said[1:]}"
    if secret:
        return text
    value = repr(problem["input"])
    shown = value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}..."
    return f"{text}, not {shown}"
