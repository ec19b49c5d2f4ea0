"""The steps on which a source is set up: which there are, and the way back to where they began."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from tenure.connectors.oauth import Grant
from tenure.console.page import ConsoleRequest
from tenure.setup import authorizing, source_drafts, steps
from tenure.vault.parties import standing


def frame(request: ConsoleRequest, slug: str, definition: Mapping[str, Any]) -> dict[str, Any]:
    """What every step shows."""
    return {
        "back": came_from(request),
        "draft": source_drafts.draft(slug) is not None,
        "steps": steps.NAMES,
        "agreed": by_hand(definition),
    }


def came_from(request: ConsoleRequest) -> str:
    """Where the steps began, as addresses say it: start, or nothing."""
    return request.GET.get("back", request.POST.get("back", ""))


def with_back(request: ConsoleRequest, url: str) -> str:
    """An address, to come back from to the first steps where the source is one of them."""
    return then(url, came_from(request))


def then(url: str, back: object) -> str:
    """The same, where it is known already where they began."""
    return f"{url}?back=start" if back == "start" else url


def after_connection(slug: str, definition: Mapping[str, Any]) -> str:
    """The step after the first: to agree in a browser where that is to be done, or the columns."""
    step = "source_authorisation" if asks(slug, definition) else "source_mapping"
    return reverse(f"console:{step}", args=[slug])


def by_hand(definition: Mapping[str, Any]) -> bool:
    """Whether somebody agrees in a browser to what is read."""
    oauth = definition.get("oauth") or {}
    usual = Grant.AUTHORIZATION_CODE.value
    return bool(oauth) and (oauth.get("grant") or usual) == usual


def asks(slug: str, definition: Mapping[str, Any]) -> bool:
    """Whether somebody has to agree in a browser before it can be read."""
    if not by_hand(definition):
        return False
    party = authorizing.party_of(slug)
    how = standing(party) if party is not None else None
    return how is None or not how.authorised
