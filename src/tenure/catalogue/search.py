"""Finding entries: by name, other names, category and words, best first, a slip of the finger
allowed. Knows only what the index says."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from difflib import SequenceMatcher
from typing import Final

from tenure.catalogue.entry import CAPABILITIES, CATEGORIES, PROTOCOLS
from tenure.catalogue.index import Listed, listed
from tenure.catalogue.source_entry import SOURCE_CATEGORIES

#: Below so many letters a word is too short to guess what was meant.
_TITLES = {**CATEGORIES, **SOURCE_CATEGORIES}
_LEAST_LETTERS = 4
_ALIKE = 0.74
_EXACT, _BEGINS, _WORD, _CATEGORY, _SUMMARY, _SAID, _SLIP = 100, 80, 60, 30, 20, 15, 10
#: Category -> what people say who look for something of it, and no title says.
_ALSO: Final = {
    "office": "mail calendar documents",
    "communication": "chat messaging video calls meetings telephony phone",
    "work": "project management tasks tickets wiki",
    "content": "whiteboard documents",
    "files": "storage sharing",
    "service": "helpdesk help desk ticketing tickets itsm assets",
    "sales": "crm customers newsletters",
    "development": "version control source code hosting repositories",
    "operations": "alerts logs on-call",
    "cloud": "vpn dns hosting",
    "data": "bi business intelligence warehouse dashboards",
    "identity": "password manager single sign-on ldap directory",
    "business": "erp crm accounting expenses finance",
}


def search(
    text: str = "",
    *,
    category: str = "",
    can: Collection[str] = (),
    rows: Sequence[Listed] | None = None,
) -> list[Listed]:
    """Entries that have every word of `text` somewhere, best first; by name where there is none.
    `rows` are those to look through: all applications by default.

    `can` takes capabilities, protocols of single sign-on, `automatic` and `self-hosted`; an entry
    must have all of them.
    """
    words = re.findall(r"[\w.+]+", text.casefold())
    found = []
    for row in listed() if rows is None else rows:
        if (category and row.category != category) or not offers(row, can):
            continue
        scores = [_score(word, row) for word in words]
        if all(scores):
            whole = _EXACT * 10 if text.strip().casefold() in _names(row) else 0
            found.append((-(whole + sum(scores)), row.name.casefold(), row))
    return [row for _, _, row in sorted(found, key=lambda item: item[:2])]


def filters() -> dict[str, str]:
    """What `can` takes -> what people read."""
    return {
        "automatic": "Automatic",
        "self-hosted": "Self-hosted",
        **{name: PROTOCOLS[name] for name in ("saml", "oidc")},
        **{name: CAPABILITIES[name] for name in ("disable", "delete", "groups", "licences")},
    }


def offers(row: Listed, wanted: Collection[str]) -> bool:
    """Whether the entry has all of these."""
    has = {*row.can, *row.sso}
    has |= {"automatic"} if row.automatic else set()
    has |= {"self-hosted"} if row.self_hosted else set()
    return has.issuperset(wanted)


def _names(row: Listed) -> list[str]:
    return [name.casefold() for name in (row.slug, row.name, *row.aliases)]


def _score(word: str, row: Listed) -> int:
    names = _names(row)
    parts = {part for name in names for part in re.findall(r"[\w.+]+", name)}
    own = {row.slug, row.name.casefold()}
    if word in names:
        return _EXACT + (word in own)
    if any(name.startswith(word) for name in names):
        return _BEGINS + any(name.startswith(word) for name in own)
    if any(part.startswith(word) for part in parts):
        return _WORD
    if any(part.startswith(word) for part in re.findall(r"\w+", _TITLES[row.category].lower())):
        return _CATEGORY
    if any(part.startswith(word) for part in re.findall(r"\w+", row.summary.casefold())):
        return _SUMMARY
    if any(part.startswith(word) for part in _ALSO.get(row.category, "").split()):
        return _SAID
    if len(word) >= _LEAST_LETTERS and any(_alike(word, name) for name in {*parts, *names}):
        return _SLIP
    return 0


def _alike(word: str, name: str) -> bool:
    return SequenceMatcher(None, word, name).ratio() >= _ALIKE
