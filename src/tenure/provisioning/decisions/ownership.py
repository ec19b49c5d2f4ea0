"""What a person decides about an account: whose it is, that it is nobody's, that it is never
touched. No rule decides again about what was decided here, and each decision says why."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q

from tenure.applications.finding import application_named
from tenure.applications.models import Account, Decided
from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.core.model import OperationState, Situation
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import lock, raise_generation
from tenure.provisioning.models import Operation
from tenure.provisioning.records import nobodys


class CannotDecide(LookupError):
    """What was asked contradicts what is; `str()` says why and what to do first."""


def account_named(text: str) -> Account:
    """`application/user name`, `application/remote id`, or the account's number here. Tombstones
    are not accounts. Raises `LookupError`."""
    rows = Account.objects.exclude(situation=Situation.DELETED.value)
    slug, _, name = text.strip().partition("/")
    if not name:
        found = list(rows.filter(pk=int(slug))) if slug.isdigit() else []
    else:
        rows = rows.filter(application=application_named(slug))
        found = list(rows.filter(user_name__iexact=name)[:5]) or list(rows.filter(remote_id=name))
    if len(found) == 1:
        return found[0]
    if found:
        numbers = ", ".join(f"{row.pk} ({row.remote_id} there)" for row in found)
        raise LookupError(f"Several accounts are called {text!r}. Give a number: {numbers}.")
    raise LookupError(
        f"There is no account {text!r}. Give APPLICATION/USER NAME, such as chat/anna@acme.example;"
        " `tenure accounts list` shows them, `tenure reconcile APPLICATION` reads them again."
    )


def tombstone_named(text: str) -> Account:
    """What is kept of an account that somebody deleted in the application, by the same names; of
    several the latest. Raises `LookupError`."""
    gone = Account.objects.filter(situation=Situation.DELETED.value, deleted_there=True)
    rows = gone.order_by("-deleted_at", "-pk")
    slug, _, name = text.strip().partition("/")
    if not name:
        found = rows.filter(pk=int(slug)).first() if slug.isdigit() else None
    else:
        rows = rows.filter(application=application_named(slug))
        found = rows.filter(Q(user_name__iexact=name) | Q(remote_id=name)).first()
    if found is None:
        raise LookupError(
            f"There is no account {text!r} that somebody deleted in the application. "
            "`tenure accounts list --filter situation=deleted` shows those that are gone."
        )
    return found


@transaction.atomic
def again(account: Account, *, reason: str) -> None:
    """It was deleted in the application by somebody, and its owner is to have one all the same, if
    the rules give it. Raises `CannotDecide`."""
    rows = Account.objects.select_for_update(of=("self",), no_key=True)
    row = rows.select_related("application", "person").get(pk=account.pk)
    if row.situation != Situation.DELETED.value or not row.deleted_there:
        raise CannotDecide(f"{row} was not deleted in the application by somebody else.")
    if row.person_id is None:
        raise CannotDecide(f"{row} was nobody's: there is nobody to make it for.")
    before = _as_it_is(row)
    row.deleted_there = False
    _save(row, Action.ACCOUNT_WANTED_AGAIN, before, reason, [row.person_id])


@transaction.atomic
def link(account: Account, person: Person, *, reason: str) -> None:
    """It is this person's. Raises `CannotDecide`."""
    row = _locked(account)
    if row.situation == Situation.LINKED.value:
        if row.person_id == person.pk:
            return
        raise CannotDecide(f"{row} is linked to {row.person}. Unlink it first.")
    other = Account.objects.filter(
        application=row.application, person=person, situation=Situation.LINKED.value
    ).first()
    if other is not None:
        raise CannotDecide(
            f"{person.display_name} has the account {other} in {row.application.name} already. "
            f"`tenure accounts unlink {row.application.slug}/{other}` if that one is not theirs."
        )
    _nothing_under_way(row, person)
    before = _as_it_is(row)
    concerned = {person.pk, *(int(key) for key in row.candidates)}
    row.person, row.situation, row.decision = person, Situation.LINKED.value, Decided.LINKED.value
    row.situation_reason, row.candidates = f"Linked by hand. {reason}".strip(), []
    row.refused = [key for key in row.refused if key != str(person.pk)]
    row.adopted_at = now()
    _save(row, Action.ACCOUNT_ADOPTED, before, reason, concerned)


