"""Why a person has, or lacks, each application and entitlement; and what happened so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from tenure.applications.models import Account, Application
from tenure.audit.models import Event
from tenure.core.access import Refusal
from tenure.core.mapping import MappingProblem
from tenure.core.model import (
    ApplicationPolicy,
    Because,
    LifecycleState,
    PersonFacts,
    Situation,
)
from tenure.core.planner import entitled, may_be_there
from tenure.infra.clock import now as clock_now
from tenure.people.models import Person
from tenure.people.selectors import HIDDEN
from tenure.people.services import stand
from tenure.provisioning.models import Operation
from tenure.provisioning.planning.drafting import Drafting, Scope
from tenure.provisioning.questions.selectors import open_operations
from tenure.provisioning.questions.steps import Step, steps_of
from tenure.provisioning.records.stopping import still_of

_HISTORY = 50
_LINKED = Situation.LINKED.value
_Reason = TypeVar("_Reason", Because, Refusal)


@dataclass(frozen=True, slots=True)
class ApplicationExplanation:
    """One application: whether it is due, by which rules, and what is there. `because` holds the
    rules that give it, `not_because` those that would and do not hold for this person."""

    application: str
    name: str
    due: bool
    summary: str
    because: tuple[Because, ...]
    not_because: tuple[Refusal, ...]
    entitlements: Mapping[str, tuple[str, ...]]
    account: Account | None
    problem: str = ""
    #: What stands in the way there, or is left as it is: an account of which nobody has decided
    #: whose it is, one that is protected, one that somebody deleted there.
    notices: tuple[str, ...] = ()
    #: What is under way there, or waits for somebody.
    steps: tuple[Step, ...] = ()
    #: Why nothing is sent there at present, "" where it is.
    still: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "application": self.application,
            "name": self.name,
            "due": self.due,
            "summary": self.summary,
            "because": [
                {"rule": b.rule, "name": b.name, "condition": b.condition, "saw": dict(b.saw)}
                for b in self.because
            ],
            "not_because": [
                {
                    "rule": r.rule,
                    "name": r.name,
                    "condition": r.condition,
                    "saw": dict(r.saw),
                    "missing": list(r.missing),
                }
                for r in self.not_because
            ],
            "entitlements": {key: list(rules) for key, rules in self.entitlements.items()},
            "account": _account_json(self.account),
            "problem": self.problem,
            "notices": list(self.notices),
            "steps": [step.as_json() for step in self.steps],
            "not_sent": self.still,
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one person's access, as of `at`."""

    person: Person
    state: LifecycleState
    since: datetime | None
    until: datetime | None
    #: Of all applications, not of one that was asked for.
    whole: bool
    applications: tuple[ApplicationExplanation, ...]
    #: Of those applications, in their order; of each the accounts, those that are gone too, the
    #: latest last.
    rows: tuple[Application, ...]
    accounts: tuple[Account, ...]
    #: All that is not settled yet, failed or was refused.
    operations: tuple[Operation, ...]
    #: The applications that they are to have open now. A closed account that only stays as it is,
    #: because a rule cannot be decided, is none.
    due: frozenset[str]

    def history(self) -> list[Event]:
        """The latest events about them, and about the applications. One query."""
        events = Event.objects.filter(person=str(self.person.uid))
        if not self.whole:
            events = events.filter(application__in=["", *(row.slug for row in self.rows)])
        return list(events.order_by("-id")[:_HISTORY])

    def as_json(self) -> dict[str, Any]:
        person = self.person
        return {
            "person": {
                "employee_number": person.employee_number,
                "uid": str(person.uid),
                "name": person.display_name,
                "email": person.email,
                "state": self.state.value,
                "since": _iso(self.since),
                "until": _iso(self.until),
                "start_date": person.start_date.isoformat() if person.start_date else None,
                "end_date": person.end_date.isoformat() if person.end_date else None,
            },
            "applications": [item.as_json() for item in self.applications],
            "history": [
                {
                    "at": item.at.isoformat(),
                    "action": item.action,
                    "what": str(item),
                    "actor": item.actor,
                    "reason": item.reason,
                    "application": item.application,
                    "before": item.before,
                    "after": item.after,
                }
                for item in self.history()
            ],
        }


