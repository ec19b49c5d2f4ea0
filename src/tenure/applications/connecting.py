"""Opening the connector of an application: its settings, its secrets resolved, its limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenure.applications.models import Application
from tenure.connectors.base import Connector, ConnectorConfig, Limits
from tenure.connectors.registry import open_connector
from tenure.infra.secrets import resolve, resolve_all


def managed_attributes(application: Application) -> frozenset[str]:
    """The account attributes that the mapping writes or the matching reads."""
    mapped = {item["attribute"] for item in application.mapping}
    matched = {item["account"] for item in application.matching}
    return frozenset(mapped | matched | {"userName"})


def connector_for(application: Application) -> Connector:
    """The connector, not yet entered. Raises `ValueError` for settings that are wrong and
    `LookupError` for a secret that cannot be read, both saying which and what to do."""
    settings: Mapping[str, Any] = resolve_all(application.settings)
    return open_connector(
        application.connector,
        ConnectorConfig(
            application=application.slug,
            settings=settings,
            secrets={name: resolve(text) for name, text in application.secrets.items()},
            attributes=managed_attributes(application),
            limits=Limits(**application.limits),
        ),
    )
