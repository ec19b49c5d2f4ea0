"""Tokens of those who push: made once and shown once, checked by digest, revoked at once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_network

from django.db import transaction
from django.db.models import F, Q

from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.infra.clock import now
from tenure.readers.registry import PUSH, UPLOAD
from tenure.scim_server.models import PushToken, Scope
from tenure.sources.models import Source

_PREFIX, _HOOK_PREFIX = "tnr_push_", "tnr_hook_"
_BYTES = 32
VALID = timedelta(days=365)
#: When a token was last used is kept only so exactly.
_NOTED = timedelta(minutes=1)
#: An address of a webhook is entered somewhere and forgotten: it does not end by itself soon.
HOOK_VALID = timedelta(days=3650)
#: More webhooks than that in a minute are not taken: whoever sends them sends them again.
MOST_A_MINUTE = 120


@transaction.atomic
def issue(source: str, *, name: str, scope: Scope = Scope.WRITE, valid: timedelta = VALID) -> str:
    """A new token: what is returned is not kept. Raises `LookupError` for a source that does not
    exist and `ValueError` for one that nobody pushes to, or a name that is taken."""
    found = Source.objects.filter(slug=source).first()
    if found is None:
        rows = Source.objects.filter(reader__in=[PUSH, UPLOAD])
        known = ", ".join(rows.values_list("slug", flat=True))
        raise LookupError(
            f"There is no source {source!r}. Sources that are pushed to: {known or 'none yet'}."
        )
    if found.reader not in (PUSH, UPLOAD):
        raise ValueError(
            f"{found.name} is read by {found.reader}, so nobody pushes to it. Give a source "
            "`reader: push` (SCIM) or `reader: upload` (JSON) in tenure.yaml."
        )
    return _made(found, name, scope, valid, [])


@transaction.atomic
def issue_hook(
    source: str, *, name: str, networks: Sequence[str] = (), valid: timedelta = HOOK_VALID
) -> str:
    """A token by which a source says that something changed, where it does not sign what it sends:
    part of the address, or the password. What is returned is not kept. Raises `LookupError` for a
    source that does not exist, `ValueError` for one that is not read, a network that is none, or a
    name that is taken."""
    found = Source.objects.filter(slug=source).first()
    if found is None:
        known = ", ".join(Source.objects.values_list("slug", flat=True)) or "none yet"
        raise LookupError(f"There is no source {source!r}. Sources: {known}.")
    if found.reader in (PUSH, UPLOAD):
        raise ValueError(
            f"People of {found.name} are brought here, so there is nothing to fetch when something "
            "changes. `tenure push token` lets somebody bring them."
        )
    given = []
    for text in networks:
        try:
            given.append(str(ip_network(text.strip(), strict=False)))
        except ValueError:
            raise ValueError(
                f"{text!r} is no network. Expected one such as 203.0.113.0/24 or 203.0.113.7."
            ) from None
    return _made(found, name, Scope.HOOK, valid, given)


def _made(found: Source, name: str, scope: Scope, valid: timedelta, networks: Sequence[str]) -> str:
    name = name.strip()[:100]
    if not name or PushToken.objects.filter(source=found, name=name, revoked_at=None).exists():
        raise ValueError(f"Give the token a name that no other of {found.name} has, not {name!r}.")
    token = (_HOOK_PREFIX if scope == Scope.HOOK else _PREFIX) + secrets.token_urlsafe(_BYTES)
    expires = now() + valid
    PushToken.objects.create(
        source=found,
        name=name,
        digest=_digest(token),
        scope=scope,
        created_by=actor(),
        expires_at=expires,
        networks=list(networks),
    )
    _record(Action.PUSH_TOKEN_ISSUED, found, name, {"expires_at": expires.isoformat()})
    return token


@transaction.atomic
def revoke(source: str, *, name: str) -> None:
    """It lets nobody in any more. Raises `LookupError`."""
    rows = PushToken.objects.select_for_update().filter(source__slug=source, revoked_at=None)
    row = rows.filter(name=name).select_related("source").first()
    if row is None:
        known = ", ".join(rows.values_list("name", flat=True)) or "none"
        raise LookupError(f"{source!r} has no token {name!r}. It has: {known}.")
    row.revoked_at = now()
    row.save(update_fields=["revoked_at"])
    _record(Action.PUSH_TOKEN_REVOKED, row.source, name, None)


def tokens(source: str | None = None) -> list[PushToken]:
    """Those that are not revoked."""
    rows = PushToken.objects.filter(revoked_at=None).select_related("source")
    return list(rows.filter(source__slug=source) if source else rows)


def let_in(token: str, at: datetime, *, reader: str = PUSH) -> PushToken | None:
    """Whose token it is; None where it lets nobody in to a source that is read like that."""
    rows = PushToken.objects.filter(digest=_digest(token), revoked_at=None, expires_at__gt=at)
    row = rows.select_related("source").first()
    if row is None or row.source.reader != reader or row.scope == Scope.HOOK:
        return None
    _note(row, at)
    return row


def is_hook(text: str) -> bool:
    """Whether it looks like a token by which a source says that something changed."""
    return text.startswith(_HOOK_PREFIX)


def hook_of(token: str, at: datetime) -> PushToken | None:
    """Whose webhooks it proves; None where it proves none."""
    rows = PushToken.objects.filter(
        digest=_digest(token), scope=Scope.HOOK, revoked_at=None, expires_at__gt=at
    )
    row = rows.select_related("source").first()
    if row is not None:
        _note(row, at)
    return row


def too_often(row: PushToken, at: datetime) -> bool:
    """Count that it was shown; whether that is more than is taken in a minute."""
    fresh = Q(shown_since=None) | Q(shown_since__lte=at - timedelta(minutes=1))
    mine = PushToken.objects.filter(pk=row.pk)
    if mine.filter(fresh).update(shown=1, shown_since=at):
        return False
    return not mine.filter(shown__lt=MOST_A_MINUTE).update(shown=F("shown") + 1)


def _note(row: PushToken, at: datetime) -> None:
    if row.last_used_at is None or at - row.last_used_at > _NOTED:
        PushToken.objects.filter(pk=row.pk).update(last_used_at=at)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _record(action: Action, source: Source, name: str, after: dict[str, str] | None) -> None:
    record(
        action,
        subject_kind="source",
        subject_key=source.slug,
        subject_label=source.name,
        reason=name,
        after=after,
    )
