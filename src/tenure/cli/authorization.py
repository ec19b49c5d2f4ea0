"""Of the groups `tenure application` and `tenure source`: authorised by OAuth, and taken back. Both
are the same but for the word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, print_json, say

if TYPE_CHECKING:
    from tenure.vault.parties import Party, Standing

Word = Literal["application", "source"]
Name = Annotated[str, typer.Argument(metavar="NAME", help="As tenure.yaml calls it.")]


def register(app: typer.Typer, word: Word, *, example: str) -> None:
    """Add the two commands to a group. `example` is the short name of one in their help."""

    @app.command(
        "authorize",
        help=f"Whether the {word} is authorised by OAuth, and where in the console to do it.\n\n"
        "By authorization_code an administrator agrees in a browser; the other grants need nobody, "
        "and this asks for a token to show that they work.\n\n"
        f"Example: `tenure {word} authorize {example}`",
    )
    def authorize(name: Name, as_json: AsJson = False) -> None:
        with session():
            _authorize(word, name, as_json=as_json)

    stops = "It stops" if word == "application" else "It is not read"

    @app.command(
        "deauthorize",
        help=f"Forget the tokens of {_one(word)}, given back where there is a revoke_url. {stops} "
        f"until it is authorised again.\n\nExample: `tenure {word} deauthorize {example}`",
    )
    def deauthorize(name: Name, as_json: AsJson = False) -> None:
        with session():
            _deauthorize(word, name, as_json=as_json)


def _authorize(word: Word, name: str, *, as_json: bool) -> None:
    # Django's models can be imported only once a session stands.
    from django.conf import settings
    from django.urls import reverse

    from tenure.vault.authorizing import fresh_token
    from tenure.vault.parties import standing

    party = _party(word, name)
    how = standing(party)
    if how is not None and not how.by_hand:
        # Nobody has to agree: a token shows that it works.
        fresh_token(party)
        how = standing(party)
    if how is None:
        raise Failure(f"{party.name} is not authorised by OAuth: it has no `oauth` in tenure.yaml.")
    address = reverse(f"console:{word}", args=[party.slug])
    page = f"{settings.TENURE_URL}{address}#authorisation"
    if as_json:
        print_json({word: party.slug, **_document(how), "page": page})
    elif how.authorised:
        say(f"{party.name} is authorised ({how.grant.value}), by {how.granted_by}.")
        if how.missing:
            say(f"Asked for and not granted: {', '.join(how.missing)}.")
    else:
        say(f"{party.name} is not authorised{': ' + how.refused if how.refused else '.'}")
        say(f"Sign in (`tenure link`), press Authorise: {page}")


def _document(how: Standing) -> dict[str, object]:
    return {
        "grant": how.grant.value,
        "authorised": how.authorised,
        "scopes": how.scopes,
        "missing": how.missing,
        "granted_at": how.granted_at,
        "granted_by": how.granted_by,
        "refused": how.refused,
    }


def _deauthorize(word: Word, name: str, *, as_json: bool) -> None:
    from tenure.vault.authorizing import withdraw

    party = _party(word, name)
    trouble = withdraw(party)
    if as_json:
        print_json({word: party.slug, "trouble": trouble})
    else:
        say(f"The tokens of {party.name} are forgotten{': ' + trouble if trouble else ''}.")


def _party(word: Word, name: str) -> Party:
    if word == "application":
        from tenure.applications import authorizing as applications
        from tenure.applications.finding import application_named

        return applications.party(application_named(name))
    from tenure.sources import authorizing as sources
    from tenure.sources.finding import source_named

    return sources.party(source_named(name))


def _one(word: Word) -> str:
    return "an application" if word == "application" else "a source"
