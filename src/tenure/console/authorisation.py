"""How an application or a source stands with OAuth, as pages show it: what it may do and what each
scope is for, where one agrees, and where the browser comes back to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from tenure.catalogue import loading
from tenure.catalogue.parts import Common
from tenure.console.oauth_form import WORDS
from tenure.vault.parties import DRAFT, SOURCE, Party, Standing, standing


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of one. `scopes`: each with what it is for, "" where that is not known.
    `authorise` leads out to where one agrees; `withdraw` takes it back, "" where that is no use."""

    how: Standing
    name: str
    scopes: list[tuple[str, str]]
    redirect_uri: str
    authorise: str
    withdraw: str
    #: When it ends by itself, as the catalogue knows it.
    ends: str

    @property
    def words(self) -> str:
        """How, for people."""
        return WORDS[self.how.grant]


def redirect_uri() -> str:
    """Where applications and sources send browsers back to: it is registered with each of them."""
    return f"{settings.TENURE_URL}{reverse('console:authorised')}"


def shown(party: Party, entry: Common | None = None) -> Shown | None:
    """None where it is not authorised by OAuth. `entry`: of the catalogue, for what scopes mean."""
    how = standing(party)
    if how is None:
        return None
    ways = {SOURCE: ("authorise_source", "deauthorise_source"), DRAFT: ("authorise_draft", "")}
    out, back = ways.get(party.kind, ("authorise", "deauthorise"))
    return Shown(
        how=how,
        name=party.name,
        scopes=explained(how.scopes, entry.authentication.explained if entry else {}),
        redirect_uri=redirect_uri(),
        authorise=reverse(f"console:{out}", args=[party.slug]),
        withdraw=reverse(f"console:{back}", args=[party.slug]) if back else "",
        ends=entry.authentication.ends if entry else "",
    )


def explained(scopes: tuple[str, ...], known: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each with what it is for."""
    return [(scope, known.get(scope, "")) for scope in scopes]


def entry_of(slug: str) -> Common | None:
    """The catalogue's entry of a source, where there is one."""
    try:
        return loading.source(slug) if slug else None
    except loading.UnknownEntry:
        return None
