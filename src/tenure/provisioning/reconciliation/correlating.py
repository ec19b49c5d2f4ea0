"""Tying accounts that were there before us to their owners, in the tables.

What is certain is linked and told in the audit trail; what is not waits for a person. Nothing is
sent to any application here. What a person decided by hand is never decided again.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from tenure.applications.connecting import matching_rules
from tenure.applications.models import Account, Application
from tenure.audit.models import Action
from tenure.audit.services import Entry, event, record_many
from tenure.core.account_conditions import compile_account_condition, first_that_holds, seen
from tenure.core.correlation import Key, Matcher, Verdict, correlate
from tenure.core.expressions import Schema
from tenure.core.model import Observed, OperationKind, OperationState, Situation
from tenure.core.veiling import Veil
from tenure.infra.bulk import update_rows
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import lagging, raise_generation, schema
from tenure.provisioning.models import Operation
from tenure.provisioning.reconciliation import narrowing
from tenure.provisioning.records import nobodys, veiling

#: Whose owner rules may still find, or find to be another.
UNDECIDED = [
    Situation.UNMATCHED.value,
    Situation.UNLINKED.value,
    Situation.DISPUTED.value,
    Situation.IGNORED.value,
]
_WRITTEN = ("situation", "situation_reason", "person", "candidates", "adopted_at")
_ATTEMPTS = 3


@dataclass(slots=True)
class Correlated:
    """`counters`: accounts that are newly linked, disputed, orphans or ignored; `told` are those
    of which somebody should know, with the sentence; `affected` people have to be planned."""

    counters: Counter[str] = field(default_factory=Counter)
    told: list[tuple[Account, str]] = field(default_factory=list)
    affected: set[int] = field(default_factory=set)


def undecided(application: Application) -> QuerySet[Account]:
    """Accounts that no person has decided about and that are not linked."""
    return Account.objects.filter(application=application, situation__in=UNDECIDED, decision="")


def bring_up_to_date() -> None:
    """Correlate anew wherever people or rules changed since, before anything is planned. Costs a
    query where no account waits for an owner."""
    waiting = Account.objects.filter(situation__in=UNDECIDED, decision="")
    applications = list(
        Application.objects.filter(pk__in=waiting.order_by().values("application").distinct())
    )
    if not applications:
        return
    changed = list(Person.objects.filter(lagging()).values_list("pk", "uid", "attributes"))
    for application in applications:
        if application.correlated_by != digest(application) or _concerns(application, changed):
            correlate_application(application)


def correlate_application(application: Application, run: int | None = None) -> Correlated:
    """Decide again about every account that nobody has decided about."""
    for attempt in range(_ATTEMPTS):
        try:
            return _correlate(application, run)
        except IntegrityError:
            # Somebody got an account here this very moment: what was free is not any more.
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError


def matcher_for(application: Application) -> Matcher:
    """The rules of the application, compiled."""
    return Matcher(matching_rules(application), schema())


def people_keys(matcher: Matcher) -> Iterator[tuple[str, AbstractSet[Key]]]:
    """Everybody, with the values that the rules compare."""
    rows = Person.objects.values_list("pk", "uid", "attributes")
    for pk, uid, attributes in rows.iterator(5000):
        yield str(pk), matcher.person_keys(str(uid), attributes)


def digest(application: Application) -> str:
    """What accounts are correlated by."""
    by = repr((matching_rules(application), application.ignore))
    return hashlib.blake2b(by.encode(), digest_size=16).hexdigest()


class Possible:
    """For planning: which accounts that are not tied to anybody could be a person's. Where only a
    few `people` (ids) will be asked about, only the accounts that could be theirs are loaded."""

    def __init__(
        self,
        applications: Iterable[Application],
        people: Collection[int] | None = None,
        kinds: Schema | None = None,
    ) -> None:
        rows = {row.pk: row for row in _with_undecided(applications)}
        kinds = (schema() if kinds is None else kinds) if rows else {}
        matchers = {pk: Matcher(matching_rules(row), kinds) for pk, row in rows.items()}
        by_key: dict[int, dict[Key, list[Account]]] = {pk: {} for pk in rows}
        few = rows and people is not None and len(people) <= narrowing.FEW
        found = (
            _undecided_of(matchers, people)
            if few and people is not None
            else _undecided_rows(rows).iterator(5000)
        )
        for account in found:
            keys = by_key[account.application_id]
            for key in matchers[account.application_id].account_keys(account.attributes):
                keys.setdefault(key, []).append(account)
        self._found = [(row.slug, matchers[pk], by_key[pk]) for pk, row in rows.items()]

    def of(self, person: Person) -> list[Observed]:
        """The accounts that rules find for this person, as disputed."""
        accounts: dict[int, Observed] = {}
        for slug, matcher, by_key in self._found:
            for key in matcher.person_keys(str(person.uid), person.attributes):
                for row in by_key.get(key, ()):
                    if str(person.pk) not in row.refused:
                        accounts[row.pk] = _possible(slug, row)
        return list(accounts.values())


def _undecided_rows(applications: Collection[int]) -> QuerySet[Account]:
    """Accounts of these applications, by id, of which nobody knows whose they are."""
    rows = Account.objects.filter(
        application__in=list(applications), situation__in=UNDECIDED, decision=""
    ).exclude(situation=Situation.IGNORED.value)
    return rows.only("application_id", "remote_id", "attributes", "active", "refused")


def _undecided_of(matchers: Mapping[int, Matcher], people: Collection[int]) -> Iterator[Account]:
    """Of them those that could be one of these people's, and a few that turn out not to be."""
    persons = list(Person.objects.filter(pk__in=people).values_list("uid", "attributes"))
    for applications, could_be in narrowing.narrowed(matchers, persons):
        yield from could_be(_undecided_rows(applications))


