"""Who authorises us by OAuth: an application, a source, or a source that is still being set up; and
how each stands. What its tokens are for is not known here, and nothing is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import models

from tenure.audit.models import Action
from tenure.connectors.oauth import Grant
from tenure.vault.models import KeptAuthorization

#: What OpenID providers take and many do not repeat in what they say was granted.
_UNSAID: Final = frozenset({"openid", "profile", "email", "offline_access"})


@dataclass(frozen=True, slots=True)
class Kind:
    """What is authorised. `name` is also the field by which its authorisation is tied to it, `word`
    what people call it, `lock` the class of its locks."""

    name: str
    word: str
    lock: int
    #: Before the number of the owner in the names of its tokens.
    prefix: str
    granted: Action
    ended: Action


APPLICATION: Final = Kind(
    "application",
    "application",
    0x7E50_0021,
    "",
    Action.APPLICATION_AUTHORISED,
    Action.AUTHORISATION_ENDED,
)
SOURCE: Final = Kind(
    "source",
    "source",
    0x7E50_0022,
    "source:",
    Action.SOURCE_AUTHORISED,
    Action.SOURCE_AUTHORISATION_ENDED,
)
#: A source that is set up and not in force.
DRAFT: Final = Kind(
    "draft",
    "source",
    0x7E50_0023,
    "draft:",
    Action.SOURCE_AUTHORISED,
    Action.SOURCE_AUTHORISATION_ENDED,
)


@dataclass(frozen=True, slots=True)
class Party:
    """One application or source. `rows` holds its authorisation, at most one, tied to `owner` by
    the field that is called as its kind is."""

    kind: Kind
    owner: models.Model
    slug: str
    name: str
    oauth: Mapping[str, Any]
    rows: type[KeptAuthorization]

    @property
    def grant(self) -> Grant:
        """How it is authorised, where it is by OAuth at all."""
        return Grant(self.oauth.get("grant") or Grant.AUTHORIZATION_CODE)

    @property
    def by_hand(self) -> bool:
        """Whether somebody has to agree in a browser."""
        return self.grant is Grant.AUTHORIZATION_CODE

    def row(self) -> KeptAuthorization | None:
        return self.mine().first()

    def mine(self) -> models.QuerySet[KeptAuthorization]:
        return self.rows._default_manager.filter(**{self.kind.name: self.owner})

    def sealed(self, part: str) -> str:
        """The name under which a token is kept."""
        return f"oauth:{self.kind.prefix}{self.owner.pk}:{part}"


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody who is authorised by OAuth stands. `scopes` are what was granted, or asked for
    where that is not known; `missing` what was asked for and is not among them."""

    grant: Grant
    scopes: tuple[str, ...]
    authorised: bool
    granted_at: datetime | None = None
    granted_by: str = ""
    refused: str = ""
    renewed_at: datetime | None = None
    access_expires_at: datetime | None = None
    missing: tuple[str, ...] = ()

    @property
    def by_hand(self) -> bool:
        """Whether somebody has to agree in a browser."""
        return self.grant is Grant.AUTHORIZATION_CODE


def standing(party: Party) -> Standing | None:
    """None where it is not authorised by OAuth."""
    if not party.oauth:
        return None
    asked = tuple(party.oauth.get("scopes", ()))
    row = party.row()
    if row is None:
        return Standing(party.grant, asked, authorised=False)
    return Standing(
        grant=party.grant,
        scopes=tuple(row.scopes) or asked,
        authorised=row.refused_at is None,
        granted_at=row.granted_at,
        granted_by=row.granted_by,
        refused=row.refused_reason,
        renewed_at=row.renewed_at,
        access_expires_at=row.access_expires_at,
        missing=_missing(asked, row.scopes) if party.by_hand else (),
    )


def with_rows(parties: Iterable[Party]) -> list[tuple[Party, KeptAuthorization | None]]:
    """Each with its authorisation. One query for each table of them."""
    given = list(parties)
    found: dict[tuple[Kind, int], KeptAuthorization] = {}
    for kind, table in {(party.kind, party.rows) for party in given}:
        for row in table._default_manager.all():
            found[kind, getattr(row, f"{kind.name}_id")] = row
    return [(party, found.get((party.kind, party.owner.pk))) for party in given]


def _missing(asked: Iterable[str], granted: Iterable[str]) -> tuple[str, ...]:
    """Nothing where it was not said what was granted: then it is what was asked for (RFC 6749,
    5.1)."""
    had = {_short(scope) for scope in granted}
    wanted = (scope for scope in asked if scope not in _UNSAID)
    return tuple(scope for scope in wanted if had and _short(scope) not in had)


def _short(scope: str) -> str:
    """Some are asked for with their address, and named without it."""
    return scope.casefold().rpartition("/")[2]
