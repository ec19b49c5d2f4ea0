"""Single sign-on: the keys that sign, who signed in where, and what applications were told."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json, say, table
from tenure.cli.sso_client import client_app
from tenure.cli.sso_saml import metadata, saml_app

sso_app = typer.Typer(
    help="Single sign-on to applications.\n\nExample: `tenure sso keys list`",
    no_args_is_help=True,
)
keys_app = typer.Typer(
    help="The keys that sign what we say to applications.\n\nExample: `tenure sso keys list`",
    no_args_is_help=True,
)
sso_app.add_typer(client_app, name="client")
sso_app.add_typer(keys_app, name="keys")
sso_app.add_typer(saml_app, name="saml")
sso_app.command("metadata")(metadata)


def register(app: typer.Typer) -> None:
    app.add_typer(sso_app, name="sso")


Of = Annotated[
    str | None,
    typer.Option("--application", help="Of one application only.", metavar="APPLICATION"),
]
By = Annotated[str | None, typer.Option("--person", help="Of one person only.", metavar="PERSON")]
Limit = Annotated[int, typer.Option("--limit", help="How many at most.", min=1, max=1000)]


@sso_app.command("sign-ins")
def sign_ins(
    application: Of = None, person: By = None, limit: Limit = 20, as_json: AsJson = False
) -> None:
    """Who signed in where, the latest first; of refusals, why.

    Example: `tenure sso sign-ins --application wiki`
    """
    with session():
        from tenure.sso import selectors

        rows = selectors.sign_ons(**_which(application, person), limit=limit)
        if as_json:
            print_json(
                [
                    {
                        "at": row.at,
                        "person": row.person.employee_number or str(row.person.uid),
                        "name": row.person.display_name,
                        "application": row.application.slug,
                        "protocol": row.protocol,
                        "outcome": row.outcome,
                        "reason": row.reason,
                        "from": row.address,
                        "browser": row.browser,
                    }
                    for row in rows
                ]
            )
            return
        cells = [
            (
                f"{row.at:%Y-%m-%d %H:%M}",
                row.person.display_name,
                row.application.name,
                row.get_outcome_display(),
                row.reason,
                row.address,
            )
            for row in rows
        ]
        out.print(table("", ["When (UTC)", "Who", "Where", "Outcome", "Why", "From"], cells))


@sso_app.command("notices")
def notices(
    application: Of = None,
    person: By = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only what was not delivered.")] = False,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """What applications were told of access that ended, and what they answered.

    Example: `tenure sso notices --person 10482`
    """
    with session():
        from tenure.sso import selectors
        from tenure.sso.models import Notice

        state = Notice.State.FAILED.value if failed else ""
        rows = selectors.notices(**_which(application, person), state=state, limit=limit)
        if as_json:
            print_json(
                [
                    {
                        "created_at": row.created_at,
                        "kind": row.kind,
                        "application": row.application.slug if row.application else None,
                        "person": str(row.person.uid) if row.person else None,
                        "address": row.address,
                        "state": row.state,
                        "tries": row.tries,
                        "sent_at": row.sent_at,
                        "status": row.status,
                        "answer": row.answer,
                    }
                    for row in rows
                ]
            )
            return
        cells = [
            (
                f"{row.created_at:%Y-%m-%d %H:%M:%S}",
                row.kind,
                row.application.name if row.application else "",
                row.person.display_name if row.person else "",
                row.get_state_display(),
                row.tries,
                row.status or row.answer,
            )
            for row in rows
        ]
        out.print(table("", ["When (UTC)", "What", "To", "Of", "State", ">Tries", "Answer"], cells))


def _which(application: str | None, person: str | None) -> dict[str, Any]:
    from tenure.applications.finding import application_named
    from tenure.people.services import find_person

    return {
        "application": application_named(application) if application else None,
        "person": find_person(person) if person else None,
    }


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
        columns = ["Key", "For", "Algorithm", "Signs from (UTC)", "Ends (UTC)"]
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
