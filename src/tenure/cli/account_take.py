"""Taking an account for the person whose it is: shown first, done with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.cli.accounts import Account, Who, Why
from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json, say, table
from tenure.cli.unions import DryRun, Yes, sure

if TYPE_CHECKING:
    from tenure.provisioning.decisions.taking import Taking


def take(
    account: Account,
    person: Who,
    reason: Why = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """It is this person's, whatever stands in the way: that it is another's, or that they have
    another one there. What follows is shown first.

    Example: `tenure accounts take chat/anna@acme.example 10482 --reason 'it was always hers'`
    """
    with session():
        from tenure.people.services import find_person
        from tenure.provisioning.decisions import taking
        from tenure.provisioning.decisions.ownership import account_named

        row, owner = account_named(account), find_person(person)
        found = taking.preview(row, owner)
        if not as_json:
            _show(found)
        if dry_run:
            if as_json:
                print_json({"done": False, **found.as_json()})
            return
        if not reason.strip():
            raise Failure("Say why: --reason '…' is kept in the audit trail.")
        sure(yes=yes, as_json=as_json)
        taking.take(account=row, person=owner, reason=reason, seen=found.seen)
        if as_json:
            print_json({"done": True, **found.as_json()})
        else:
            say(f"{row} is {owner.display_name}'s. `tenure plan` shows what follows.")


def _show(found: Taking) -> None:
    from tenure.cli.rendering import show_plan

    was = found.before.display_name if found.before else "nobody's"
    rows = [(str(found.account), was, found.person.display_name)]
    if found.freed is not None:
        rows.append((str(found.freed), found.person.display_name, "nobody's"))
    out.print(table("", ["Account", "Was", "Will be"], rows))
    for warning in found.warnings:
        out.print(warning, markup=False)
    show_plan(out, found.plan, everything=True)
