"""Which person does an existing account belong to?

Rules are tried in order; the first that finds anybody says who it could be. An account is tied to
a person only where nothing speaks against it: one person found, by no rule another, nobody else's
account closer to that person, and no account theirs already. Everything else is a dispute for a
human, and an account that no rule ties to anybody is nobody's. The outcome does not depend on the
order in which accounts or people come.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from tenure.core.account_conditions import compile_account_value, seen
from tenure.core.diff import canonical
from tenure.core.expressions import ExpressionError, Schema, compile_value
from tenure.core.model import Attributes, Situation, Value

#: What stands for a person's own identifier, which every account that we make is given.
UID = "uid"
#: The place of a rule, and a value in the form in which it is compared.
Key: TypeAlias = tuple[int, str]

_NAME = re.compile(r"[A-Za-z_][\w.:$-]*")
_ATTRIBUTE = re.compile(r"user\.([a-z][a-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class MatchRule:
    """An account's attribute, or an expression over `account`, equals a person's attribute, `uid`,
    or an expression over `user`. `fold`: without regard to case."""

    account: str
    person: str
    fold: bool = True

    def __str__(self) -> str:
        return f"{self.account} = {self.person}"

    @property
    def certain(self) -> bool:
        """Whether it compares what we ourselves wrote into the account."""
        return self.person == UID


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an account is: linked to `owner`, disputed between `candidates`, or unmatched. `rule`
    is the one that decided, `reason` the sentence that says how."""

    situation: Situation
    owner: str | None = None
    candidates: tuple[str, ...] = ()
    rule: MatchRule | None = None
    reason: str = ""


def is_attribute(text: str) -> bool:
    """Whether a rule's `account` names an attribute, and is no expression."""
    return _NAME.fullmatch(text) is not None and not text.startswith("account.")


def attributes_read(rule: MatchRule) -> frozenset[str]:
    """The account's attributes that the rule compares."""
    if is_attribute(rule.account):
        return frozenset({rule.account})
    return compile_account_value(rule.account).columns


def default_rules(mapping: Iterable[tuple[str, str]]) -> tuple[MatchRule, ...]:
    """For an application that names none: what we sent as external id, then the e-mail address,
    then the user name. `mapping` is (attribute, expression over `user`): an account is recognised
    by what it would be made with."""
    mapped = dict(mapping)
    email = next((name for name in ("emails.work", "email") if name in mapped), "emails.work")
    login = next((name for name in ("userName", "login") if name in mapped), "userName")
    return (
        MatchRule("externalId", UID, fold=False),
        MatchRule(email, mapped.get(email, "email")),
        MatchRule(login, mapped.get(login, "email")),
    )


class Matcher:
    """Rules, compiled: the values by which accounts and people are compared."""

    def __init__(self, rules: Sequence[MatchRule], schema: Schema) -> None:
        """Raises `ExpressionError`."""
        self.rules = tuple(rules)
        self._of_account = [_account_value(rule.account) for rule in self.rules]
        self._of_person = [_person_value(rule.person, schema) for rule in self.rules]

    def account_keys(self, attributes: Attributes) -> frozenset[Key]:
        return self._keys(lambda place: self._of_account[place](attributes))

    def person_keys(self, uid: str, attributes: Attributes) -> frozenset[Key]:
        return self._keys(lambda place: self._of_person[place](uid, attributes))

    def _keys(self, value_at: Callable[[int], Value | None]) -> frozenset[Key]:
        return frozenset(
            (place, text)
            for place, rule in enumerate(self.rules)
            for text in _texts(value_at(place), fold=rule.fold)
        )


def correlate(
    rules: Sequence[MatchRule],
    accounts: Mapping[str, AbstractSet[Key]],
    people: Iterable[tuple[str, AbstractSet[Key]]],
    *,
    taken: AbstractSet[str] = frozenset(),
    refused: Mapping[str, AbstractSet[str]] = MappingProxyType({}),
) -> dict[str, Verdict]:
    """Account -> what it is. `taken` are people who have a linked account already; `refused` are
    people of whom somebody has said that the account is not theirs."""
    found = _edges(accounts, people, refused)
    claims: dict[str, list[tuple[int, str]]] = {}
    for account, by_place in found.items():
        for person in {one for group in by_place.values() for one in group}:
            closest = min(place for place, group in by_place.items() if person in group)
            claims.setdefault(person, []).append((closest, account))
    return {
        account: _verdict(account, found.get(account, {}), rules, claims, taken)
        for account in accounts
    }


def _edges(
    accounts: Mapping[str, AbstractSet[Key]],
    people: Iterable[tuple[str, AbstractSet[Key]]],
    refused: Mapping[str, AbstractSet[str]],
) -> dict[str, dict[int, set[str]]]:
    """Account -> place of a rule -> whom it finds."""
    by_key: dict[Key, list[str]] = {}
    for account, keys in accounts.items():
        for key in keys:
            by_key.setdefault(key, []).append(account)
    found: dict[str, dict[int, set[str]]] = {}
    for person, keys in people:
        for key in keys:
            for account in by_key.get(key, ()):
                if person not in refused.get(account, ()):
                    found.setdefault(account, {}).setdefault(key[0], set()).add(person)
    return found


def _verdict(
    account: str,
    by_place: Mapping[int, AbstractSet[str]],
    rules: Sequence[MatchRule],
    claims: Mapping[str, Sequence[tuple[int, str]]],
    taken: AbstractSet[str],
) -> Verdict:
    if not by_place:
        return Verdict(Situation.UNMATCHED, reason="No rule ties it to anybody.")
    place = min(by_place)
    rule, people = rules[place], by_place[place]
    everybody = frozenset[str]().union(*by_place.values())
    candidates = tuple(sorted(people if rule.certain else everybody))
    if len(candidates) > 1:
        by = f"by {rule}" if len(people) > 1 else "because its values are of different people"
        reason = f"{len(candidates)} people could own it, {by}."
        return Verdict(Situation.DISPUTED, None, candidates, rule, reason)
    (owner,) = candidates
    if owner in taken:
        reason = "The person whose it could be has another account here."
        return Verdict(Situation.DISPUTED, None, candidates, rule, reason)
    rivals = [one for closest, one in claims[owner] if one != account and closest <= place]
    if rivals:
        reason = f"{len(rivals) + 1} accounts here could be the same person's, by {rule}."
        return Verdict(Situation.DISPUTED, None, candidates, rule, reason)
    return Verdict(Situation.LINKED, owner, candidates, rule, f"Found by {rule}.")


def _account_value(text: str) -> Callable[[Attributes], Value | None]:
    if is_attribute(text):
        return lambda attributes: attributes.get(text)
    expression = compile_account_value(text)

    def value(attributes: Attributes) -> Value | None:
        try:
            return expression.value(seen(attributes))
        except ExpressionError:
            return None  # It has not got what the rule compares: the rule says nothing of it.

    return value


def _person_value(text: str, schema: Schema) -> Callable[[str, Attributes], Value | None]:
    if text == UID:
        return lambda uid, _: uid
    simple = _ATTRIBUTE.fullmatch(text)
    name = simple[1] if simple else text
    if name in schema:
        return lambda _, attributes: attributes.get(name)
    expression = compile_value(text, schema)

    def value(_: str, attributes: Attributes) -> Value | None:
        try:
            return expression.value(attributes)
        except ExpressionError:
            return None

    return value


def _texts(value: Value | None, *, fold: bool) -> Iterable[str]:
    form = canonical(value, caseless=fold)
    if form is None or isinstance(form, bool):
        return ()
    return form if isinstance(form, frozenset) else (str(form),)
