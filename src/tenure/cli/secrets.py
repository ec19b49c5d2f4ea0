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
#: What Tenure keeps for itself, by how its name begins, and what to do where no key opens it.
_OURS = (
    (
        "oauth:",
        "the tokens of an application or source that was authorised in a browser: authorise it "
        "again, on its page or with `tenure application authorize` or `tenure source authorize`",
    ),
    (
        "sso.key.",
        "a key that signs for single sign-on: `tenure sso keys rotate --now` and the same with "
        "`--use saml`, then give the new certificate to the applications",
    ),
    ("mail-server", "the password of the mail server: enter it again in the console, Settings"),
    ("notice-", "the key of a webhook for notices: make it anew in the console, Settings"),
    ("signals.stream.", "the header of a stream of signals: set it again"),
    ("given-back-", "a token that was to be given back: withdraw it at whoever issued it"),
)


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


@secrets_app.command("begin-anew")
def begin_anew(
    reason: Annotated[str, typer.Option(help="Why: it is kept in the audit trail.")],
    as_json: AsJson = False,
) -> None:
    """Make a new key where the one that sealed the secrets is lost for good: there is no backup of
    `secrets.key`, or of what TENURE_SECRET_KEY was. Says what has to be entered again.

    Example: `tenure secrets begin-anew --reason 'disk of the old machine is gone'`
    """
    if not reason.strip():
        raise Failure("A decision needs a reason: --reason 'why'.")
    with session():
        from tenure.infra.secrets import SecretError
        from tenure.vault import lost_keys

        try:
            lost = lost_keys.begin_anew(reason=reason)
        except (lost_keys.NothingLost, SecretError) as error:
            raise Failure(str(error)) from error
        if as_json:
            print_json({"lost": lost})
            return
        say("There is a new key. Back it up: `tenure backup`, or the file secrets.key.")
        for name in lost:
            say(f"{name}: {_again(name)}.")
        if lost:
            say("`tenure doctor` names what is still to be done.")


def _again(name: str) -> str:
    for beginning, what in _OURS:
        if name.startswith(beginning):
            return what
    return f"enter it again with `tenure secrets set {name}`"


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
