"""One thing of the configuration, changed on a page: through the same checks and services as the
whole document, and never over what somebody else has changed meanwhile.

Whoever edits says which version they saw. `version` of a thing is the digest of how the document
writes it, so that it does not matter by which way it was changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from django.db import transaction

from tenure.configuration.applying import ConfigChange, comparable, write
from tenure.configuration.checking import check
from tenure.configuration.document import SECTIONS, Document
from tenure.configuration.problems import ConfigurationError
from tenure.configuration.translation import stored
from tenure.configuration.values import Part
from tenure.people.configuration import lock

#: The version of what is not there.
NOTHING = ""


class Overtaken(Exception):
    """It is not what the editor saw. `now` is what is there, as plain values; None: nothing."""

    def __init__(self, section: str, slug: str, now: Mapping[str, Any] | None) -> None:
        super().__init__(f"{section}.{slug} was changed by somebody else meanwhile.")
        self.section = section
        self.slug = slug
        self.now = now


def plain(section: str, slug: str = "") -> dict[str, Any] | None:
    """One thing as the document writes it, whole; None where there is none."""
    return _of(comparable(stored()), section, slug)


def as_plain(section: str, item: Part, slug: str = "") -> dict[str, Any]:
    """The same of a thing that is not stored yet, for comparing."""
    given: Any = item if section == "company" else {slug: item}
    found = _of(comparable(Document(**{section: given})), section, slug)
    assert found is not None
    return found


def version(values: Mapping[str, Any] | None) -> str:
    """What tells one state of a thing from another."""
    if values is None:
        return NOTHING
    content = orjson.dumps(dict(values), option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(content, digest_size=12).hexdigest()


@transaction.atomic
def edit(section: str, slug: str, item: Part | None, *, seen: str) -> list[ConfigChange]:
    """Make it so, or take it away (None). `seen` is the version that the editor began with.

    Raises `Overtaken` where it has another one now, and `ConfigurationError`; nothing was changed
    then. The company is one thing: its slug is "".
    """
    lock()
    there = stored()
    now = _of(comparable(there), section, slug)
    if version(now) != seen:
        raise Overtaken(section, slug, now)
    whole: Any = item
    if section != "company":
        whole = dict(getattr(there, section) or {})
        whole.pop(slug, None) if item is None else whole.update({slug: item})
    return _write(section, whole, there)


@transaction.atomic
def move(section: str, slug: str, by: int) -> bool:
    """Earlier (negative) or later in the order. Returns whether it moved."""
    lock()
    there = stored()
    whole: dict[str, Any] = dict(getattr(there, section) or {})
    order = list(whole)
    if slug not in whole:
        return False
    at = order.index(slug)
    to = min(max(at + by, 0), len(order) - 1)
    if at == to:
        return False
    order.insert(to, order.pop(at))
    _write(section, {name: whole[name] for name in order}, there)
    return True


def every(section: str) -> dict[str, dict[str, Any]]:
    """All things of a section, each as `plain` gives it, in their order."""
    return comparable(stored())[section] or {}


def _write(section: str, whole: Any, there: Document) -> list[ConfigChange]:
    """Store the section. What was wrong before and is no worse now stands in nobody's way: who
    edits one thing need not mend another first."""
    document = Document(**{section: whole})
    old = Document(**{section: getattr(there, section)})
    known = set(check(old, stored=there).problems)
    worse = [problem for problem in check(document, stored=there).problems if problem not in known]
    if worse:
        raise ConfigurationError(worse)
    return write(document, there)


def _of(document: Mapping[str, Any], section: str, slug: str) -> dict[str, Any] | None:
    assert section in SECTIONS
    found = document[section]
    if section == "company" or found is None:
        return found if section == "company" else None
    return found.get(slug)  # type: ignore[no-any-return]
