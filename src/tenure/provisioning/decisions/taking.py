"""Taking an account for the person whose it is, whatever stands in the way: it is tied to somebody
else, or they have another one there. What follows is shown before it is done.

Nothing is done in the application by this itself. What follows is planned like any other change,
and the guards judge it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction

from tenure.applications import holding
from tenure.applications.models import Account
from tenure.core.model import LifecycleState, OperationKind, OperationState, Situation
from tenure.people.models import Person
from tenure.provisioning.decisions import ownership
from tenure.provisioning.decisions.ownership import CannotDecide
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.records import names_held
from tenure.provisioning.records.plan import Plan

_REASON = "preview"


@dataclass(frozen=True, slots=True)
class Taking:
    """The account, from whom (None: nobody's) to whom; `freed`, which they had there and is
    nobody's then; what somebody should know first; and the plan that follows."""

    account: Account
    before: Person | None
    person: Person
    freed: Account | None = None
    warnings: tuple[str, ...] = ()
    plan: Plan = field(default_factory=Plan)

    @property
    def seen(self) -> str:
        """Whose accounts it takes away and frees: whoever confirms says what they were shown."""
        return f"{self.before.pk if self.before else 0}-{self.freed.pk if self.freed else 0}"

    def as_json(self) -> dict[str, Any]:
        return {
            "account": str(self.account),
            "application": self.account.application.slug,
            "from": self.before.employee_number if self.before else None,
            "from_name": self.before.display_name if self.before else None,
            "person": self.person.employee_number,
            "name": self.person.display_name,
            "freed": str(self.freed) if self.freed else None,
            "warnings": list(self.warnings),
            "plan": self.plan.as_json(),
        }


@transaction.atomic
def take(*, account: Account, person: Person, reason: str, seen: str | None = None) -> Taking:
    """It is this person's, and nobody else's. `seen`: what was shown (`Taking.seen`), None where
    nobody was shown anything. Raises `CannotDecide`."""
    if not reason.strip():
        raise CannotDecide("Say why. The reason is kept in the audit trail.")
    # In one order, so that two who take two accounts from each other do not wait for each other.
    rows = list(
        Account.objects.select_for_update(of=("self",))
        .select_related("application", "person")
        .filter(application=account.application_id, pk__in=_concerned(account, person))
        .order_by("pk")
    )
    row = next((one for one in rows if one.pk == account.pk), None)
    freed = next((one for one in rows if one.pk != account.pk), None)
    if row is None:
        raise CannotDecide("The account is gone meanwhile.")
    if row.own:
        raise CannotDecide(f"{row} is the account that we use ourselves. Nobody else can have it.")
    before = row.person if row.situation == Situation.LINKED.value else None
    if before is not None and before.pk == person.pk:
        raise CannotDecide(f"{row} is {person.display_name}'s already.")
    found = Taking(row, before, person, freed, _warnings(row, before, person))
    if seen is not None and seen != found.seen:
        raise CannotDecide("Nothing was done: the accounts are others' than was shown. Look again.")
    if freed is not None:
        ownership.unlink(freed, reason=reason)
    if before is not None:
        ownership.unlink(row, reason=reason)
    ownership.link(row, person, reason=reason)
    return found


def preview(account: Account, person: Person) -> Taking:
    """What it would come to, plan included: it is done, looked at and rolled back. Raises
    `CannotDecide`."""
    with transaction.atomic():
        done = take(account=account, person=person, reason=_REASON)
        people = frozenset(one.pk for one in (done.before, person) if one is not None)
        plan = plans.preview(Scope(people=people, failed_too=False))
        transaction.set_rollback(True)
    return replace(done, warnings=(*done.warnings, *_name_kept(done, plan)), plan=plan)


def in_the_way(person: Person) -> dict[int, Account]:
    """Application id -> the account for which theirs could not be made: it could be theirs and
    nobody has decided, or it has the user name or the address that theirs was to
    have."""
    disputed = Account.objects.filter(
        situation=Situation.DISPUTED.value, candidates__contains=[str(person.pk)]
    )
    found: dict[int, Account] = {}
    for one in disputed.select_related("application", "person").order_by("pk"):
        found.setdefault(one.application_id, one)
    failed = Operation.objects.filter(
        person=person, kind=OperationKind.CREATE.value, state=OperationState.FAILED.value
    )
    for operation in failed:
        wanted = names_held.names(operation)
        if operation.application_id in found or not wanted:
            continue
        # Our own account there is nobody's to take.
        named = holding.accounts_called(wanted, operation.application_id).filter(own=False)
        taken = named.exclude(person=person).first()
        if taken is not None:
            found[operation.application_id] = taken
    return found


def _concerned(account: Account, person: Person) -> list[int]:
    theirs = Account.objects.filter(
        application=account.application_id, person=person, situation=Situation.LINKED.value
    )
    return [account.pk, *theirs.values_list("pk", flat=True)]


def _name_kept(done: Taking, plan: Plan) -> Iterable[str]:
    """Whether a new account of whose it was would have the name that this one keeps."""
    name, slug = done.account.user_name, done.account.application.slug
    lines = [line for line in plan.lines if line.application == slug]
    renamed = any(line.account == name and "userName" in line.attributes for line in lines)
    made = any(
        line.kind is OperationKind.CREATE
        and (change := line.attributes.get("userName")) is not None
        and str(change.after).casefold() == name.casefold()
        for line in lines
    )
    if done.before is not None and name and made and not renamed:
        yield (
            f"It keeps the user name {name}, and the new account of {done.before.display_name} "
            "would have the same: the application will refuse that until it is called otherwise "
            "there, or the mapping writes user names always."
        )


def _warnings(row: Account, before: Person | None, person: Person) -> tuple[str, ...]:
    """What is not wrong, and has to be known."""
    found = []
    if before is not None:
        found.append(
            f"{before.display_name} may still know how to sign in to it: change its password or "
            "end its sessions there, where it has any of its own."
        )
    if person.state == LifecycleState.LEFT.value:
        found.append(f"{person.display_name} has left: it is closed by the plan that follows.")
    if row.protected:
        found.append(f"It is never touched by us ({row.protected}): the plan leaves it as it is.")
    if row.owner:
        found.append("It owns or administers the application.")
    return tuple(found)