def _with_undecided(applications: Iterable[Application]) -> list[Application]:
    """Those in which an account waits for its owner. One query by index: mostly there is none."""
    rows = {row.pk: row for row in applications}
    waiting = Account.objects.filter(
        application__in=list(rows), situation__in=UNDECIDED, decision=""
    ).exclude(situation=Situation.IGNORED.value)
    found = set(waiting.order_by().values_list("application", flat=True).distinct())
    return [row for key, row in rows.items() if key in found]


def _possible(slug: str, row: Account) -> Observed:
    return Observed(
        application=slug,
        account=str(row.pk),
        remote_id=row.remote_id,
        attributes=row.attributes,
        active=row.active,
        situation=Situation.DISPUTED,
    )


def _concerns(
    application: Application, changed: Sequence[tuple[int, object, dict[str, str]]]
) -> bool:
    """Whether any of the people who changed could own one of the accounts, or was thought to."""
    if not changed:
        return False
    matcher = matcher_for(application)
    keys: set[Key] = set()
    candidates: set[str] = set()
    rows = undecided(application).exclude(situation=Situation.IGNORED.value)
    for attributes, could in rows.values_list("attributes", "candidates").iterator(5000):
        keys |= matcher.account_keys(attributes)
        candidates.update(could)
    return any(
        str(pk) in candidates or not keys.isdisjoint(matcher.person_keys(str(uid), attributes))
        for pk, uid, attributes in changed
    )


