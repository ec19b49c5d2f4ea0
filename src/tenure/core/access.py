"""Access rules to what a person should have, and why.

Birthright access is the union of what the rules that hold give. No rule that holds = no access:
an empty set of rules is a refusal, never a pass. A rule may name a grace, for which what it gave
stays after it has ceased to hold. An exception gives or withholds something for one person; it
says who decided and why, and ends by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from tenure.core.expression_sets import ConditionSet
from tenure.core.expressions import Condition
from tenure.core.instants import told
from tenure.core.model import Attributes, Because


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled access rule. `gives` maps an application to the entitlements in it; `grace` is
    for how long that stays once the rule holds no more."""

    slug: str
    name: str
    condition: Condition
    gives: Mapping[str, frozenset[str]]
    grace: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class AccessException:
    """One person's own: an application (`entitlement` empty) or an entitlement in it, given or
    withheld, until an instant or until somebody ends it. Withholding wins over any giving."""

    application: str
    entitlement: str
    gives: bool
    reason: str
    decided_by: str
    until: datetime | None = None

    def in_force(self, now: datetime) -> bool:
        return self.until is None or now < self.until

    def because(self) -> Because:
        """As a reason that stands beside those of rules."""
        end = f" until {_end(self.until)}" if self.until else ""
        return Because("", f"exception of {self.decided_by}{end}: {self.reason}", "")


def _end(until: datetime) -> str:
    """The last day, or the time where it is within a day; by the clock that it is given in."""
    whole = (until.hour, until.minute) == (0, 0)
    return f"{until - timedelta(days=1):%-d %b %Y}" if whole else told(until)


#: Rule slug -> since when it no longer holds, None while it does. Kept for rules with a grace only.
Memory: TypeAlias = Mapping[str, datetime | None]

#: An application, and entitlements in it -> those of them that somebody has; None: they have no
#: account there.
Having: TypeAlias = Callable[[str, frozenset[str]], frozenset[str] | None]


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
        self._reads = {rule.slug: sorted(rule.condition.attributes) for rule in rules}

    @property
    def has_grace(self) -> bool:
        """Whether any rule leaves something for a while: then memories have to be kept."""
        return any(rule.grace for rule in self.rules.values())

    def due(
        self,
        attributes: Attributes,
        memory: Memory | None = None,
        now: datetime | None = None,
        *,
        failing: set[str] | None = None,
        having: Having | None = None,
    ) -> dict[str, Access]:
        """Application slug -> access, for one person's attributes. With what is remembered of them
        and the instant, rules that ceased to hold within their grace leave what they gave: what
        somebody is `having`, where that is known. Those of which it cannot be said whether they
        hold are added to `failing`."""
        holding = [self.rules[slug] for slug in self._conditions.holding(attributes, failing)]
        if memory and now is not None:
            holding += self._fading({rule.slug for rule in holding}, memory, now, having)
        giving: dict[str, list[Rule]] = {}
        for rule in holding:
            for slug in rule.gives:
                giving.setdefault(slug, []).append(rule)
        because = {
            rule.slug: Because(
                rule.slug, rule.name, rule.condition.source, self._saw(rule, attributes)
            )
            for rule in holding
        }
        return {slug: _access(slug, rules, because) for slug, rules in giving.items()}

    def reading(self, attribute: str) -> frozenset[str]:
        """The rules whose conditions read this attribute."""
        return frozenset(slug for slug, names in self._reads.items() if attribute in names)

    def keeping(
        self,
        access: Mapping[str, Access],
        failing: AbstractSet[str],
        held: Mapping[str, AbstractSet[str]],
    ) -> dict[str, Access]:
        """With what somebody holds that these rules may give: a mistake in a condition, or in one
        person's attributes, takes nothing from anybody, and gives nothing. `held`: application ->
        the entitlements of their account."""
        found = dict(access)
        for slug, rule in self.rules.items():
            if slug not in failing:
                continue
            because = Because(slug, f"{rule.name} (cannot be decided)", rule.condition.source)
            for application in rule.gives.keys() & held.keys():
                given = found.get(application, Access(application, frozenset(), ()))
                keys = rule.gives[application] & held[application] - given.entitlements
                found[application] = replace(
                    given,
                    entitlements=given.entitlements | keys,
                    because=(*given.because, because),
                    by_entitlement={**given.by_entitlement, **dict.fromkeys(keys, (slug,))},
                )
        return found

    def remember(self, attributes: Attributes, memory: Memory, now: datetime) -> Memory:
        """What to remember of this person from `now` on."""
        holding = set(self._conditions.holding(attributes))
        after: dict[str, datetime | None] = {}
        for slug, rule in self.rules.items():
            if not rule.grace:
                continue
            if slug in holding:
                after[slug] = None
            elif slug in memory:
                lost = memory[slug] or now
                if now < lost + rule.grace:
                    after[slug] = lost
        return after

    def ends(self, memory: Memory, now: datetime) -> list[datetime]:
        """The instants to come at which a grace ends, for what is remembered of one person."""
        ends = (
            lost + self.rules[slug].grace
            for slug, lost in memory.items()
            if lost is not None and slug in self.rules
        )
        return sorted(end for end in ends if end > now)

    def _fading(
        self, holding: set[str], memory: Memory, now: datetime, having: Having | None
    ) -> list[Rule]:
        fading = []
        for slug, rule in self.rules.items():
            lost = memory.get(slug)
            if slug in holding or lost is None or now >= lost + rule.grace:
                continue
            name = f"{rule.name} (until {_end((lost + rule.grace).astimezone(now.tzinfo))})"
            fading.append(replace(rule, name=name, gives=_left(rule.gives, having)))
        return fading

    def _saw(self, rule: Rule, attributes: Attributes) -> Attributes:
        return {name: attributes[name] for name in self._reads[rule.slug] if name in attributes}

    def refusals(self, attributes: Attributes) -> dict[str, list[Refusal]]:
        """Application slug -> why no more rules give it: each that does not hold, with what it
        saw."""
        holding = set(self._conditions.holding(attributes))
        found: dict[str, list[Refusal]] = {}
        for rule in self.rules.values():
            if rule.slug in holding:
                continue
            refusal = Refusal(
                rule=rule.slug,
                name=rule.name,
                condition=rule.condition.source,
                saw=self._saw(rule, attributes),
                missing=tuple(sorted(rule.condition.attributes - attributes.keys())),
            )
            for slug in rule.gives:
                found.setdefault(slug, []).append(refusal)
        return found


