"""Tokens of an application or source that is removed: they are given back (RFC 7009) once it is
gone, by a job that is queued in that very transaction. What is needed for that is kept sealed until
it is done; what came of it is in the audit trail.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Final

from django.db import transaction

from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.connectors.base import ConnectorError
from tenure.connectors.oauth import OAuthSettings, TokenEndpoint
from tenure.infra.jobs import defer_once
from tenure.vault.authorizing import forget_tokens, settings_of
from tenure.vault.parties import APPLICATION, Party
from tenure.vault.services import get_ours, put_ours

#: By a client that the other side does not know any more nothing is taken back, however often.
MOST_TRIES: Final = 8
_NAMELESS: Final = "{} names no revoke_url: revoke Tenure's access there by hand."


def words(party: Party) -> str:
    """What becomes of its tokens when it is removed; "" where it has none."""
    if not _token(party):
        return ""
    if not party.oauth.get("revoke_url"):
        return _NAMELESS.format(party.name)
    return f"Its tokens are given back to {party.name}; the audit trail says whether it took them."


def give_back(party: Party) -> None:
    """Forget its tokens, and see to it that they are given back; in the caller's transaction."""
    token = _token(party)
    forget_tokens(party)
    if not token:
        return
    try:
        settings = settings_of(party)
    except (LookupError, ValueError) as error:
        _told(party.kind.word, party.slug, party.name, f"They may still be good there: {error}")
        return
    if settings is None or not settings.revoke_url:
        _told(party.kind.word, party.slug, party.name, _NAMELESS.format(party.name))
        return
    key = f"given-back-{uuid.uuid4().hex}"
    put_ours(key, json.dumps({"token": token, "oauth": settings.model_dump(mode="json")}))
    defer_once(
        "tenure.give_back",
        queueing_lock=key,
        key=key,
        word=party.kind.word,
        slug=party.slug,
        name=party.name,
    )


def send(key: str, *, word: str, slug: str, name: str, last: bool) -> None:
    """Give back what is kept under this name. Raises `ConnectorError` where it is to be tried
    again; the `last` time it is told, and forgotten."""
    kept = get_ours(key)
    if not kept:
        return
    given = json.loads(kept)
    trouble = ""
    try:
        settings = OAuthSettings.model_validate(given["oauth"])
        asyncio.run(TokenEndpoint(settings).revoke(given["token"]))
    except ConnectorError as error:
        if not last:
            raise
        trouble = f"They may still be good there, revoke them by hand: {error}"
    with transaction.atomic():
        put_ours(key, "")
        _told(word, slug, name, trouble)


def _token(party: Party) -> str:
    return get_ours(party.sealed("refresh")) or get_ours(party.sealed("access"))


def _told(word: str, slug: str, name: str, trouble: str) -> None:
    record(
        Action.TOKENS_KEPT_THERE if trouble else Action.TOKENS_GIVEN_BACK,
        subject_kind=word,
        subject_key=slug,
        subject_label=name,
        application=slug if word == APPLICATION.word else "",
        reason=trouble,
    )
