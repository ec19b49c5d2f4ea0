"""Who comes in: invitations of people and of administrators; and trying out e-mail."""

from __future__ import annotations

from typing import Annotated

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, print_json, say
from tenure.core.instants import told

Who = Annotated[str, typer.Argument(metavar="PERSON", help="Employee number, e-mail or full name.")]
_ROLES = "owner, administrator, help_desk or auditor"

mail_app = typer.Typer(
    help="E-mail.\n\nExample: `tenure mail test you@acme.example`", no_args_is_help=True
)
admin_app = typer.Typer(
    help="Administrators.\n\nExample: `tenure admin invite anna --email anna@acme.example`",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    from tenure.cli.access import person_app

    person_app.command("invite")(invite)
    person_app.command("withdraw")(withdraw)
    mail_app.command("test")(test_mail)
    app.add_typer(mail_app, name="mail")
    admin_app.command("invite")(invite_administrator)
    app.add_typer(admin_app, name="admin")


def invite(
    person: Who,
    reason: Annotated[
        str, typer.Option(help="Why again, for who has a passkey already: 'phone lost'.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Send a person an invitation to the portal, or send it again: only the latest works.

    Example: `tenure person invite 10482`
    """
    with session():
        from tenure.people.services import find_person
        from tenure.signin import invitations

        found = find_person(person)
        try:
            row = invitations.invite(person=found, reason=reason)
        except invitations.CannotInvite as error:
            raise Failure(str(error)) from error
        if as_json:
            print_json(
                {
                    "person": found.employee_number or str(found.uid),
                    "to": row.sent_to,
                    "expires_at": row.expires_at,
                }
            )
        else:
            say(f"An invitation goes to {row.sent_to}. It works until {told(row.expires_at)}.")


def withdraw(
    person: Who,
    reason: Annotated[str, typer.Option(help="Why: it is kept in the audit trail.")],
    as_json: AsJson = False,
) -> None:
    """Make a person's open invitation void.

    Example: `tenure person withdraw 10482 --reason 'starts later'`
    """
    with session():
        from tenure.people.services import find_person
        from tenure.signin import invitations

        found = find_person(person)
        count = invitations.withdraw(person=found, reason=reason)
        if as_json:
            print_json(
                {"person": found.employee_number or str(found.uid), "withdrawn": bool(count)}
            )
        else:
            say("The invitation works no longer." if count else "There was none to withdraw.")


def test_mail(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where to send it.")],
    as_json: AsJson = False,  # noqa: PT028 - a command, not a test
) -> None:
    """Send a test letter at once, and say what the mail server answered.

    Example: `tenure mail test you@acme.example`
    """
    with session():
        from django.conf import settings

        from tenure.signin import sending

        if "@" not in address:
            raise Failure(
                f"{address!r} is no e-mail address. Expected one such as you@acme.example."
            )
        try:
            sending.send_test(address)
        except sending.FAILURES as error:
            raise Failure(
                f"{sending.said(error)} Look at TENURE_SMTP and TENURE_MAIL_FROM."
            ) from error
        outbox = "" if settings.EMAIL_HOST else str(settings.EMAIL_OUTBOX)
        if as_json:
            print_json(
                {
                    "to": address,
                    "from": settings.DEFAULT_FROM_EMAIL,
                    "server": settings.EMAIL_HOST or None,
                    "outbox": outbox or None,
                }
            )
        elif outbox:
            say(f"No mail server is set (TENURE_SMTP): the letter is a file in {outbox}.")
        else:
            say(f"{settings.EMAIL_HOST} took the letter to {address}. See whether it arrives.")


def invite_administrator(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What they are called here.")],
    email: Annotated[str, typer.Option(help="Where the link is sent.")],
    role: Annotated[str, typer.Option(help=f"{_ROLES}; of a new administrator.")] = "administrator",
    as_json: AsJson = False,
) -> None:
    """Make an administrator, or find the one there is, and send them a link that works once.

    Example: `tenure admin invite anna --email anna@acme.example --role help_desk`
    """
    with session():
        from tenure.signin.models import Role
        from tenure.signin.services import invite_administrator as invited

        if role not in Role.values:
            raise Failure(f"There is no role {role!r}. Expected {_ROLES}.")
        try:
            user = invited(name=name, email=email, role=Role(role))
        except ValueError as error:
            raise Failure(str(error)) from error
        if as_json:
            print_json({"name": user.name, "role": user.role, "to": email})
        else:
            say(f"A link that works once within 72 hours goes to {email}.")