def _left(
    gives: Mapping[str, frozenset[str]], having: Having | None
) -> Mapping[str, frozenset[str]]:
    """A grace leaves what somebody has, and gives nothing: neither what the rule has given since,
    nor an account that was not made yet."""
    if having is None:
        return gives
    kept = {slug: having(slug, keys) for slug, keys in gives.items()}
    return {slug: keys for slug, keys in kept.items() if keys is not None}


def with_exceptions(
    access: Mapping[str, Access], exceptions: Sequence[AccessException], now: datetime
) -> tuple[dict[str, Access], dict[str, str]]:
    """What is due once this person's exceptions are weighed, and application slug -> why it is
    withheld from them as a whole."""
    due = dict(access)
    valid = [item for item in exceptions if item.in_force(now)]
    for item in valid:
        if item.gives:
            due[item.application] = _given(due.get(item.application), item)
    withheld: dict[str, str] = {}
    for item in valid:
        if item.gives:
            continue
        if not item.entitlement:
            due.pop(item.application, None)
            withheld[item.application] = item.because().name
        elif item.application in due:
            kept = due[item.application]
            due[item.application] = replace(
                kept,
                entitlements=kept.entitlements - {item.entitlement},
                by_entitlement={
                    k: v for k, v in kept.by_entitlement.items() if k != item.entitlement
                },
            )
    return due, withheld


def _given(access: Access | None, item: AccessException) -> Access:
    keys = frozenset({item.entitlement} if item.entitlement else ())
    if access is None:
        access = Access(item.application, frozenset(), ())
    return replace(
        access,
        entitlements=access.entitlements | keys,
        because=(*access.because, item.because()),
        by_entitlement={**access.by_entitlement, **dict.fromkeys(keys, ("exception",))},
    )


def _access(application: str, giving: Sequence[Rule], because: Mapping[str, Because]) -> Access:
    by_entitlement: dict[str, list[str]] = {}
    for rule in giving:
        for key in rule.gives[application]:
            by_entitlement.setdefault(key, []).append(rule.slug)
    return Access(
        application=application,
        entitlements=frozenset(by_entitlement),
        because=tuple(because[rule.slug] for rule in giving),
        by_entitlement={key: tuple(slugs) for key, slugs in by_entitlement.items()},
    )
