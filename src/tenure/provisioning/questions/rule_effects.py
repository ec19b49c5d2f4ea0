"""What an edit of one access rule would change in accounts, before it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tenure.core.expressions import compile_condition
from tenure.provisioning.questions.edit_effects import EditEffect, effect_of
from tenure.provisioning.questions.matching import rule_schema, who_meets
from tenure.rules.models import AccessRule
from tenure.rules.services import RuleDefinition, remove_rule, save_rule


def effect_of_rule(
    slug: str, after: RuleDefinition | None, *, position: int | None = None
) -> EditEffect:
    """What writing the rule so (None: removing it) changes. Raises `ExpressionError`."""
    row = AccessRule.objects.filter(slug=slug).first()
    old = set(_ids(row.condition, enabled=row.enabled)) if row else set()
    new = set(_ids(after.condition, enabled=after.enabled)) if after else set()
    same_gift = row is not None and after is not None and _plain(row.gives) == _plain(after.gives)

    def edit() -> None:
        if after is None:
            remove_rule(slug=slug, replan=False)
        else:
            save_rule(definition=replace(after, slug=slug), position=position, replan=False)

    concerned = old ^ new if same_gift else old | new
    return effect_of(edit, concerned, met=len(old), meets=len(new))


def _ids(condition: str, *, enabled: bool) -> list[int]:
    return who_meets(compile_condition(condition, rule_schema())) if enabled else []


def _plain(gives: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {slug: sorted(set(keys)) for slug, keys in gives.items()}
