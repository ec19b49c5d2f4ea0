"""Single sign-on: the keys that sign."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json, say, table

sso_app = typer.Typer(
    help="Single sign-on to applications.\n\nExample: `tenure sso keys list`",
    no_args_is_help=True,
)
keys_app = typer.Typer(
    help="The keys that sign what we say to applications.\n\nExample: `tenure sso keys list`",
    no_args_is_help=True,
)
sso_app.add_typer(keys_app, name="keys")


def register(app: typer.Typer) -> None:
    app.add_typer(sso_app, name="sso")


@keys_app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """Keys that are published: which one signs, from when, until when.

    Example: `tenure sso keys list`
    """
    with session():
        from tenure.sso import keys
        from tenure.sso.models import Protocol

        rows = [
            {
                "kid": row.kid,
                "use": row.use,
                "algorithm": row.algorithm,
                "signs_from": row.signs_from,
                "expires_at": row.expires_at,
            }
            for use in Protocol
            for row in keys.published(use)
        ]
        if as_json:
            print_json(rows)
            return
        if not rows:
            say("There is none yet: each is made when it is first needed.")
            return
        columns = ["Key", "For", "Algorithm", "Signs from", "Ends"]
        cells = [
            (
                row["kid"],
                row["use"],
                row["algorithm"],
                f"{row['signs_from']:%Y-%m-%d %H:%M}",
                f"{row['expires_at']:%Y-%m-%d %H:%M}",
            )
            for row in rows
        ]
        out.print(table("", columns, cells))


@keys_app.command("rotate")
def rotate_keys(
    use: Annotated[str, typer.Option("--use", help="Which keys: oidc or saml.")] = "oidc",
    algorithm: Annotated[
        str, typer.Option("--algorithm", help="RS256 or ES256; saml has RS256 only.")
    ] = "RS256",
    ahead: Annotated[
        int | None,
        typer.Option("--ahead", help="Days for which it is published before it signs.", min=0),
    ] = None,
    overlap: Annotated[
        int | None,
        typer.Option("--overlap", help="Days for which the old one is still published.", min=0),
    ] = None,
    now: Annotated[
        bool,
        typer.Option("--now", help="A key became known: the new one signs, the old are void."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """A new key, published before it signs; the old one stays published after its last signature.

    Example: `tenure sso keys rotate --use oidc --algorithm ES256`
    """
    with session():
        from tenure.sso import keys
        from tenure.sso.models import Algorithm, Protocol

        try:
            which, how = Protocol(use), Algorithm(algorithm)
        except ValueError:
            raise Failure(
                f"There are no {use} keys with {algorithm}. Expected --use oidc or saml, and "
                "--algorithm RS256 or ES256."
            ) from None
        nothing = timedelta(0)
        made = keys.rotate(
            which,
            how,
            ahead=nothing if now else _days(ahead),
            overlap=nothing if now else _days(overlap),
            reason="a key became known" if now else "rotated by hand",
        )
        if as_json:
            print_json(
                {"kid": made.kid, "signs_from": made.signs_from, "expires_at": made.expires_at}
            )
            return
        say(f"{made.kid} signs from {made.signs_from:%Y-%m-%d %H:%M} UTC on.")


def _days(count: int | None) -> timedelta | None:
    return None if count is None else timedelta(days=count)
