"""Applications that are authorised by OAuth: as `vault.authorizing` does it, by application."""

from __future__ import annotations

from datetime import datetime

from tenure.applications.models import Application, Authorization
from tenure.connectors.oauth import OAuthSettings
from tenure.vault import authorizing
from tenure.vault.authorizing import Begun, KeptTokens, Party


def party(application: Application) -> Party:
    """The application as whoever authorises us."""
    return Party(
        kind=authorizing.APPLICATION,
        owner=application,
        slug=application.slug,
        name=application.name,
        oauth=application.oauth,
        rows=Authorization,
    )


def settings_of(application: Application) -> OAuthSettings | None:
    """How it is authorised, with secrets looked up; None where not by OAuth. Raises `SecretError`
    and `ValueError`."""
    return authorizing.settings_of(party(application))


def begin(application: Application, *, redirect_uri: str) -> Begun:
    """Where the administrator's browser goes to agree. Raises `StopApplication` and `ValueError`,
    saying what is wrong with the settings."""
    return authorizing.begin(party(application), redirect_uri=redirect_uri)


def finish(application: Application, *, code: str, verifier: str, redirect_uri: str) -> None:
    """Trade the code that came back for tokens, and keep them. Raises `ConnectorError`."""
    authorizing.finish(party(application), code=code, verifier=verifier, redirect_uri=redirect_uri)


def withdraw(application: Application) -> str:
    """Forget the tokens, and give them back where the application takes them. Returns "" or why
    they may still be good there."""
    return authorizing.withdraw(party(application))


def forget_tokens(application: Application) -> None:
    """What is kept sealed for it."""
    authorizing.forget_tokens(party(application))


def fresh_token(application: Application, *, refused: str = "") -> tuple[str, datetime]:
    """An access token that is good now and other than `refused`, and when to ask again. Raises
    `StopApplication`, `RetryLater` and `SecretError`. Waits while another process renews."""
    return authorizing.fresh_token(party(application), refused=refused)


class ApplicationTokens(KeptTokens):
    """The tokens of one application, for a connector in an event loop."""

    def __init__(self, application: Application) -> None:
        super().__init__(party(application))


def renew_idle(at: datetime) -> int:
    """Use refresh tokens that nobody has used for long. Returns how many."""
    rows = Authorization.objects.filter(refused_at=None).select_related("application")
    return authorizing.renew_idle([party(row.application) for row in rows], at)