@transaction.atomic
def _correlate(application: Application, run: int | None) -> Correlated:
    rows = {str(row.pk): row for row in undecided(application).select_for_update().order_by("pk")}
    found = Correlated()
    ignoring = [compile_account_condition(text) for text in application.ignore]
    matcher = matcher_for(application)
    keys: dict[str, AbstractSet[Key]] = {}
    verdicts: dict[str, Verdict] = {}
    for key, row in rows.items():
        given = seen(row.attributes, remote_id=row.remote_id, active=row.active)
        if (text := first_that_holds(ignoring, given)) is not None:
            verdicts[key] = Verdict(Situation.IGNORED, reason=f"Ignored by {text}.")
        else:
            keys[key] = matcher.account_keys(row.attributes)
    if keys:
        verdicts |= correlate(
            matcher.rules,
            keys,
            people_keys(matcher),
            taken=_taken(application),
            refused={key: frozenset(rows[key].refused) for key in keys if rows[key].refused},
        )
    making = _making(application)
    changed = [row for key, row in rows.items() if _decide(row, verdicts[key], making, found)]
    update_rows(changed, _WRITTEN)
    nobodys.leave_alone([row for row in changed if row.situation != Situation.UNMATCHED.value])
    owners = [row.person_id for row in changed if row.person_id is not None]
    uids = dict(Person.objects.filter(pk__in=owners).values_list("pk", "uid"))
    over = veiling.veil([application]) if changed else Veil()
    record_many([one for row in changed for one in _events(application, over, row, uids, run)])
    raise_generation(found.affected)
    Application.objects.filter(pk=application.pk).update(correlated_by=digest(application))
    return found


def _taken(application: Application) -> frozenset[str]:
    """People who have a linked account here."""
    rows = Account.objects.filter(
        application=application, situation=Situation.LINKED.value
    ).values_list("person_id", flat=True)
    return frozenset(str(pk) for pk in rows)


def _making(application: Application) -> frozenset[str]:
    """People for whom an account is being made this moment, or may have been."""
    rows = Operation.objects.filter(
        application=application,
        kind=OperationKind.CREATE.value,
        state__in=[OperationState.STARTED.value, OperationState.UNKNOWN.value],
    ).values_list("person_id", flat=True)
    return frozenset(str(pk) for pk in rows)


def _decide(row: Account, verdict: Verdict, making: AbstractSet[str], found: Correlated) -> bool:
    """Whether anything is to be written. An account of somebody for whom one is being made just
    now is not tied yet: whether it is that very one is known when it was made."""
    situation, reason = verdict.situation, verdict.reason
    if verdict.owner in making:
        situation, reason = Situation.UNLINKED, "An account is being made for its owner."
    before = (row.situation, row.situation_reason, row.candidates)
    concerned = {*row.candidates, *verdict.candidates}
    row.candidates = list(verdict.candidates) if situation is not Situation.LINKED else []
    row.situation, row.situation_reason = situation.value, reason
    if situation is Situation.LINKED and verdict.owner is not None:
        row.person_id, row.adopted_at = int(verdict.owner), now()
    if before == (row.situation, row.situation_reason, row.candidates):
        return False
    found.affected.update(int(key) for key in concerned)
    found.counters[_COUNTED[situation]] += 1
    if situation is Situation.UNMATCHED:
        found.told.append((row, "This account belongs to nobody we know."))
    elif situation is Situation.DISPUTED:
        found.told.append((row, f"Whose account this is, a person has to decide. {reason}"))
    return True


_COUNTED = {
    Situation.LINKED: "linked",
    Situation.UNLINKED: "unlinked",
    Situation.UNMATCHED: "orphans",
    Situation.DISPUTED: "disputed",
    Situation.IGNORED: "ignored",
}


def _events(
    application: Application, over: Veil, row: Account, uids: Mapping[int, UUID], run: int | None
) -> Iterator[Entry]:
    actions = {
        Situation.LINKED.value: Action.ACCOUNT_ADOPTED,
        Situation.DISPUTED.value: Action.ACCOUNT_DISPUTED,
    }
    if (action := actions.get(row.situation)) is None:
        return
    uid = str(uids.get(row.person_id or 0, ""))
    yield event(
        action,
        subject_kind="account",
        subject_key=str(row.pk),
        subject_label=f"{row} in {application.name}",
        application=application.slug,
        person=uid,
        reason=row.situation_reason,
        after=over.values(application.slug, uid or row.remote_id, row.attributes),
        run=run,
    )
