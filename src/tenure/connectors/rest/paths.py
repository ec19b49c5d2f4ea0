"""Places in JSON, as a specification writes them, to read and to write.

    login                    a key
    profile.email            a key in a key
    emails[0].value          an entry by its number; [-1] is the last
    emails[type=work].value  the entry that has this
    groups[].id              of every entry
    ["odd.key"].x            a key with a dot in it
    .                        the thing itself

Knows nothing of requests or accounts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

_TOKEN = re.compile(
    r"""\.?(?:(?P<name>[^.\[\]"'\s][^.\[\]]*)
        |\[(?P<all>)\]
        |\[(?P<number>-?\d{1,6})\]
        |\["(?P<quoted>[^"]+)"\]
        |\[(?P<key>[^\[\]=]+)=(?P<value>[^\[\]]*)\])""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """The entry of a list in which `key` is `value`."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Every:
    """Every entry of a list."""


Step: TypeAlias = str | int | Entry | Every
EVERY = Every()


class PathError(ValueError):
    """A place that cannot be understood."""


@dataclass(frozen=True, slots=True)
class JsonPath:
    """One place. `str()` is as it was written."""

    source: str
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return self.source

    @property
    def leaf(self) -> str:
        """The last key, which an application's error texts are likely to name."""
        return next((step for step in reversed(self.steps) if isinstance(step, str)), "")

    def get(self, document: Any) -> Any:
        """What is there; None where nothing is."""
        return _get(document, self.steps)

    def put(self, document: dict[str, Any], value: Any) -> None:
        """Writes it, with whatever is needed around it. None takes an entry out of its list."""
        if not self.steps:
            raise PathError("The thing itself (.) cannot be written to.")
        _put(document, self.steps, value)

    def drop(self, document: dict[str, Any]) -> None:
        """Takes it out, where it is."""
        holder = _get(document, self.steps[:-1])
        last = self.steps[-1] if self.steps else None
        if isinstance(holder, dict) and isinstance(last, str):
            holder.pop(last, None)


@lru_cache(maxsize=4096)
def json_path(source: str) -> JsonPath:
    """Reads a place as it is written. Raises `PathError`."""
    text = source.strip()
    if text in {".", ""}:
        return JsonPath(".", ())
    steps: list[Step] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        dotted = text[at] == "."
        if found is None or (found["name"] is not None and dotted is (at == 0)):
            raise PathError(
                f"{source!r} is no place in JSON. Expected one such as email, profile.email, "
                "emails[0].value, emails[type=work].value, groups[].id, or . for the thing itself."
            )
        steps.append(_step(found))
        at = found.end()
    return JsonPath(text, tuple(steps))


def _step(found: re.Match[str]) -> Step:
    if found["all"] is not None:
        return EVERY
    if found["number"] is not None:
        return int(found["number"])
    if found["key"] is not None:
        return Entry(found["key"].strip(), found["value"].strip())
    return found["quoted"] or found["name"].strip()


def _get(document: Any, steps: tuple[Step, ...]) -> Any:
    for index, step in enumerate(steps):
        if isinstance(step, str):
            document = document.get(step) if isinstance(document, dict) else None
        elif isinstance(step, int):
            fits = isinstance(document, list) and -len(document) <= step < len(document)
            document = document[step] if fits else None
        elif isinstance(step, Entry):
            document = _entry(document, step)
        else:
            if not isinstance(document, list):
                return None
            found = [_get(one, steps[index + 1 :]) for one in document]
            return [one for one in found if one is not None]
        if document is None:
            return None
    return document


def _entry(document: Any, wanted: Entry) -> Any:
    for one in document if isinstance(document, list) else ():
        if isinstance(one, dict) and _text(one.get(wanted.key)) == wanted.value:
            return one
    return None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _put(document: Any, steps: tuple[Step, ...], value: Any) -> None:
    step, rest = steps[0], steps[1:]
    if isinstance(step, str):
        if not isinstance(document, dict):
            return
        if not rest:
            document[step] = value
        elif rest[0] == EVERY:
            document[step] = _entries(value, rest[1:])
        else:
            below = document.get(step)
            if not isinstance(below, dict if isinstance(rest[0], str) else list):
                below = document[step] = {} if isinstance(rest[0], str) else []
            _put(below, rest, value)
    elif isinstance(document, list):
        _put_in_list(document, step, rest, value)


def _entries(value: Any, rest: tuple[Step, ...]) -> list[Any]:
    made: list[Any] = []
    for one in value if isinstance(value, list | tuple) else [] if value is None else [value]:
        if rest:
            entry: dict[str, Any] = {}
            _put(entry, rest, one)
            made.append(entry)
        else:
            made.append(one)
    return made


def _put_in_list(document: list[Any], step: Step, rest: tuple[Step, ...], value: Any) -> None:
    if isinstance(step, int):
        if value is None and len(rest) <= 1:
            del document[step : step + 1]
            return
        while len(document) <= step:
            document.append({} if rest else None)
        if rest:
            _put(document[step], rest, value)
        else:
            document[step] = value
        return
    if not isinstance(step, Entry):
        return
    entry = _entry(document, step)
    if value is None and len(rest) <= 1:
        document[:] = [one for one in document if one is not entry]
        return
    if entry is None:
        entry = {step.key: step.value}
        document.append(entry)
    if rest:
        _put(entry, rest, value)
