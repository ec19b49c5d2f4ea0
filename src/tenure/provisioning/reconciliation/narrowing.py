"""Which accounts could be one of a few people's, asked of the database. It gives too many rather
than too few (see `infra.folding`), and the matching rules have the last word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KeyTextTransform

from tenure.applications.models import Account
from tenure.core.correlation import Matcher, is_attribute
from tenure.infra.folding import can_be_found, could_hold

#: For so many people it is worth it.
FEW: Final = 5
Narrow: TypeAlias = Callable[[QuerySet[Account]], QuerySet[Account]]


def narrowed(
    matchers: Mapping[int, Matcher], people: Sequence[tuple[object, Any]]
) -> Iterator[tuple[list[int], Narrow]]:
    """Applications with equal rules, and what narrows their accounts down to those that could be
    one of these people's (uid, attributes). None of an application that compares nothing that they
    have."""
    alike: dict[frozenset[tuple[str, str]] | None, list[int]] = {}
    for application, matcher in matchers.items():
        alike.setdefault(_compared(matcher, people), []).append(application)
    for pairs, applications in alike.items():
        if pairs is None:
            yield applications, _all
        elif pairs:
            yield applications, _with(pairs)


def _compared(
    matcher: Matcher, people: Sequence[tuple[object, Any]]
) -> frozenset[tuple[str, str]] | None:
    """(attribute of the account, text) that would tie one to them; None where that cannot be said
    so, as of rules that are expressions."""
    found = set()
    for uid, attributes in people:
        for place, text in matcher.person_keys(str(uid), attributes):
            name = matcher.rules[place].account
            if not is_attribute(name) or not can_be_found(text):
                return None
            found.add((name, text))
    return frozenset(found)


def _with(pairs: frozenset[tuple[str, str]]) -> Narrow:
    names = sorted({name for name, _ in pairs})
    places = {name: f"compared_{place}" for place, name in enumerate(names)}
    wanted = Q()
    for name, place in places.items():
        wanted |= could_hold(place, (text for own, text in pairs if own == name))

    def narrow(rows: QuerySet[Account]) -> QuerySet[Account]:
        values = {place: KeyTextTransform(name, "attributes") for name, place in places.items()}
        return rows.alias(**values).filter(wanted)

    return narrow


def _all(rows: QuerySet[Account]) -> QuerySet[Account]:
    return rows
