"""Authorising a source while it is set up. It is looked at, and tried, before it is in force, so
its tokens are the draft's until then; a change that leaves alone how it is authorised uses those of
the source that is in force.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from tenure.connectors.base import TokenSource
from tenure.connectors.oauth import OAuthSettings
from tenure.setup.models import DraftAuthorization, SourceDraft
from tenure.sources import authorizing as sources
from tenure.sources.models import Source
from tenure.vault.authorizing import KeptTokens, forget, hand_on, withdraw
from tenure.vault.parties import DRAFT, Party


def party_of(slug: str) -> Party | None:
    """Whoever authorises what is being set up under this name: the draft, or the source that is in
    force where it is authorised in the same way. None where there is neither."""
    draft = SourceDraft.objects.filter(slug=slug).first()
    stored = Source.objects.filter(slug=slug).first()
    if draft is None:
        return sources.party(stored) if stored else None
    oauth = _oauth(draft.definition)
    if stored is not None and not _differ(oauth, stored.oauth):
        return sources.party(stored)
    return _party(draft)


def tokens_for(source: Source) -> TokenSource | None:
    """The tokens with which a source that is not stored is read; None where not by OAuth."""
    found = party_of(source.slug) if source.oauth else None
    return KeptTokens(found) if found is not None else None


def in_force(slug: str) -> None:
    """What was authorised while it was set up is the source's from now on. Within the transaction
    that puts it in force; call it before the draft goes."""
    draft = SourceDraft.objects.filter(slug=slug).first()
    stored = Source.objects.filter(slug=slug).first()
    if draft is not None and stored is not None:
        hand_on(_party(draft), sources.party(stored))


def changed(draft: SourceDraft, before: dict[str, Any]) -> None:
    """Another client is another authorisation: what the draft had is forgotten."""
    if _differ(_oauth(draft.definition), _oauth(before)):
        forget(_party(draft))


def give_back(slug: str) -> None:
    """The draft is given up: the source is told that its tokens are, where it takes that. What
    could not be told is forgotten here all the same. Outside any transaction, for it is sent."""
    draft = SourceDraft.objects.filter(slug=slug).first()
    party = _party(draft) if draft is not None else None
    if party is None or party.row() is None:
        return
    with suppress(LookupError, ValueError):
        withdraw(party)


def discard(slug: str) -> None:
    """The draft goes: its tokens go with it."""
    draft = SourceDraft.objects.filter(slug=slug).first()
    if draft is not None:
        forget(_party(draft))


def _party(draft: SourceDraft) -> Party:
    return Party(
        kind=DRAFT,
        owner=draft,
        slug=draft.slug,
        name=str(draft),
        oauth=_oauth(draft.definition),
        rows=DraftAuthorization,
    )


def _oauth(definition: dict[str, Any]) -> dict[str, Any]:
    return dict(definition.get("oauth") or {})


def _differ(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether they are two ways of being authorised, however much of the usual is written down."""
    try:
        return _whole(one) != _whole(other)
    except ValidationError:
        return one != other


def _whole(oauth: dict[str, Any]) -> OAuthSettings | None:
    return OAuthSettings.model_validate(oauth) if oauth else None
