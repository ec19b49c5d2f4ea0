"""Applications that are authorised by OAuth: begun and finished in a browser, kept sealed, renewed
ahead of time by one process at a time, taken back.

A refresh token is often good once: whoever renews holds a lock from reading it to storing the next
one, so two workers never both use it. The request goes out with no transaction open.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from tenure.applications.models import Application, Authorization
from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.connectors.base import ConnectorError, StopApplication
from tenure.connectors.oauth import (
    AuthorizationRefused,
    Grant,
    OAuthSettings,
    TokenEndpoint,
    Tokens,
    Verifier,
    authorize_address,
)
from tenure.infra.clock import now
from tenure.vault.services import get_ours, put_ours, resolve_all

_LOCK_CLASS = 0x7E6
#: A token is renewed when this share of its life is left, or this long before its end.
_SHARE, _LEAST = 0.1, timedelta(seconds=60)
#: A refresh token that nobody uses dies with many providers: it is used at least this often.
_IDLE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Begun:
    """An authorisation under way. `state` and `verifier` stay with the browser's session."""

    address: str
    state: str
    verifier: str


def settings_of(application: Application) -> OAuthSettings | None:
    """How it is authorised, with secrets looked up; None where not by OAuth. Raises `SecretError`
    and `ValueError`."""
    if not application.oauth:
        return None
    return OAuthSettings.model_validate(resolve_all(application.oauth))


def begin(application: Application, *, redirect_uri: str) -> Begun:
    """Where the administrator's browser goes to agree. Raises `StopApplication` and `ValueError`,
    saying what is wrong with the settings."""
    settings = _needed(application)
    if settings.grant is not Grant.AUTHORIZATION_CODE:
        raise ValueError(
            f"{application.name} is authorised by {settings.grant.value}: nobody has to agree in a "
            "browser. Check the connection instead."
        )
    verifier = Verifier.new()
    state = secrets.token_urlsafe(32)
    address = authorize_address(settings, state=state, verifier=verifier, redirect_uri=redirect_uri)
    return Begun(address, state, verifier.secret)


def finish(application: Application, *, code: str, verifier: str, redirect_uri: str) -> None:
    """Trade the code that came back for tokens, and keep them. Raises `ConnectorError`."""
    endpoint = TokenEndpoint(_needed(application))
    with _alone(application):
        tokens = asyncio.run(
            endpoint.exchange(code, verifier=Verifier(verifier), redirect_uri=redirect_uri)
        )
        _store(application, tokens, granted=True)


def withdraw(application: Application) -> str:
    """Forget the tokens, and give them back where the application takes them. Returns "" or why
    they may still be good there."""
    settings = settings_of(application)
    trouble = ""
    with _alone(application):
        refresh = get_ours(_name(application, "refresh")) or get_ours(_name(application, "access"))
        if refresh and settings is not None:
            try:
                asyncio.run(TokenEndpoint(settings).revoke(refresh))
                if not settings.revoke_url:
                    trouble = "it names no revoke_url, so revoke them in the application too"
            except ConnectorError as error:
                trouble = str(error)
        with transaction.atomic():
            forget_tokens(application)
            Authorization.objects.filter(application=application).delete()
            _record(application, Action.AUTHORISATION_ENDED, "taken back")
    return trouble


def forget_tokens(application: Application) -> None:
    """What is kept sealed for it."""
    for part in ("access", "refresh"):
        put_ours(_name(application, part), "")


def fresh_token(application: Application, *, refused: str = "") -> tuple[str, datetime]:
    """An access token that is good now and other than `refused`, and when to ask again. Raises
    `StopApplication`, `RetryLater` and `SecretError`. Waits while another process renews."""
    found = _kept(application, refused)
    if found is not None:
        return found
    with _alone(application):
        found = _kept(application, refused)
        return found if found is not None else _renewed(application)


