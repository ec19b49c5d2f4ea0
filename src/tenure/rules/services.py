"""Writing access rules. Whether what they give exists is checked by whoever has the whole
configuration before it; nothing here looks at applications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils.duration import duration_iso_string

from tenure.people.configured import Configured
from tenure.people.services import raise_generation
from tenure.rules.models import AccessRule


@dataclass(frozen=True, slots=True)
class RuleDefinition:
    """Who meets `condition` gets everything in `gives`: application slug -> entitlement keys.
    `grace` is for how long that stays once they meet it no more."""

    slug: str
    name: str
    condition: str
    description: str = ""
    gives: Mapping[str, Sequence[str]] = field(default_factory=dict)
    enabled: bool = True
    grace: timedelta | None = None


def definitions() -> list[RuleDefinition]:
    """All rules, enabled or not, in the order in which they are shown."""
    return _RULES.all()


@transaction.atomic
def save_rule(
    *, definition: RuleDefinition, position: int | None = None, replan: bool = True
) -> bool:
    """Make the rule, or change what differs. Returns whether plans depend on the change: a name
    is shown as a reason in plans, so only a description does not."""
    matters = bool(_RULES.save(definition, position) - {"description"})
    if matters and replan:
        raise_generation()
    return matters


@transaction.atomic
def remove_rule(*, slug: str, replan: bool = True) -> None:
    """Nobody gets anything by this rule any more."""
    _RULES.remove(AccessRule.objects.select_for_update().get(slug=slug))
    if replan:
        raise_generation()


def _definition(rule: AccessRule) -> RuleDefinition:
    return RuleDefinition(
        slug=rule.slug,
        name=rule.name,
        description=rule.description,
        condition=rule.condition,
        gives=rule.gives,
        enabled=rule.enabled,
        grace=rule.grace,
    )


def _plain(definition: RuleDefinition) -> dict[str, Any]:
    return {
        "name": definition.name,
        "description": definition.description,
        "condition": definition.condition,
        "gives": {slug: sorted(keys) for slug, keys in definition.gives.items()},
        "enabled": definition.enabled,
        "grace": duration_iso_string(definition.grace) if definition.grace else None,
    }


_RULES = Configured(
    "rule", AccessRule, _definition, _plain, lambda definition: {"grace": definition.grace}
)
