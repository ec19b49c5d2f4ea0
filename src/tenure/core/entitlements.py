"""Which of the entitlements that an application lists is the one that a key (`kind:name`) means.

Names there are what administrators make of them: two groups may have the same, one is written in
capitals today, one was renamed. What we know by its id stays the one that is meant.
"""

from __future__ import annotations

from collections.abc import Iterable


class Shown:
    """What an application lists: kind, remote id and name of each."""

    def __init__(self, listed: Iterable[tuple[str, str, str]]) -> None:
        self._there: set[tuple[str, str]] = set()
        self._named: dict[str, list[str]] = {}
        self._caseless: dict[str, list[str]] = {}
        for kind, remote_id, name in listed:
            key = f"{kind}:{name}"
            self._there.add((kind, remote_id))
            self._named.setdefault(key, []).append(remote_id)
            self._caseless.setdefault(key.casefold(), []).append(remote_id)

    def __len__(self) -> int:
        return len(self._there)

    def has(self, key: str, remote_id: str) -> bool:
        """Whether this one is there, whatever it is called by now."""
        return (key.partition(":")[0], remote_id) in self._there

    def meant(self, key: str, known: str = "") -> str:
        """The remote id of what the key means; `known`: of what it meant before. "" where there is
        no such thing, or where capitals alone leave open which."""
        named = self._named.get(key, [])
        if known in named:
            return known
        if named:
            return min(named)
        if known and self.has(key, known):
            return known  # Somebody renamed it there.
        alike = self._caseless.get(key.casefold(), [])
        return alike[0] if len(alike) == 1 else ""