class ApplicationTokens:
    """The tokens of one application, for a connector in an event loop."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._turn = asyncio.Lock()
        self._token = ""
        self._good_until: datetime | None = None

    async def token(self) -> str:
        async with self._turn:
            if self._good_until is None or now() >= self._good_until:
                await self._ask("")
            return self._token

    async def renew(self, refused: str) -> str:
        async with self._turn:
            if self._token == refused:
                await self._ask(refused)
            return self._token

    async def _ask(self, refused: str) -> None:
        self._token, self._good_until = await asyncio.to_thread(
            _in_thread, self._application, refused
        )


def renew_idle(at: datetime) -> int:
    """Use refresh tokens that nobody has used for long. Returns how many. What is refused shows on
    its application; the others go on."""
    count = 0
    rows = Authorization.objects.filter(refused_at=None, renewed_at__lt=at - _IDLE)
    for row in rows.select_related("application"):
        application = row.application
        if not get_ours(_name(application, "refresh")):
            continue
        try:
            fresh_token(application, refused=get_ours(_name(application, "access")))
            count += 1
        except (ConnectorError, LookupError, ValueError):
            # Kept on the row where it is final; otherwise the next turn tries again.
            continue
    return count


def _in_thread(application: Application, refused: str) -> tuple[str, datetime]:
    """The thread's connection ends with the question: it holds no lock and no slot for long."""
    try:
        return fresh_token(application, refused=refused)
    except (LookupError, ValueError) as error:
        raise StopApplication(f"{application.name} cannot be authorised: {error}") from None
    finally:
        connection.close()


def _kept(application: Application, refused: str) -> tuple[str, datetime] | None:
    row = Authorization.objects.filter(application=application, refused_at=None).first()
    if row is None or row.renew_at is None or now() >= row.renew_at:
        return None
    token = get_ours(_name(application, "access"))
    return (token, row.renew_at) if token and token != refused else None


def _renewed(application: Application) -> tuple[str, datetime]:
    settings = _needed(application)
    endpoint = TokenEndpoint(settings)
    try:
        if settings.grant is Grant.AUTHORIZATION_CODE:
            tokens = asyncio.run(endpoint.refresh(_refresh_token(application)))
        else:
            tokens = asyncio.run(endpoint.own())
    except AuthorizationRefused as error:
        _refused(application, str(error))
        raise
    row = _store(application, tokens, granted=False)
    assert row.renew_at is not None
    return tokens.access, row.renew_at


def _refresh_token(application: Application) -> str:
    row = Authorization.objects.filter(application=application).first()
    if row is None:
        raise StopApplication(
            f"{application.name} is not authorised yet: press Authorise on its page in the console "
            f"(`tenure application authorize {application.slug}` prints the address)."
        )
    if row.refused_at is not None:
        raise AuthorizationRefused(row.refused_reason)
    token = get_ours(_name(application, "refresh"))
    if not token:
        error = AuthorizationRefused(
            f"The access token of {application.name} has ended and the application gave no refresh "
            "token with it: authorise again, and ask for offline access (a scope or parameter of "
            "the application)."
        )
        _refused(application, str(error))
        raise error
    return token


@transaction.atomic
def _store(application: Application, tokens: Tokens, *, granted: bool) -> Authorization:
    at = now()
    row, made = Authorization.objects.get_or_create(
        application=application, defaults={"granted_at": at, "granted_by": actor()}
    )
    if granted:
        row.granted_at, row.granted_by = at, actor()
    life = timedelta(seconds=tokens.seconds)
    row.access_expires_at = at + life
    row.renew_at = max(at + life - max(life * _SHARE, _LEAST), at + life / 2)
    row.renewed_at, row.refused_at, row.refused_reason = at, None, ""
    row.scopes = list(tokens.scopes) or row.scopes
    row.save()
    put_ours(_name(application, "access"), tokens.access)
    if tokens.refresh or granted:
        put_ours(_name(application, "refresh"), tokens.refresh)
    if granted or made:
        _record(application, Action.APPLICATION_AUTHORISED, "", {"scopes": row.scopes})
    return row


@transaction.atomic
def _refused(application: Application, reason: str) -> None:
    changed = Authorization.objects.filter(application=application, refused_at=None).update(
        refused_at=now(), refused_reason=reason
    )
    if changed:
        _record(application, Action.AUTHORISATION_ENDED, reason)


def _record(
    application: Application, action: Action, reason: str, after: dict[str, object] | None = None
) -> None:
    record(
        action,
        subject_kind="application",
        subject_key=application.slug,
        subject_label=application.name,
        application=application.slug,
        reason=reason,
        after=after,
    )


def _needed(application: Application) -> OAuthSettings:
    settings = settings_of(application)
    if settings is None:
        raise ValueError(f"{application.name} has no `oauth` in its configuration.")
    return settings


def _name(application: Application, part: str) -> str:
    return f"oauth:{application.pk}:{part}"


@contextmanager
def _alone(application: Application) -> Iterator[None]:
    """Nobody else renews this application's tokens meanwhile, on any machine."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [_LOCK_CLASS, application.pk])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK_CLASS, application.pk])
