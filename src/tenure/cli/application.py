"""The group `tenure application`: what is done to one application as a whole. Here: authorise it,
take the authorisation back."""

from __future__ import annotations

from typing import Annotated

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, print_json, say

application_app = typer.Typer(
    name="application",
    help="One application: add it from the catalogue, check it, authorise it.\n\n"
    "Example: `tenure application add gitlab --set host=gitlab.example.com`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Slug = Annotated[
    str, typer.Argument(metavar="APPLICATION", help="The application, as tenure.yaml calls it.")
]


@application_app.command("authorize")
def authorize(application: Slug, as_json: AsJson = False) -> None:
    """Whether the application is authorised by OAuth, and where in the console to do it.

    By authorization_code an administrator agrees in a browser; the other grants need nobody, and
    this asks for a token to show that they work.

    Example: `tenure application authorize chat`
    """
    with session():
        from django.conf import settings
        from django.urls import reverse

        from tenure.applications.authorizing import fresh_token
        from tenure.applications.credentials import standing
        from tenure.applications.finding import application_named

        found = application_named(application)
        how = standing(found)
        if how is None:
            raise Failure(
                f"{found.name} is not authorised by OAuth: it has no `oauth` in tenure.yaml."
            )
        page = f"{settings.TENURE_URL}{reverse('console:application', args=[found.slug])}"
        if not how.by_hand:
            fresh_token(found)
            how = standing(found)
            assert how is not None
        document = {
            "application": found.slug,
            "grant": how.grant,
            "authorised": how.authorised,
            "scopes": how.scopes,
            "granted_at": how.granted_at,
            "granted_by": how.granted_by,
            "refused": how.refused,
            "page": f"{page}#authorisation",
        }
        if as_json:
            print_json(document)
        elif how.authorised:
            say(f"{found.name} is authorised ({how.grant}), by {how.granted_by}.")
        else:
            say(f"{found.name} is not authorised{': ' + how.refused if how.refused else '.'}")
            say(f"Sign in (`tenure link`) and press Authorise: {page}#authorisation")


@application_app.command("deauthorize")
def deauthorize(application: Slug, as_json: AsJson = False) -> None:
    """Forget the tokens of an application, and give them back to it. It stops until it is
    authorised again.

    Example: `tenure application deauthorize chat`
    """
    with session():
        from tenure.applications.authorizing import withdraw
        from tenure.applications.finding import application_named

        found = application_named(application)
        trouble = withdraw(found)
        if as_json:
            print_json({"application": found.slug, "trouble": trouble})
        else:
            say(f"The tokens of {found.name} are forgotten{': ' + trouble if trouble else ''}.")