@transaction.atomic
def unlink(account: Account, *, reason: str) -> None:
    """It is not the person's to whom it is linked, and no rule ties it to them again."""
    row = _locked(account)
    owner = row.person
    if row.situation != Situation.LINKED.value or owner is None:
        raise CannotDecide(
            f"{row} is linked to nobody: it is {row.situation}. `tenure accounts link` says whose "
            "it is, `tenure accounts ignore` that it is nobody's."
        )
    _nothing_under_way(row, owner)
    before = _as_it_is(row)
    row.refused = sorted({*row.refused, str(owner.pk)})
    row.person, row.situation, row.decision = None, Situation.UNMATCHED.value, ""
    row.situation_reason = f"Unlinked by hand. {reason}".strip()
    row.adopted_at, row.baseline = None, {}
    _save(row, Action.ACCOUNT_UNLINKED, before, reason, {owner.pk}, person=owner)


@transaction.atomic
def ignore(account: Account, *, reason: str) -> None:
    """It is nobody's and stays as it is: a service account, a shared one. Raises
    `CannotDecide`."""
    row = _locked(account)
    if row.situation == Situation.LINKED.value:
        raise CannotDecide(f"{row} is linked to {row.person}. Unlink it first.")
    before = _as_it_is(row)
    concerned = {int(key) for key in row.candidates}
    row.situation, row.decision = Situation.IGNORED.value, Decided.IGNORED.value
    row.situation_reason, row.candidates = f"Ignored by hand. {reason}".strip(), []
    _save(row, Action.ACCOUNT_IGNORED, before, reason, concerned)


@transaction.atomic
def protect(account: Account, *, reason: str) -> None:
    """Whoever it belongs to, it is never changed, closed or deleted by us."""
    row = _locked(account)
    before = _as_it_is(row)
    row.protected = (reason or "protected by hand")[:300]
    _save(row, Action.ACCOUNT_PROTECTED, before, reason, [row.person_id])


@transaction.atomic
def release(account: Account, *, reason: str) -> None:
    """It is an account like any other again: no longer ignored or protected by hand."""
    row = _locked(account)
    before = _as_it_is(row)
    row.protected = ""
    if row.decision == Decided.IGNORED.value:
        row.decision, row.situation = "", Situation.UNMATCHED.value
        row.situation_reason = "No longer ignored by hand."
        row.application.correlated_by = ""  # The next plan looks whose it is.
        row.application.save(update_fields=["correlated_by"])
    _save(row, Action.ACCOUNT_RELEASED, before, reason, [row.person_id])


def _locked(account: Account) -> Account:
    # What refers to it may be written meanwhile: whoever plans for its owner need not wait.
    rows = Account.objects.select_for_update(of=("self",), no_key=True)
    row = rows.select_related("application", "person").get(pk=account.pk)
    if row.situation == Situation.DELETED.value:
        raise CannotDecide(f"{row} is gone: what is kept of it is the proof of that.")
    return row


def _nothing_under_way(row: Account, person: Person) -> None:
    """What is being done for this person here, or to the account while it is nobody's, is done
    first. Waiting operations are locked, so that none of them is sent before the decision is
    stored; then they are planned anew."""
    lock([person.pk])
    waiting = Operation.objects.select_for_update(no_key=True).filter(
        Q(person=person) | Q(account=row), application=row.application
    )
    under_way = [OperationState.STARTED.value, OperationState.UNKNOWN.value]
    open_ones = waiting.exclude(
        state__in=[OperationState.DONE.value, OperationState.CANCELLED.value]
    )
    if any(operation.state in under_way for operation in open_ones):
        raise CannotDecide(
            f"Something is being done for {person.display_name} in {row.application.name} just "
            "now. Try again when it is done: `tenure operations list --filter state=started`."
        )


def _as_it_is(row: Account) -> dict[str, object]:
    return {
        "situation": row.situation,
        "person": str(row.person.uid) if row.person else None,
        "protected": row.protected,
    }


def _save(
    row: Account,
    action: Action,
    before: dict[str, object],
    reason: str,
    concerned: Iterable[int | None],
    *,
    person: Person | None = None,
) -> None:
    row.save()
    if row.situation != Situation.UNMATCHED.value or row.protected:
        nobodys.leave_alone([row])
    owner = person or row.person
    record(
        action,
        subject_kind="account",
        subject_key=str(row.pk),
        subject_label=f"{row} in {row.application.name}",
        application=row.application.slug,
        person=str(owner.uid) if owner else "",
        reason=reason,
        before=before,
        after=_as_it_is(row),
    )
    raise_generation([pk for pk in concerned if pk is not None])
