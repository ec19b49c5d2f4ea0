"""Tokens for systems that push people here by SCIM."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json, say, table
from tenure.cli.reached import reached_at

push_app = typer.Typer(
    help="Systems that push people here by SCIM.\n\n"
    "Example: `tenure push token entra --name 'Entra ID'`",
    no_args_is_help=True,
)
Source = Annotated[
    str, typer.Argument(metavar="SOURCE", help="The source, as tenure.yaml calls it.")
]
Name = Annotated[str, typer.Option("--name", help="What the token is called: who has it.")]


def register(app: typer.Typer) -> None:
    app.add_typer(push_app, name="push")


@push_app.command("token")
def token(
    source: Source,
    name: Name,
    days: Annotated[
        int, typer.Option("--days", help="How long it lets somebody in.", min=1, max=3650)
    ] = 365,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="It may read, and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """A new token, with the address that goes with it. It is shown this once.

    Example: `tenure push token entra --name 'Entra ID'`
    """
    with session():
        from django.urls import reverse

        from tenure.scim_server.models import Scope
        from tenure.scim_server.tokens import issue

        scope = Scope.READ if read_only else Scope.WRITE
        try:
            made = issue(source, name=name, scope=scope, valid=timedelta(days=days))
        except ValueError as error:
            raise Failure(str(error)) from error
        from tenure.readers.registry import UPLOAD
        from tenure.sources.finding import source_named

        uploads = source_named(source).reader == UPLOAD
        path = (
            reverse("receiving:upload", args=[source]) if uploads else reverse("scim_server:root")
        )
        address = reached_at(path.rstrip("/"))
        if as_json:
            print_json({"source": source, "name": name, "address": address, "token": made})
            return
        say(f"{'Address' if uploads else 'SCIM address'}: {address}")
        say("Token, shown this once:")
        print(made)


@push_app.command("hook")
def hook(
    source: Source,
    name: Name,
    networks: Annotated[
        list[str] | None,
        typer.Option("--from", help="Network that it comes from, as 203.0.113.0/24; repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """An address for webhooks of a source that signs nothing, with a secret in it that is shown
    this once. Several work at a time: enter the new one there, then revoke the old one.

    Example: `tenure push hook hr --name Factorial --from 203.0.113.0/24`
    """
    with session():
        from django.urls import reverse

        from tenure.scim_server.tokens import issue_hook

        try:
            made = issue_hook(source, name=name, networks=networks or ())
        except ValueError as error:
            raise Failure(str(error)) from error
        plain = reached_at(reverse("receiving:hook", args=[source]))
        document = {
            "source": source,
            "name": name,
            "address": f"{plain}/{made}",
            "basic": {"address": plain, "user": "tenure", "password": made},
        }
        if as_json:
            print_json(document)
            return
        say("Address, shown this once; nobody else may know it:")
        print(document["address"])
        say(f"Where a password or a token can be entered instead: {plain}, user tenure, with")
        print(made)


@push_app.command("list")
def list_tokens(as_json: AsJson = False) -> None:
    """Who may push, until when, and when they last did.

    Example: `tenure push list`
    """
    with session():
        from tenure.scim_server.tokens import tokens

        rows = [
            {
                "source": row.source.slug,
                "name": row.name,
                "scope": row.scope,
                "expires_at": row.expires_at,
                "last_used_at": row.last_used_at,
                "created_by": row.created_by,
            }
            for row in tokens()
        ]
        if as_json:
            print_json(rows)
            return
        if not rows:
            say("Nobody may push. `tenure push token SOURCE --name NAME` lets somebody in.")
            return
        columns = ["Source", "Name", "May", "Until", "Last used (UTC)"]
        cells = [
            (
                row["source"],
                row["name"],
                row["scope"],
                f"{row['expires_at']:%Y-%m-%d}",
                f"{row['last_used_at']:%Y-%m-%d %H:%M}" if row["last_used_at"] else "never",
            )
            for row in rows
        ]
        out.print(table("", columns, cells))


@push_app.command("revoke")
def revoke_token(source: Source, name: Name, as_json: AsJson = False) -> None:
    """The token lets nobody in any more. What was pushed with it stays.

    Example: `tenure push revoke entra --name 'Entra ID'`
    """
    with session():
        from tenure.scim_server.tokens import revoke

        revoke(source, name=name)
        print_json({"revoked": name}) if as_json else say(f"{name} lets nobody in any more.")
