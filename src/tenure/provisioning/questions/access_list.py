"""Who should have an application, and why: the question of a person's page the other way round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tenure.core.expressions import Condition, ExpressionError, compile_condition
from tenure.infra.clock import now
from tenure.infra.paging import Page
from tenure.infra.paging import page as paged
from tenure.people.models import Person
from tenure.provisioning.questions.matching import GONE, among, rule_schema, who_meet
from tenure.rules.exceptions import in_force
from tenure.rules.models import AccessException, AccessRule


@dataclass(frozen=True, slots=True)
class WhoGets:
    """`by_rule`: rules that give it, each with the people who meet it. `given` and `withheld` are
    exceptions, by person. `broken`: rules that no longer compile."""

    by_rule: Mapping[str, tuple[AccessRule, frozenset[int]]]
    given: Mapping[int, AccessException] = field(default_factory=dict)
    withheld: Mapping[int, AccessException] = field(default_factory=dict)
    broken: tuple[AccessRule, ...] = ()

    @property
    def people(self) -> set[int]:
        """The ids of everybody who should have it."""
        found = set(self.given).union(*(ids for _, ids in self.by_rule.values()))
        return found - set(self.withheld)

    def reasons(self, person: int) -> list[str]:
        """Why this one: names of rules, and the exception."""
        found = [rule.name for rule, ids in self.by_rule.values() if person in ids]
        if person in self.given:
            row = self.given[person]
            found.append(f"exception of {row.decided_by}: {row.reason}")
        return found

    def several(self) -> int:
        """How many have it by more than one rule: taking one away takes nothing from them."""
        counts: dict[int, int] = {}
        for _, ids in self.by_rule.values():
            for person in ids:
                counts[person] = counts.get(person, 0) + 1
        return sum(1 for n in counts.values() if n > 1)


def who_gets(application: str) -> WhoGets:
    """Everybody who should have the application, by slug."""
    schema = rule_schema()
    conditions: dict[str, Condition] = {}
    rules, broken = [], []
    for rule in AccessRule.objects.filter(enabled=True, gives__has_key=application):
        try:
            conditions[rule.slug] = compile_condition(rule.condition, schema)
        except ExpressionError:
            broken.append(rule)
        else:
            rules.append(rule)
    met = who_meet(conditions)
    by_rule = {rule.slug: (rule, frozenset(met[rule.slug])) for rule in rules}
    rows = AccessException.objects.filter(application=application, ended_at__isnull=True)
    concerned = rows.exclude(person__state__in=GONE).values_list("person_id", flat=True)
    given: dict[int, AccessException] = {}
    withheld: dict[int, AccessException] = {}
    for person, exceptions in in_force(concerned, now()).items():
        for row in exceptions:
            if row.application == application and (row.gives or not row.entitlement):
                (given if row.gives else withheld)[person] = row
    return WhoGets(by_rule, given, withheld, tuple(broken))


def page(gets: WhoGets, *, rule: str = "", cursor: str = "", size: int = 50) -> Page[Person]:
    """Those people by name; with `rule`, those whom it gives the application."""
    ids = gets.people
    if rule in gets.by_rule:
        ids &= gets.by_rule[rule][1]
    return people_page(sorted(ids), cursor=cursor, size=size)


def people_page(ids: Sequence[int], *, cursor: str = "", size: int = 50) -> Page[Person]:
    """These people by name."""
    return paged(among(ids), order=("display_name", "id"), cursor=cursor, size=size)
