"""What a merge, a split or taking one back would come to, before anybody says that it should be:
it is done in a transaction, looked at, and rolled back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import transaction

from tenure.applications.models import Account
from tenure.core.unions import Fate
from tenure.infra.clock import now
from tenure.people.models import Person, PersonUnion
from tenure.people.selectors import HIDDEN, attribute_labels
from tenure.provisioning.decisions import union_undoing, unions
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.records.plan import Plan
from tenure.sources.models import SourceRecord

_REASON = "preview"
_REPORTS = "people.Person.manager"
#: What goes along without a word: it would say nothing to anybody.
_QUIET = frozenset(
    {
        "applications.Account.person",
        "people.PersonUnion.person",
        "people.ReservedName.person",
        "provisioning.Remark.person",
        "provisioning.RuleMemory.person",
        "requests.AccessRequest.decider",
        "sources.PersonPair.one",
        "sources.PersonPair.other",
        "sources.SourceRecord.person",
        "sources.RehireQuestion.person",
    }
)


@dataclass(frozen=True, slots=True)
class AccountFate:
    """One account, and what becomes of it. `person`: whose it is afterwards, "" for nobody's."""

    application: str
    account: str
    fate: Fate
    person: str


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """One attribute of somebody who stays. What is sensitive is not in it."""

    person: str
    label: str
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class Preview:
    """`people`: who is there afterwards, with their employee numbers. `along` says what else goes
    from one to the other, `put_away` what cannot be there twice. `plan` is what follows from it."""

    people: tuple[tuple[str, str], ...]
    records: tuple[tuple[str, str, str], ...]
    accounts: tuple[AccountFate, ...]
    attributes: tuple[AttributeChange, ...]
    along: tuple[tuple[str, int], ...]
    put_away: tuple[tuple[str, int], ...]
    plan: Plan = field(default_factory=Plan)

    def as_json(self) -> dict[str, Any]:
        return {
            "people": [{"name": name, "employee_number": number} for name, number in self.people],
            "records": [
                {"source": source, "record": key, "person": person}
                for source, key, person in self.records
            ],
            "accounts": [
                {
                    "application": one.application,
                    "account": one.account,
                    "becomes": one.fate.value,
                    "person": one.person or None,
                }
                for one in self.accounts
            ],
            "attributes": [
                {
                    "person": one.person,
                    "attribute": one.label,
                    "before": one.before,
                    "after": one.after,
                }
                for one in self.attributes
            ],
            "along": dict(self.along),
            "put_away": dict(self.put_away),
            "plan": self.plan.as_json(),
        }


def merge(person: Person, other: Person, *, take: Collection[str] = ()) -> Preview:
    """Raises `UnionRefused`."""
    return _looked_at(
        [person, other],
        lambda: unions.merge(person=person, other=other, reason=_REASON, take=take),
    )


def split(
    person: Person, records: Sequence[SourceRecord], *, accounts: Collection[str] = ()
) -> Preview:
    """Raises `UnionRefused`."""
    return _looked_at(
        [person],
        lambda: unions.split(person=person, records=records, accounts=accounts, reason=_REASON),
    )


def undo(union: PersonUnion) -> Preview:
    """Raises `UnionRefused`."""

    def back() -> PersonUnion:
        union_undoing.undo(union=union, reason=_REASON)
        return PersonUnion.objects.get(pk=union.pk)

    there = Person.objects.filter(uid=union.other_uid)
    known = [*([union.person] if union.person else []), *there]
    return _looked_at(known, back)


def _looked_at(before: Sequence[Person], change: Callable[[], PersonUnion]) -> Preview:
    was = {p.uid: p for p in Person.objects.filter(pk__in=[p.pk for p in before])}
    had = _owners([p.pk for p in was.values()])
    try:
        with transaction.atomic():
            union = change()
            found = _found(was, had, union)
            transaction.set_rollback(True)
    finally:
        # Deleting somebody takes the id from the caller's instance, and it is still there.
        for person in before:
            person.pk = was[person.uid].pk if person.uid in was else person.pk
    return found


def _found(was: dict[Any, Person], had: dict[int, tuple[Any, bool]], union: PersonUnion) -> Preview:
    people = list(Person.objects.filter(uid__in=[*was, union.other_uid]).order_by("pk"))
    keys = frozenset(person.pk for person in people)
    records = SourceRecord.objects.filter(person__in=keys).select_related("source", "person")
    moved = union.moved if union.undone_at is None else {}
    return Preview(
        people=tuple((p.display_name, p.employee_number or "") for p in people),
        records=tuple(
            (r.source.name, r.key, r.person.display_name)
            for r in records.order_by("source__position", "key", "pk")
        ),
        accounts=tuple(_accounts(had, people)),
        attributes=tuple(_attributes(was, people)),
        along=_told({key: len(rows) for key, rows in moved.items() if key not in _QUIET}),
        put_away=_told(_counted(union.put_away if union.undone_at is None else [])),
        plan=plans.preview(Scope(people=keys, failed_too=False), now=now()),
    )


def _owners(people: Collection[int]) -> dict[int, tuple[Any, bool]]:
    """Account -> whose it is, and whether it is tied to them."""
    rows = Account.objects.filter(person__in=people).exclude(situation="deleted")
    found = rows.values_list("pk", "person__uid", "situation")
    return {pk: (uid, situation == "linked") for pk, uid, situation in found}


def _accounts(had: dict[int, tuple[Any, bool]], people: Sequence[Person]) -> Iterable[AccountFate]:
    wanted = {*had, *_owners([person.pk for person in people])}
    rows = Account.objects.filter(pk__in=wanted).select_related("application", "person")
    for row in rows.order_by("application__name", "pk"):
        uid = row.person.uid if row.person else None
        fate = Fate.STAYS if had.get(row.pk, (uid,))[0] == uid else Fate.MOVES
        fate = Fate.UNDECIDED if uid is None else fate
        name = row.person.display_name if row.person else ""
        yield AccountFate(row.application.name, str(row), fate, name)


def _attributes(was: dict[Any, Person], people: Sequence[Person]) -> Iterable[AttributeChange]:
    labels, sensitive = attribute_labels()
    for person in people:
        if person.uid not in was:
            continue
        before, after = was[person.uid].attributes, person.attributes
        for name in [*labels, *sorted({*before, *after} - labels.keys())]:
            old, new = before.get(name), after.get(name)
            if old == new:
                continue
            if name in sensitive:
                old, new = (None if value is None else HIDDEN for value in (old, new))
            yield AttributeChange(person.display_name, labels.get(name, name), old, new)


def _told(counts: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((_words(key), number) for key, number in counts.items() if number))


def _words(key: str) -> str:
    if key == _REPORTS:
        return "people who report to them"
    app, model, *_ = key.split(".")
    return str(apps.get_model(app, model)._meta.verbose_name_plural)


def _counted(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows:
        found[row["model"]] = found.get(row["model"], 0) + 1
    return found
