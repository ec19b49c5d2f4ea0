"""Tokens of those who push: made once and shown once, checked by digest, revoked at once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction

from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.infra.clock import now
from tenure.readers.registry import PUSH, UPLOAD
from tenure.scim_server.models import PushToken, Scope
from tenure.sources.models import Source

_PREFIX = "tnr_push_"
_BYTES = 32
VALID = timedelta(days=365)
#: When a token was last used is kept only so exactly.
_NOTED = timedelta(minutes=1)


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
    name = name.strip()[:100]
    if not name or PushToken.objects.filter(source=found, name=name, revoked_at=None).exists():
        raise ValueError(f"Give the token a name that no other of {found.name} has, not {name!r}.")
    token = _PREFIX + secrets.token_urlsafe(_BYTES)
    expires = now() + valid
    PushToken.objects.create(
        source=found,
        name=name,
        digest=_digest(token),
        scope=scope,
        created_by=actor(),
        expires_at=expires,
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
    if row is None or row.source.reader != reader:
        return None
    if row.last_used_at is None or at - row.last_used_at > _NOTED:
        PushToken.objects.filter(pk=row.pk).update(last_used_at=at)
    return row


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