def explain(
    person: Person,
    application: str | None = None,
    *,
    now: datetime | None = None,
) -> Explanation:
    """Raises `LookupError` for an application that does not exist."""
    drafting = Drafting(Scope(application, person.pk), now or clock_now())
    draft = drafting.draft()
    at, compiled = drafting.now, drafting.policies
    who, weighed = drafting.facts(draft.person), drafting.due(draft)
    refused = compiled.rules.refusals(weighed.attributes)
    rows = drafting.scope.among(drafting.applications).values()
    held = _accounts(person, rows)
    # One that is gone says nothing where another is there.
    accounts = {
        one.application_id: one for one in sorted(held, key=lambda one: one.situation == _LINKED)
    }
    hidden = drafting.attributes.sensitive
    operations = open_operations(person, refused=True)
    steps = steps_of(operations)
    still = still_of(rows)
    explained = []
    for row in rows:
        policy = compiled.applications[row.slug]
        given = weighed.access.get(row.slug)
        # A rule in its grace still gives: it is not told as one that does not, too.
        gives = {because.rule for because in given.because} if given else set()
        refusals = [refusal for refusal in refused.get(row.slug, ()) if refusal.rule not in gives]
        account = accounts.get(row.pk)
        may = entitled(who, policy, at) and not _waits(who, account)
        there = may_be_there(who, policy)
        problem = ""
        if given and may:
            try:
                compiled.mappings[row.slug].values(weighed.attributes)
            except MappingProblem as error:
                problem = error.said(policy.sensitive)
        explained.append(
            ApplicationExplanation(
                application=row.slug,
                name=row.name,
                due=bool(given and may and there),
                summary=summary(
                    who.state,
                    bool(given),
                    may,
                    person,
                    weighed.withheld.get(row.slug, ""),
                    made=made_ahead(who, policy),
                    there=there,
                    exists=account is not None and account.situation == _LINKED,
                    closed=policy.closed_ahead,
                ),
                because=_without(given.because, hidden) if given else (),
                not_because=_without(refusals, hidden),
                entitlements=dict(sorted(given.by_entitlement.items())) if given else {},
                account=account,
                problem=problem,
                notices=tuple(
                    one.message
                    for one in draft.decision.problems
                    if one.application == row.slug and one.message != problem
                ),
                steps=steps.get(row.slug, ()),
                still=still.get(row.name, ""),
            )
        )
    standing = stand(person, at)
    return Explanation(
        person=person,
        state=standing.state,
        since=standing.since,
        until=standing.until,
        whole=application is None,
        applications=tuple(explained),
        rows=tuple(rows),
        accounts=held,
        operations=tuple(operations),
        due=frozenset(
            one.application
            for one in explained
            if one.due and not (_is_closed(one) and weighed.is_only_kept(one.application))
        ),
    )


def _is_closed(one: ApplicationExplanation) -> bool:
    return one.account is not None and one.account.active is False


def _accounts(person: Person, rows: Iterable[Application]) -> tuple[Account, ...]:
    """Theirs in these applications, in the order of these. Each knows its application."""
    found: dict[int, list[Account]] = {row.pk: [] for row in rows}
    for account in Account.objects.filter(person=person, application__in=list(found)).order_by(
        "created_at", "pk"
    ):
        found[account.application_id].append(account)
    for row in rows:
        for account in found[row.pk]:
            account.application = row
    return tuple(account for row in rows for account in found[row.pk])


def summary(
    state: LifecycleState,
    given: bool,
    may: bool,
    person: Person,
    withheld: str,
    *,
    made: datetime | None = None,
    there: bool = True,
    exists: bool = False,
    closed: bool = False,
) -> str:
    """Whether something is due, and why, in one sentence. `made`: when it is, where that is before
    their first day. `there`: their state lets it be open. `exists`: there is an account. `closed`:
    until the first day it stays so."""
    if withheld:
        return f"Not due: withheld by {withheld}."
    if given and may and not there:
        away = "on leave" if state is LifecycleState.ON_LEAVE else "suspended"
        return f"Not due at present: it is closed while they are {away}."
    if given and may and closed and state is LifecycleState.UPCOMING:
        return f"Due: a rule gives it. It is closed until {person.start_date}."
    if given and may:
        return "Due: a rule gives it."
    if given and person.admitted is False:
        return "Not yet: it is made when they have come in."
    if given and state is LifecycleState.UPCOMING:
        done = "opened" if exists and not closed else "made"
        ahead = f"; it is {done} on {made.date()}, ahead of that" if made else ""
        ahead = "" if exists and closed else ahead
        return f"Not yet: starts on {person.start_date}{ahead}."
    if given:
        return "Not due: the rules would give it, but the person has left."
    return "Not due: no rule gives it."


def made_ahead(who: PersonFacts, policy: ApplicationPolicy) -> datetime | None:
    """When an account of theirs is made, where that is before their first day."""
    return who.starts - policy.lead if who.starts and policy.lead else None


def _without(reasons: Iterable[_Reason], hidden: frozenset[str]) -> tuple[_Reason, ...]:
    """The reasons, with a word in place of what is sensitive of what their conditions saw."""
    return tuple(
        replace(one, saw={n: HIDDEN if n in hidden else v for n, v in one.saw.items()})
        if hidden & one.saw.keys()
        else one
        for one in reasons
    )


def _waits(who: PersonFacts, account: Account | None) -> bool:
    """Nothing is made for them before they have come in; what is there is managed."""
    return who.admitted is False and (account is None or account.situation != _LINKED)


def _account_json(account: Account | None) -> dict[str, Any] | None:
    if account is None:
        return None
    return {
        "user_name": account.user_name,
        "remote_id": account.remote_id,
        "situation": account.situation,
        "active": account.active,
        "entitlements": account.entitlements,
        "created_at": _iso(account.created_at),
        "observed_at": _iso(account.observed_at),
        "disabled_at": _iso(account.disabled_at),
        "deleted_at": _iso(account.deleted_at),
        "evidence": account.evidence,
        "gone": account.situation == Situation.DELETED.value,
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
