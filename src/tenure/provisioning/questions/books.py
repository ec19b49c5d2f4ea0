"""Rules that give certain applications, and the groups that they speak of, compiled. For whoever
asks of one person at a time, again and again: they are read at each question, and compiled only
when they say something else than last time. So a rule counts from the moment on at which it is
stored.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import orjson
from django.utils.duration import duration_iso_string

from tenure.core.access import RuleBook
from tenure.core.expressions import AttributeType
from tenure.core.groups import ATTRIBUTE, GroupBook
from tenure.people.services import schema
from tenure.provisioning.records.loading import group_book, rule_book
from tenure.rules.models import AccessRule, PeopleGroup

#: Different sets of applications that are kept compiled, in each thread.
_MOST: Final = 64


@dataclass(frozen=True, slots=True)
class Books:
    """Rules and groups, compiled together."""

    rules: RuleBook
    groups: GroupBook


class _Kept(threading.local):
    """Compiled expressions are not shared between threads."""

    def __init__(self) -> None:
        self.by_text: dict[bytes, Books] = {}


_kept = _Kept()


def books_for(slugs: Collection[str]) -> Books:
    """What the rules that give any of these applications come to. Raises `ExpressionError`."""
    own = schema()
    rules = list(AccessRule.objects.filter(enabled=True, gives__has_any_keys=sorted(slugs)))
    groups = list(PeopleGroup.objects.all())
    key = _key(own, rules, groups)
    found = _kept.by_text.get(key)
    if found is None:
        if len(_kept.by_text) >= _MOST:
            _kept.by_text.clear()
        attributes = {**own, ATTRIBUTE: AttributeType.STRINGS}
        found = Books(rule_book(attributes, rules), group_book(own, groups))
        _kept.by_text[key] = found
    return found


def _key(own: object, rules: list[AccessRule], groups: list[PeopleGroup]) -> bytes:
    """A digest of everything that is compiled, and of nothing else."""
    content = [
        own,
        [
            (
                rule.slug,
                rule.name,
                rule.condition,
                rule.gives,
                duration_iso_string(rule.grace) if rule.grace else None,
            )
            for rule in rules
        ],
        [(group.slug, group.condition, group.people) for group in groups],
    ]
    return blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
