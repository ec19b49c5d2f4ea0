"""Whoever authorises us by OAuth (`vault.parties`): begun and finished in a browser, kept sealed,
renewed ahead of time by one process at a time, handed on, taken back.

A refresh token is often good once: whoever renews holds a lock from reading it to storing the next
one, so two workers never both use it. The request goes out with no transaction open. What the other
side is, and what its tokens are for, is not known here.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

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
from tenure.vault.models import KeptAuthorization
from tenure.vault.parties import APPLICATION, DRAFT, Party
from tenure.vault.services import get_ours, put_ours, resolve_all

#: A token is renewed when this share of its life is left, or this long before its end.
_SHARE, _LEAST = 0.1, timedelta(seconds=60)
#: A refresh token that nobody uses dies with many providers: it is used at least this often.
_IDLE = timedelta(days=7)


_PARTS = ("access", "refresh")
_OF_THE_ROW = tuple(field.name for field in KeptAuthorization._meta.local_fields)


@dataclass(frozen=True, slots=True)
class Begun:
    """An authorisation under way. `state` and `verifier` stay with the browser's session."""

    address: str
    state: str
    verifier: str


def settings_of(party: Party) -> OAuthSettings | None:
    """How it is authorised, with secrets looked up; None where not by OAuth. Raises `SecretError`
    and `ValueError`."""
    return OAuthSettings.model_validate(resolve_all(party.oauth)) if party.oauth else None


def begin(party: Party, *, redirect_uri: str) -> Begun:
    """Where the administrator's browser goes to agree. Raises `StopApplication` and `ValueError`,
    saying what is wrong with the settings."""
    settings = _needed(party)
    if settings.grant is not Grant.AUTHORIZATION_CODE:
        raise ValueError(
            f"{party.name} is authorised by {settings.grant.value}: nobody has to agree in a "
            "browser. Check the connection instead."
        )
    verifier = Verifier.new()
    state = secrets.token_urlsafe(32)
    address = authorize_address(settings, state=state, verifier=verifier, redirect_uri=redirect_uri)
    return Begun(address, state, verifier.secret)


def finish(party: Party, *, code: str, verifier: str, redirect_uri: str) -> None:
    """Trade the code that came back for tokens, and keep them. Raises `ConnectorError`."""
    endpoint = TokenEndpoint(_needed(party))
    with _alone(party):
        tokens = asyncio.run(
            endpoint.exchange(code, verifier=Verifier(verifier), redirect_uri=redirect_uri)
        )
        _store(party, tokens, granted=True)


def withdraw(party: Party) -> str:
    """Forget the tokens, and give them back where the other side takes them. Returns "" or why
    they may still be good there."""
    settings = settings_of(party)
    trouble = ""
    with _alone(party):
        refresh = get_ours(party.sealed("refresh")) or get_ours(party.sealed("access"))
        if refresh and settings is not None:
            try:
                asyncio.run(TokenEndpoint(settings).revoke(refresh))
                if not settings.revoke_url:
                    trouble = f"it names no revoke_url, so revoke them in the {party.kind.word} too"
            except ConnectorError as error:
                trouble = str(error)
        with transaction.atomic():
            forget(party)
            _record(party, party.kind.ended, "taken back")
    return trouble


def forget_tokens(party: Party) -> None:
    """What is kept sealed for it."""
    for part in _PARTS:
        put_ours(party.sealed(part), "")


def hand_on(giver: Party, taker: Party) -> bool:
    """What authorises `giver` authorises `taker` from now on, in place of what did. False where it
    had nothing. What the taker had is forgotten, and not given back: with many providers that ends
    whatever the same client was given."""
    with _alone(giver), _alone(taker), transaction.atomic():
        row = giver.row()
        if row is None:
            return False
        taker.mine().delete()
        kept = {field: getattr(row, field) for field in _OF_THE_ROW}
        taker.rows._default_manager.create(**{taker.kind.name: taker.owner}, **kept)
        for part in _PARTS:
            put_ours(taker.sealed(part), get_ours(giver.sealed(part)))
        forget(giver)
    return True


@transaction.atomic
def forget(party: Party) -> None:
    """Its tokens, and that it was authorised. They are not given back."""
    forget_tokens(party)
    party.mine().delete()


def fresh_token(party: Party, *, refused: str = "") -> tuple[str, datetime]:
    """An access token that is good now and other than `refused`, and when to ask again. Raises
    `StopApplication`, `RetryLater` and `SecretError`. Waits while another process renews."""
    found = _kept(party, refused)
    if found is not None:
        return found
    with _alone(party):
        found = _kept(party, refused)
        return found if found is not None else _renewed(party)


