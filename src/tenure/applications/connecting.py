"""Opening the connector of an application: its settings, its secrets resolved, its limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenure.applications import pacing
from tenure.applications.authorizing import party
from tenure.applications.models import Application
from tenure.catalogue.filling import complete
from tenure.connectors.base import Connector, ConnectorConfig, Learnt, Limits
from tenure.connectors.http import Timeouts
from tenure.connectors.registry import ends_sessions, open_connector
from tenure.core.account_conditions import NOT_ATTRIBUTES, compile_account_condition
from tenure.core.correlation import MatchRule, attributes_read, default_rules
from tenure.vault.authorizing import KeptTokens
from tenure.vault.services import resolve, resolve_all


def managed_attributes(application: Application) -> frozenset[str]:
    """The account attributes that the mapping writes, or that matching and conditions read."""
    mapped = {item["attribute"] for item in application.mapping}
    conditions = [*application.ignore, *application.protect]
    read = frozenset[str]().union(*(compile_account_condition(c).columns for c in conditions))
    for rule in matching_rules(application):
        read |= attributes_read(rule)
    return (frozenset(mapped) | read | {"userName", "externalId"}) - NOT_ATTRIBUTES


def unread_attributes(application: Application) -> frozenset[str]:
    """Of these the ones that its accounts were not read with, as far as is known: they were not
    asked for then. All of them where nobody noted what was asked for, as before an upgrade; none of
    an application that was never read."""
    if application.reconciled_at is None:
        return frozenset()
    return managed_attributes(application) - frozenset(application.read_attributes or ())


def longest_answer(application: Application) -> float:
    """Seconds after which a request that was sent is given up, as its settings say."""
    timeouts = application.settings.get("timeouts") or {}
    return float(timeouts.get("total") or Timeouts().total)


def matching_rules(application: Application) -> tuple[MatchRule, ...]:
    """What the application names, or what goes for one that names nothing."""
    if not application.matching:
        return default_rules(
            (item["attribute"], item["expression"]) for item in application.mapping
        )
    return tuple(
        MatchRule(item["account"], item["person"], item.get("case", "fold") == "fold")
        for item in application.matching
    )


def can_end_sessions(application: Application) -> bool:
    """Whether its connector can sign somebody out there, as it is set up. Nothing is opened."""
    try:
        settings = resolve_all(application.settings)
        whole = complete(application.catalogue_entry, application.connector, settings)
        return ends_sessions(application.connector, whole)
    except (LookupError, ValueError):
        return False


def connector_for(application: Application, learnt: Learnt | None = None) -> Connector:
    """The connector, not yet entered. `learnt`: where it keeps what the application teaches it of
    its limits, instead of beginning with what was kept and forgetting the rest. Raises `ValueError`
    for settings that are wrong and `LookupError` for a secret that cannot be read, both saying
    which and what to do."""
    settings: Mapping[str, Any] = complete(
        application.catalogue_entry, application.connector, resolve_all(application.settings)
    )
    return open_connector(
        application.connector,
        ConnectorConfig(
            application=application.slug,
            settings=settings,
            secrets={name: resolve(text) for name, text in application.secrets.items()},
            attributes=managed_attributes(application),
            limits=Limits(**application.limits, learnt=learnt or pacing.learnt(application)),
            tokens=KeptTokens(party(application)) if application.oauth else None,
        ),
    )
