"""Sources that are authorised by OAuth: as `vault.authorizing` does it, by source."""

from __future__ import annotations

from datetime import datetime

from tenure.infra.clock import now
from tenure.people.credentials import Warned, authorisations, expiring
from tenure.sources.models import Source, SourceAuthorization
from tenure.vault import authorizing
from tenure.vault.authorizing import Begun, Party, Standing


def party(source: Source) -> Party:
    """The source as whoever authorises us."""
    return Party(
        kind=authorizing.SOURCE,
        owner=source,
        slug=source.slug,
        name=source.name,
        oauth=source.oauth,
        rows=SourceAuthorization,
    )


def standing(source: Source) -> Standing | None:
    """How it is authorised; None where not by OAuth."""
    return authorizing.standing(party(source))


def begin(source: Source, *, redirect_uri: str) -> Begun:
    """Where the administrator's browser goes to agree. Raises `StopApplication` and `ValueError`,
    saying what is wrong with the settings."""
    return authorizing.begin(party(source), redirect_uri=redirect_uri)


def finish(source: Source, *, code: str, verifier: str, redirect_uri: str) -> None:
    """Trade the code that came back for tokens, and keep them. Raises `ConnectorError`."""
    authorizing.finish(party(source), code=code, verifier=verifier, redirect_uri=redirect_uri)


def withdraw(source: Source) -> str:
    """Forget the tokens, and give them back where the source takes them. Returns "" or why they
    may still be good there."""
    return authorizing.withdraw(party(source))


def forget_tokens(source: Source) -> None:
    """What is kept sealed for it."""
    authorizing.forget_tokens(party(source))


def fresh_token(source: Source, *, refused: str = "") -> tuple[str, datetime]:
    """An access token that is good now and other than `refused`, and when to ask again. Raises
    `StopApplication`, `RetryLater` and `SecretError`."""
    return authorizing.fresh_token(party(source), refused=refused)


def renew_idle(at: datetime) -> int:
    """Use refresh tokens that nobody has used for long. Returns how many."""
    rows = SourceAuthorization.objects.filter(refused_at=None).select_related("source")
    return authorizing.renew_idle([party(row.source) for row in rows], at)


def warnings() -> list[Warned]:
    """What of the credentials of sources is to be mended, what does not work now first."""
    today = now().date()
    dated = [(party(row), row.expires) for row in Source.objects.exclude(expires={})]
    by_oauth = [party(row) for row in Source.objects.exclude(oauth={})]
    found = [*expiring(dated, today), *authorisations(by_oauth, today)]
    return sorted(found, key=lambda item: (not item.urgent, item.what))
