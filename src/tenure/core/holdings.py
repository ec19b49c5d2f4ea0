"""What an account holds, in words. Entitlements are keys, `kind:name`."""

from __future__ import annotations

from collections.abc import Iterable


def in_words(keys: Iterable[str]) -> str:
    """As in `groups Everyone and Sales, licence E5`; "" where it holds nothing."""
    by_kind: dict[str, list[str]] = {}
    for key in sorted(keys):
        kind, _, name = key.partition(":")
        by_kind.setdefault(kind if name else "", []).append(name or key)
    return ", ".join(_of(kind, names) for kind, names in by_kind.items())


def shown(keys: Iterable[str], *, gone: bool) -> str:
    """What one account holds, by its keys; of one that is `gone` what it held, in words."""
    return held(keys) if gone else ", ".join(keys)


def held(keys: Iterable[str]) -> str:
    """The same of an account that is gone."""
    words = in_words(keys)
    return f"nothing now; it held {words} when it was deleted" if words else "nothing"


def _of(kind: str, names: list[str]) -> str:
    *first, last = names
    listed = f"{', '.join(first)} and {last}" if first else last
    return f"{kind}{'s' if first else ''} {listed}" if kind else listed
