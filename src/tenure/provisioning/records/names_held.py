"""Whose account has a name that an application refused as taken: a leaver's, most often, whose
closed account is kept for a while and would not be found by looking at who works here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from tenure.applications.holding import accounts_called
from tenure.applications.models import Account, Application
from tenure.core.instants import told
from tenure.core.model import RemovalAction, Situation
from tenure.core.planner import GONE, deletion_due
from tenure.people.models import Person
from tenure.people.services import stand, zone_of
from tenure.provisioning.models import Operation
from tenure.provisioning.records.work import Outcome, Result

#: In progress: a name was refused as taken. Whether an account is known here that has it.
TAKEN = "taken"
#: Attributes by which accounts are told apart, as `applications.holding` knows them.
_NAMES = ("userName", "login", "emails.work", "email")


def names(operation: Operation) -> list[str]:
    """What the account is to be called by it."""
    wanted = (operation.attributes.get(name, {}).get("to") for name in _NAMES)
    return [value for value in wanted if isinstance(value, str) and value]


def explain(
    application: Application,
    settled: Iterable[tuple[Operation, Outcome]],
    at: datetime,
    *,
    but: Collection[int],
) -> None:
    """Say of those that failed because a name is taken whose it is, and what to do. Of the
    operations in `but` it is said already."""
    for row, outcome in settled:
        if not outcome.taken or outcome.result is not Result.FAILED:
            continue
        others = _others(application, row)
        there = [account for account in others if account.situation != Situation.DELETED.value]
        outcome.work.progress[TAKEN] = bool(there)
        if row.pk not in but:
            outcome.message = " ".join([outcome.message, *_whose(row, others, there, at)])


def deletion_of(account: Account, at: datetime) -> datetime | None:
    """When the policy deletes a leaver's closed account, in their time zone; None where it does
    not, or nobody knows yet when."""
    application, person = account.application, account.person
    after, closed = application.delete_after, account.disabled_at
    if person is None or closed is None or account.situation != Situation.LINKED.value:
        return None
    stands = stand(person, at)
    if stands.state not in GONE or person.legal_hold_since is not None or after is None:
        return None
    if application.transfer_to and account.transferred_at is None:
        # What they own has to be handed over first, whenever that is.
        return None
    due = deletion_due(closed, stands.left_at, after)
    # Within the company's grace nothing is deleted.
    return max(due, stands.until or due).astimezone(zone_of(person))


def _others(application: Application, row: Operation) -> list[Account]:
    """Accounts of others that have, or had, one of its names."""
    wanted = names(row)
    if not wanted:
        return []
    found = accounts_called(wanted, application.pk, gone_too=True)
    return list(
        found.exclude(person=row.person_id, person__isnull=False).select_related(
            "person", "application"
        )
    )


def _whose(
    row: Operation, others: Sequence[Account], there: Sequence[Account], at: datetime
) -> Iterable[str]:
    gone = [account for account in others if account.person_id is not None]
    if there:
        yield from _there(there[0], row.person, at)
    elif gone:
        yield from _gone(gone[-1])


def _there(account: Account, wants: Person | None, at: datetime) -> Sequence[str]:
    application, person = account.application, account.person
    name = account.user_name or account.remote_id
    again = f"it goes by itself then, or at once by `tenure retry --application {application.slug}`"
    if person is None:
        return [
            f"The account {name} has it there, which is nobody's here: if it is theirs, "
            f"`tenure accounts take {application.slug}/{name}`; otherwise one of the two needs "
            "another name."
        ]
    who = _who(person)
    stands = stand(person, at)
    if stands.state not in GONE:
        return [f"The account {name} of {who} has it there: one of the two needs another name."]
    left = f" {told(stands.left_at.astimezone(zone_of(person)))}" if stands.left_at else ""
    said = f"The account {name} of {who} has it there, who left{left}."
    if account.active is not False:
        return [
            said,
            f"It is to be closed, and is not yet: see to that first. Then give {_one(wants)} "
            f"another name, or call that account otherwise there; {again}.",
        ]
    return [
        said,
        f"It is closed, and {_kept_until(account, person, at)}.",
        f"Give {_one(wants)} another name; or delete that account there, or call it otherwise, and "
        f"`tenure reconcile {application.slug}`; {again}. If both are one person who came back: "
        f"`tenure person merge {_word(wants)} {_word(person)}`.",
    ]


def _kept_until(account: Account, person: Person, at: datetime) -> str:
    due = deletion_of(account, at)
    if due is not None:
        return f"kept until {told(due)}, when it is deleted"
    if person.legal_hold_since is not None:
        return "kept under legal hold"
    application = account.application
    if application.delete_after is not None:
        return "kept until what it owns is handed over, and deleted some time after that"
    if application.removal == RemovalAction.KEEP.value:
        return "kept: nothing is taken away by itself in this application"
    return "kept: no policy deletes it"


def _gone(account: Account) -> Sequence[str]:
    person, application = account.person, account.application
    assert person is not None
    at = account.deleted_at
    when = f" on {told(at.astimezone(zone_of(person)))}" if at else ""
    return [
        f"{_who(person)} had it there; their account was deleted"
        f"{when}. Some applications keep the names of deleted accounts for a while: free it there, "
        "or give another name; it is tried again after each reading, or at once by "
        f"`tenure retry --application {application.slug}`."
    ]


def _one(wants: Person | None) -> str:
    return wants.display_name if wants else "the other account"


def _who(person: Person) -> str:
    number = f" ({person.employee_number})" if person.employee_number else ""
    return f"{person.display_name}{number}"


def _word(person: Person | None) -> str:
    """As commands take a person."""
    if person is None:
        return "PERSON"
    return person.employee_number or f"'{person.email or person.display_name}'"
