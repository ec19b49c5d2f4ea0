"""Secrets that are kept sealed in the database: enter, list, remove, seal anew."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json, say, table

secrets_app = typer.Typer(
    help="Secrets that are kept sealed in the database; `${box:NAME}` in tenure.yaml refers to "
    "one.\n\nExample: `tenure secrets set chat-token`",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="What the secret is called.")]


def register(app: typer.Typer) -> None:
    app.add_typer(secrets_app, name="secrets")


@secrets_app.command("set")
def set_secret(
    name: Name,
    from_file: Annotated[
        Path | None, typer.Option("--from-file", help="Read the value from this file.")
    ] = None,
    expires: Annotated[
        str, typer.Option("--expires", help="The last day on which it works, as 2027-03-31.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Keep a secret, or replace it. The value is asked for, or read from standard input or a file.

    It is never shown again, and never was on the command line.

    Example: `tenure secrets set chat-token --expires 2027-03-31`
    """
    last_day = _day(expires)
    value = _value(name, from_file)
    with session():
        from tenure.vault.services import keep

        try:
            keep(name, value, expires_on=last_day)
        except ValueError as error:
            raise Failure(str(error)) from error
        if as_json:
            print_json({"name": name, "expires_on": last_day})
        else:
            say(f"Kept. Refer to it as ${{box:{name}}}.")


@secrets_app.command("list")
def list_secrets(as_json: AsJson = False) -> None:
    """The names of what is kept, since when, and when each dies. Never a value.

    Example: `tenure secrets list`
    """
    with session():
        from tenure.vault.services import kept

        rows = [
            {
                "name": item.name,
                "kept_at": item.kept_at,
                "kept_by": item.kept_by,
                "expires_on": item.expires_on,
            }
            for item in kept()
        ]
        if as_json:
            print_json(rows)
            return
        if not rows:
            say("No secret is kept here. `tenure secrets set NAME` enters one.")
            return
        columns = ["Name", "Entered (UTC)", "By", "Last day"]
        cells = [
            (row["name"], f"{row['kept_at']:%Y-%m-%d %H:%M}", row["kept_by"], row["expires_on"])
            for row in rows
        ]
        out.print(table("", columns, cells))


@secrets_app.command("remove")
def remove_secret(name: Name, as_json: AsJson = False) -> None:
    """Forget a secret. What refers to it stops until another is entered under that name.

    Example: `tenure secrets remove chat-token`
    """
    with session():
        from tenure.vault.services import forget

        forget(name)
        print_json({"removed": name}) if as_json else say(f"{name} is forgotten.")


@secrets_app.command("rotate")
def rotate_secrets(as_json: AsJson = False) -> None:
    """Seal everything with a new key. Workers go on: what they hold still opens.

    Where the keys are in TENURE_SECRET_KEY, put a new one before them first; this then seals
    everything with it, and the old ones can be taken out.

    Example: `tenure secrets rotate`
    """
    with session():
        from tenure.vault.services import rotate

        count = rotate()
        if as_json:
            print_json({"sealed": count})
        else:
            say(f"{count} secret{'' if count == 1 else 's'} sealed with the new key.")


def _value(name: str, path: Path | None) -> str:
    if path is not None:
        try:
            return path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Failure(f"The file {path} cannot be read as text: {error}.") from error
    if sys.stdin.isatty():
        return str(typer.prompt(f"Value of {name}", hide_input=True, err=True)).strip()
    return sys.stdin.read().strip()


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Failure(f"--expires: {text!r} is no date. Expected one such as 2027-03-31.") from None
