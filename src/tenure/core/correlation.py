"""Which person does an existing account belong to?

Rules are tried in order; the first that finds anybody decides. One person found is a match,
several are a dispute for a human, none is an orphan. Nobody is matched by a value that several
people share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tenure.core.diff import canonical
from tenure.core.model import Attributes


@dataclass(frozen=True, slots=True)
class MatchRule:
    """The account's attribute equals the person's, without regard to case."""

    account: str
    person: str


@dataclass(frozen=True, slots=True)
class Match:
    """The people that it could be, and the rule that found them."""

    people: tuple[str, ...]
    rule: MatchRule | None = None

    @property
    def only(self) -> str | None:
        return self.people[0] if len(self.people) == 1 else None


NOBODY = Match(())


class PeopleIndex:
    """People by the values of the attributes that the rules compare."""

    def __init__(
        self, rules: Sequence[MatchRule], people: Iterable[tuple[str, Attributes]]
    ) -> None:
        self.rules = tuple(rules)
        self._by_value: dict[tuple[str, str], set[str]] = {}
        wanted = {rule.person for rule in rules}
        for key, attributes in people:
            for name in wanted:
                for value in _values(attributes, name):
                    self._by_value.setdefault((name, value), set()).add(key)

    def owners(self, account: Attributes) -> Match:
        """Who this account could belong to."""
        for rule in self.rules:
            found: set[str] = set()
            for value in _values(account, rule.account):
                found |= self._by_value.get((rule.person, value), set())
            if found:
                return Match(tuple(sorted(found)), rule)
        return NOBODY


def _values(attributes: Mapping[str, object], name: str) -> Iterable[str]:
    value = attributes.get(name)
    form = canonical(value, caseless=True)  # type: ignore[arg-type]
    if form is None:
        return ()
    return form if isinstance(form, frozenset) else (str(form),)
