"""What a person decides about an account: link, take, unlink, ignore, protect, release, again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, print_json, say

Account = Annotated[
    str,
    typer.Argument(
        metavar="ACCOUNT",
        help="APPLICATION/USER NAME, such as chat/anna@acme.example; or a number.",
    ),
]
Who = Annotated[str, typer.Argument(metavar="PERSON", help="Employee number, e-mail or full name.")]
Why = Annotated[str, typer.Option(help="Why: it is kept in the audit trail.")]


def register(accounts: typer.Typer) -> None:
    """Into the `accounts` group, beside `list`."""
    from tenure.cli.account_take import take

    for command in (link, take, unlink, ignore, protect, release, again):
        accounts.command(command.__name__)(command)


def link(
    account: Account,
    person: Who,
    reason: Why = "",
    as_json: AsJson = False,
) -> None:
    """It belongs to this person. From now on it is kept as the rules say.

    Example: `tenure accounts link chat/anna@acme.example 10482 --reason 'asked her'`
    """
    with session():
        from tenure.people.services import find_person
        from tenure.provisioning.decisions import ownership

        row, owner = ownership.account_named(account), find_person(person)
        ownership.link(row, owner, reason=reason)
        _tell(row.pk, f"is {owner.display_name}'s", as_json=as_json)


def unlink(account: Account, reason: Why = "", as_json: AsJson = False) -> None:
    """It is not the account of the person to whom it is linked; no rule ties it to them again.

    Example: `tenure accounts unlink chat/anna@acme.example --reason 'a namesake'`
    """
    _decide(
        account,
        "unlink",
        reason,
        "is nobody's until somebody else turns out to own it",
        as_json=as_json,
    )


def ignore(account: Account, reason: Why = "", as_json: AsJson = False) -> None:
    """It is nobody's and stays as it is: a service account, a shared one.

    Example: `tenure accounts ignore chat/reception --reason 'shared by the front desk'`
    """
    _decide(account, "ignore", reason, "is ignored", as_json=as_json)


def protect(account: Account, reason: Why = "", as_json: AsJson = False) -> None:
    """Never touch it, whoever it belongs to: the last owner, the emergency account.

    Example: `tenure accounts protect chat/owner@acme.example --reason 'the last owner'`
    """
    _decide(
        account,
        "protect",
        reason,
        "is never touched; plans say so where they would",
        as_json=as_json,
    )


def release(account: Account, reason: Why = "", as_json: AsJson = False) -> None:
    """It is an account like any other again: no longer ignored or protected by hand.

    Example: `tenure accounts release chat/reception --reason 'closed next week'`
    """
    _decide(account, "release", reason, "is an account like any other again", as_json=as_json)


def again(account: Account, reason: Why = "", as_json: AsJson = False) -> None:
    """Somebody deleted it in the application, and its owner is to have one all the same: it is made
    again as the rules say, whatever `recreate` says.

    Example: `tenure accounts again chat/anna@acme.example --reason 'deleted by mistake'`
    """
    with session():
        from tenure.provisioning.decisions import ownership

        row = ownership.tombstone_named(account)
        ownership.again(row, reason=reason)
        _tell(row.pk, "is made again if the rules give it", as_json=as_json)


def _decide(account: str, verb: str, reason: str, outcome: str, *, as_json: bool) -> None:
    with session():
        from tenure.provisioning.decisions import ownership

        row = ownership.account_named(account)
        call: Callable[..., None] = getattr(ownership, verb)
        call(row, reason=reason)
        _tell(row.pk, outcome, as_json=as_json)


def _tell(account: int, outcome: str, *, as_json: bool) -> None:
    from tenure.applications.models import Account as Row

    row = Row.objects.select_related("application", "person").get(pk=account)
    if not as_json:
        say(f"{row} in {row.application.name} {outcome}. `tenure plan` shows what follows.")
        return
    print_json(
        {
            "account": row.pk,
            "application": row.application.slug,
            "user_name": row.user_name,
            "person": row.person.employee_number if row.person else None,
            "situation": row.situation,
            "protected": row.protected,
        }
    )
