"""Grants and tokens: written, found by digest, revoked. Whether one may still be used is asked of
the session that it is for, of the person's access and of the rules, each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749 import TokenMixin
from authlib.oidc.core import AuthorizationCodeMixin
from django.db import transaction
from django.db.models import Q

from tenure.audit.models import Action
from tenure.audit.services import event, record_many
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.signin.tokens import digest
from tenure.sso.endings import not_allowed
from tenure.sso.models import ApplicationSession, Code, Grant, Token
from tenure.sso.oidc.clients import Client, client_of
from tenure.sso.policies import NotConfigured

CODE_VALID = timedelta(minutes=1)


class KeptCode(AuthorizationCodeMixin):  # type: ignore[misc]
    """A code, as the library asks of it."""

    def __init__(self, row: Code) -> None:
        self.row = row
        self.code_challenge = row.challenge
        self.code_challenge_method = "S256"

    def get_redirect_uri(self) -> str:
        return self.row.redirect_uri

    def get_scope(self) -> str:
        return self.row.grant.scope

    def get_nonce(self) -> str:
        return self.row.nonce

    def get_auth_time(self) -> int | None:
        """It is told by the grant, with `acr`, `amr` and `sid`; see `identity`."""
        return None


class KeptToken(TokenMixin):  # type: ignore[misc]
    """A token, as the library asks of it."""

    def __init__(self, row: Token) -> None:
        self.row = row
        self.scope = row.scope

    def check_client(self, client: Client) -> bool:
        return self.row.grant.application_id == client.application.pk

    def get_scope(self) -> str:
        return self.row.scope

    def get_expires_in(self) -> int:
        return int((self.row.expires_at - self.row.issued_at).total_seconds())

    def is_expired(self) -> bool:
        return now() >= self.row.expires_at

    def is_revoked(self) -> bool:
        row = self.row
        spent = row.kind == Token.Kind.REFRESH and row.used_at is not None
        return bool(row.revoked_at or spent or dead(row.grant))

    def get_user(self) -> Whom | None:
        return whom(self.row.grant)

    def get_client(self) -> Client:
        return client_of(self.row.grant.application)


@dataclass(frozen=True, slots=True)
class Whom:
    """For whom a token is: the library hands it from where it is found to where claims are made."""

    person: Person
    grant: Grant


def whom(grant: Grant) -> Whom | None:
    """None for a grant that no person stands behind."""
    return Whom(grant.person, grant) if grant.person is not None else None


def open_grant(
    client: Client, *, session: ApplicationSession | None, scope: str, told: dict[str, Any]
) -> Grant:
    """The beginning of a family of tokens; without a session it is the client's own."""
    return Grant.objects.create(
        application=client.application,
        person=session.person if session else None,
        session=session,
        scope=scope,
        told=told,
    )


def keep_code(grant: Grant, code: str, *, redirect_uri: str, challenge: str, nonce: str) -> None:
    """A code that leads to this grant, once."""
    Code.objects.create(
        digest=digest(code),
        grant=grant,
        redirect_uri=redirect_uri,
        challenge=challenge,
        nonce=nonce,
        expires_at=now() + CODE_VALID,
    )


def keep_token(grant: Grant, text: str, kind: Token.Kind, *, scope: str, lives: timedelta) -> Token:
    """A token of the grant."""
    at = now()
    return Token.objects.create(
        digest=digest(text),
        kind=kind,
        grant=grant,
        scope=scope,
        issued_at=at,
        expires_at=at + lives,
    )


def find_token(text: str, *, lock: bool = False) -> Token | None:
    """By what the client shows. `lock`: it and its grant stay as they are."""
    if lock:
        row = Token.objects.select_for_update().filter(digest=digest(text)).first()
        if row is not None:
            row.grant = held(row.grant_id)
        return row
    rows = Token.objects.select_related(
        "grant__application", "grant__person", "grant__session__portal_session"
    )
    return rows.filter(digest=digest(text)).first()


def held(pk: int) -> Grant:
    """The grant as it is now, and as it stays until the caller's transaction ends: whoever revokes
    it waits for that, so that an application hears of the end after it has got its tokens, and
    never before (Back-Channel Logout 1.0, section 2.7, has it end what it knows by then)."""
    Grant.objects.select_for_update(no_key=True).values_list("pk").get(pk=pk)
    rows = Grant.objects.select_related("application", "person", "session__portal_session")
    return rows.get(pk=pk)


def dead(grant: Grant) -> str:
    """Why nothing of this grant works any more; empty where it does."""
    if grant.revoked_at is not None:
        return grant.revoked_because or "it was revoked"
    try:
        client_of(grant.application)
    except NotConfigured as error:
        return str(error)
    session = grant.session
    if session is None:
        return ""
    # One row each, whatever way it was found: so that nothing is loaded again.
    if grant.person is not None:
        session.person = grant.person
    session.application = grant.application
    return not_allowed(session)


@transaction.atomic
def revoke(which: Q, because: str, *, at: datetime | None = None) -> int:
    """Revoke grants, and with each all its tokens. Returns how many."""
    rows = list(
        Grant.objects.select_for_update(of=("self",))
        .filter(which, revoked_at=None)
        .select_related("application", "person")
        .order_by("pk")
    )
    Grant.objects.filter(pk__in=[row.pk for row in rows]).update(
        revoked_at=at or now(), revoked_because=because[:200]
    )
    record_many([_event(row, because) for row in rows if row.tokens.exists()] if rows else [])
    return len(rows)


def revoke_of(sessions: Sequence[ApplicationSession], because: str) -> None:
    """The sessions have ended, and what was issued in them with them."""
    revoke(Q(session__in=[row.pk for row in sessions]), because)


def _event(row: Grant, because: str) -> Any:
    person = row.person
    return event(
        Action.TOKENS_REVOKED,
        subject_kind="person" if person else "application",
        subject_key=str(person.uid) if person else row.application.slug,
        subject_label=person.display_name if person else row.application.name,
        person=str(person.uid) if person else "",
        application=row.application.slug,
        reason=because,
    )