class KeptTokens:
    """The tokens of one party, for whoever speaks to it in an event loop."""

    def __init__(self, party: Party) -> None:
        self._party = party
        self._turn: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._token = ""
        self._good_until: datetime | None = None

    async def token(self) -> str:
        async with self._in_turn():
            if self._good_until is None or now() >= self._good_until:
                await self._ask("")
            return self._token

    async def renew(self, refused: str) -> str:
        async with self._in_turn():
            if self._token == refused:
                await self._ask(refused)
            return self._token

    def _in_turn(self) -> asyncio.Lock:
        """A reader is read in more than one loop, one after the other; a lock belongs to one."""
        loop = asyncio.get_running_loop()
        if self._turn is None or self._loop is not loop:
            self._turn, self._loop = asyncio.Lock(), loop
        return self._turn

    async def _ask(self, refused: str) -> None:
        self._token, self._good_until = await asyncio.to_thread(_in_thread, self._party, refused)


def renew_idle(parties: Iterable[Party], at: datetime) -> int:
    """Use refresh tokens that nobody has used for long. Returns how many. What is refused shows on
    its party; the others go on."""
    count = 0
    for party in parties:
        row = party.row()
        if row is None or row.refused_at is not None or row.renewed_at is None:
            continue
        if row.renewed_at >= at - _IDLE or not get_ours(party.sealed("refresh")):
            continue
        try:
            fresh_token(party, refused=get_ours(party.sealed("access")))
            count += 1
        except (ConnectorError, LookupError, ValueError):
            # Kept on the row where it is final; otherwise the next turn tries again.
            continue
    return count


def _in_thread(party: Party, refused: str) -> tuple[str, datetime]:
    """The thread's connection ends with the question: it holds no lock and no slot for long."""
    try:
        return fresh_token(party, refused=refused)
    except (LookupError, ValueError) as error:
        raise StopApplication(f"{party.name} cannot be authorised: {error}") from None
    finally:
        connection.close()


def _kept(party: Party, refused: str) -> tuple[str, datetime] | None:
    row = party.row()
    if row is None or row.refused_at is not None:
        return None
    if row.renew_at is None or now() >= row.renew_at:
        return None
    token = get_ours(party.sealed("access"))
    return (token, row.renew_at) if token and token != refused else None


def _renewed(party: Party) -> tuple[str, datetime]:
    settings = _needed(party)
    endpoint = TokenEndpoint(settings)
    try:
        if settings.grant is Grant.AUTHORIZATION_CODE:
            tokens = asyncio.run(endpoint.refresh(_refresh_token(party)))
        else:
            tokens = asyncio.run(endpoint.own())
    except AuthorizationRefused as error:
        _refused(party, str(error))
        raise
    row = _store(party, tokens, granted=False)
    assert row.renew_at is not None
    return tokens.access, row.renew_at


def _refresh_token(party: Party) -> str:
    row = party.row()
    if row is None:
        where = (
            "as the next step of setting it up."
            if party.kind is DRAFT
            else "on its page in the console "
            f"(`tenure {party.kind.word} authorize {party.slug}` prints the address)."
        )
        raise StopApplication(f"{party.name} is not authorised yet: press Authorise {where}")
    if row.refused_at is not None:
        raise AuthorizationRefused(row.refused_reason)
    token = get_ours(party.sealed("refresh"))
    if not token:
        error = AuthorizationRefused(
            f"The access token of {party.name} has ended and the {party.kind.word} gave no refresh "
            "token with it: authorise again, and ask for offline access (a scope or parameter of "
            f"the {party.kind.word})."
        )
        _refused(party, str(error))
        raise error
    return token


@transaction.atomic
def _store(party: Party, tokens: Tokens, *, granted: bool) -> KeptAuthorization:
    at = now()
    row, made = party.rows._default_manager.get_or_create(
        **{party.kind.name: party.owner}, defaults={"granted_at": at, "granted_by": actor()}
    )
    if granted:
        row.granted_at, row.granted_by = at, actor()
    life = timedelta(seconds=tokens.seconds)
    row.access_expires_at = at + life
    row.renew_at = max(at + life - max(life * _SHARE, _LEAST), at + life / 2)
    row.renewed_at, row.refused_at, row.refused_reason = at, None, ""
    row.scopes = list(tokens.scopes) or row.scopes
    row.save()
    put_ours(party.sealed("access"), tokens.access)
    if tokens.refresh or granted:
        put_ours(party.sealed("refresh"), tokens.refresh)
    if granted or made:
        _record(party, party.kind.granted, "", {"scopes": row.scopes})
    return row


@transaction.atomic
def _refused(party: Party, reason: str) -> None:
    changed = party.mine().filter(refused_at=None).update(refused_at=now(), refused_reason=reason)
    if changed:
        _record(party, party.kind.ended, reason)


def _record(
    party: Party, action: Action, reason: str, after: dict[str, object] | None = None
) -> None:
    record(
        action,
        subject_kind=party.kind.word,
        subject_key=party.slug,
        subject_label=party.name,
        application=party.slug if party.kind is APPLICATION else "",
        reason=reason,
        after=after,
    )


def _needed(party: Party) -> OAuthSettings:
    settings = settings_of(party)
    if settings is None:
        raise ValueError(f"{party.name} has no `oauth` in its configuration.")
    return settings


@contextmanager
def _alone(party: Party) -> Iterator[None]:
    """Nobody else renews this party's tokens meanwhile, on any machine."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [party.kind.lock, party.owner.pk])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [party.kind.lock, party.owner.pk])
