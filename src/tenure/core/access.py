"""Access rules to what a person should have, and why.

Birthright access is the union of what the rules that hold give. No rule that holds = no access:
an empty set of rules is a refusal, never a pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tenure.core.expressions import Condition, ConditionSet
from tenure.core.model import Attributes, Because


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled access rule. `gives` maps an application to the entitlements in it."""

    slug: str
    name: str
    condition: Condition
    gives: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Access:
    """What one person should have in one application. `by_entitlement` names the giving rules."""

    application: str
    entitlements: frozenset[str]
    because: tuple[Because, ...]
    by_entitlement: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a rule does not hold: the values that its condition saw, and the names that it missed."""

    rule: str
    name: str
    condition: str
    saw: Attributes
    missing: tuple[str, ...]


class RuleBook:
    """All enabled rules, compiled together once and asked for one person after the other."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = {rule.slug: rule for rule in rules}
        self._conditions = ConditionSet({rule.slug: rule.condition for rule in rules})

    def due(self, attributes: Attributes) -> dict[str, Access]:
        """Application slug -> access, for one person's attributes."""
        holding = [self.rules[slug] for slug in self._conditions.holding(attributes)]
        applications = dict.fromkeys(slug for rule in holding for slug in rule.gives)
        return {slug: _access(slug, holding, attributes) for slug in applications}

    def refusals(self, attributes: Attributes, application: str) -> list[Refusal]:
        """Why no more rules give this application: each that does not hold, with what it saw."""
        holding = set(self._conditions.holding(attributes))
        return [
            Refusal(
                rule=rule.slug,
                name=rule.name,
                condition=rule.condition.source,
                saw=_saw(rule, attributes),
                missing=tuple(sorted(rule.condition.attributes - attributes.keys())),
            )
            for rule in self.rules.values()
            if application in rule.gives and rule.slug not in holding
        ]


def _access(application: str, holding: Sequence[Rule], attributes: Attributes) -> Access:
    giving = [rule for rule in holding if application in rule.gives]
    by_entitlement: dict[str, list[str]] = {}
    for rule in giving:
        for key in rule.gives[application]:
            by_entitlement.setdefault(key, []).append(rule.slug)
    return Access(
        application=application,
        entitlements=frozenset(by_entitlement),
        because=tuple(
            Because(rule.slug, rule.name, rule.condition.source, _saw(rule, attributes))
            for rule in giving
        ),
        by_entitlement={key: tuple(slugs) for key, slugs in by_entitlement.items()},
    )


def _saw(rule: Rule, attributes: Attributes) -> Attributes:
    return {
        name: attributes[name] for name in sorted(rule.condition.attributes) if name in attributes
    }
