"""Applications that sign people in by OpenID Connect: what to enter there, and secrets."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json, say, table

client_app = typer.Typer(
    help="Applications as clients of OpenID Connect.\n\nExample: `tenure sso client show wiki`",
    no_args_is_help=True,
)
Application = Annotated[
    str, typer.Argument(metavar="APPLICATION", help="The application, as tenure.yaml calls it.")
]


@client_app.command("show")
def show(application: Application, as_json: AsJson = False) -> None:
    """What to enter in the application: issuer, client id, endpoints; and which secrets work.

    Example: `tenure sso client show wiki`
    """
    with session():
        from tenure.applications.finding import application_named
        from tenure.sso.oidc.clients import client_of, secrets_of
        from tenure.sso.oidc.discovery import to_enter

        row = application_named(application)
        client = client_of(row)
        values = to_enter(client)
        kept = [
            {
                "number": item.pk,
                "created_at": item.created_at,
                "created_by": item.created_by,
                "expires_at": item.expires_at,
                "used_at": item.used_at,
            }
            for item in secrets_of(row)
        ]
        if as_json:
            print_json({"application": row.slug, **values, "secrets": kept})
            return
        for name, value in values.items():
            say(f"{name}: {value}")
        if client.public:
            say("It has no secret: a program in a browser or on a phone.")
        elif not kept:
            say(f"It has no secret yet: `tenure sso client secret {row.slug}` makes one.")
        else:
            cells = [
                (
                    item["number"],
                    f"{item['created_at']:%Y-%m-%d}",
                    f"{item['expires_at']:%Y-%m-%d}" if item["expires_at"] else "",
                    f"{item['used_at']:%Y-%m-%d %H:%M}" if item["used_at"] else "never",
                )
                for item in kept
            ]
            out.print(table("", ["Secret", "Made", "Until", "Last used (UTC)"], cells))


@client_app.command("secret")
def secret(
    application: Application,
    keep_old: Annotated[
        int | None,
        typer.Option(
            "--keep-old",
            help="Days for which the secrets that there are still work; left out: until revoked.",
            min=0,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """A new client secret. It is shown this once.

    Example: `tenure sso client secret wiki --keep-old 7`
    """
    with session():
        from tenure.applications.finding import application_named
        from tenure.sso.oidc.clients import client_of, make_secret

        keep = None if keep_old is None else timedelta(days=keep_old)
        try:
            made = make_secret(application, keep_old_for=keep)
        except ValueError as error:
            raise Failure(str(error)) from error
        client_id = client_of(application_named(application)).client_id
        if as_json:
            print_json({"application": application, "client_id": client_id, "secret": made})
            return
        say(f"Client id: {client_id}")
        say("Client secret, shown this once:")
        print(made)


@client_app.command("revoke")
def revoke(
    application: Application,
    number: Annotated[
        int, typer.Argument(metavar="NUMBER", help="Of the secret, as `show` lists it.")
    ],
    as_json: AsJson = False,
) -> None:
    """A client secret works no more. Tokens that were given stay until they end.

    Example: `tenure sso client revoke wiki 3`
    """
    with session():
        from tenure.sso.oidc.clients import revoke_secret

        revoke_secret(application, number)
        print_json({"revoked": number}) if as_json else say(f"Secret {number} works no more.")
