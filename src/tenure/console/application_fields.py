"""The fields of an application's forms: how a setting is shown, and how what was typed becomes what
the configuration document says. Works on plain values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tenure.configuration.durations import parse_duration
from tenure.console import look

_DAYS: Final = re.compile(r"\d{1,4}")
_WHOLE_DAYS: Final = re.compile(r"P(\d+)D")
_HOURS: Final = re.compile(r"PT(\d+)H")


@dataclass(frozen=True, slots=True)
class Setting:
    """One field. `path` is where the document has it; `kind`: text, number, whole, days, hours,
    choice or lines (one entry a line)."""

    path: tuple[str, ...]
    label: str
    hint: str = ""
    kind: str = "text"
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def group(self) -> str:
        """What it is a part of, with the others beside it: `Changed` of `Changed: percent`."""
        return self.label.partition(": ")[0] if ": " in self.label else ""

    @property
    def short(self) -> str:
        """What it is called among those."""
        part = self.label.rpartition(": ")[2]
        return part[:1].upper() + part[1:]


@dataclass(frozen=True, slots=True)
class Form:
    """What is changed together. `keys`: the parts of the application that it may change."""

    name: str
    title: str
    words: str
    settings: tuple[Setting, ...]

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(setting.path[0] for setting in self.settings)


@dataclass(frozen=True, slots=True)
class Shown:
    """A field with what is in it."""

    setting: Setting
    value: str
    error: str = ""
    usual: str = ""

    @property
    def name(self) -> str:
        return self.setting.name

    @property
    def choices(self) -> tuple[tuple[str, str], ...]:
        """What can be chosen, and what was written in the configuration beside that: a form that is
        sent as it came changes nothing."""
        offered = self.setting.choices
        if self.value in dict(offered):
            return offered
        return (*offered, (self.value, _called(self.value)))

    @property
    def placeholder(self) -> str:
        """What holds where nothing is typed. Without a `most` there is no such end."""
        return "" if self.setting.path[-1] == "most" else self.usual


def _called(value: str) -> str:
    """`Every 36 h` of PT36H; what is no length of time, as it is."""
    try:
        return f"Every {look.duration(parse_duration(value))}"
    except ValueError:
        return value


def at(values: Mapping[str, Any], path: Sequence[str]) -> Any:
    found: Any = values
    for part in path:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def put(values: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for part in path[:-1]:
        inner = values.get(part)
        values[part] = dict(inner) if isinstance(inner, Mapping) else {}
        values = values[part]
    values[path[-1]] = value


def as_typed(setting: Setting, value: Any) -> str:
    if value is None:
        return ""
    if setting.kind == "days":
        found = _WHOLE_DAYS.fullmatch(str(value))
        return found[1] if found else str(value)
    if setting.kind == "hours":
        days, hours = _WHOLE_DAYS.fullmatch(str(value)), _HOURS.fullmatch(str(value))
        if days:
            return str(int(days[1]) * 24)
        return hours[1] if hours else str(value)
    if setting.kind == "lines":
        return "\n".join(str(item) for item in value)
    if setting.kind == "pairs":
        return "\n".join(
            f"{pair['account']} = {pair['person']}"
            + (" (exact)" if pair.get("case") == "exact" else "")
            for pair in value
        )
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def value_of(setting: Setting, text: str) -> Any:
    """As the document has it. What is no number stays a text: the document says what is wrong."""
    match setting.kind:
        case "lines":
            return [line.strip() for line in text.splitlines() if line.strip()]
        case "pairs":
            return [_pair(line) for line in text.splitlines() if line.strip()]
        case "choice":
            return text or (None if setting.path[0] == "removal" else "")
        case "text":
            return text
    if not text:
        return None
    if setting.kind == "days" and _DAYS.fullmatch(text):
        return f"P{int(text)}D"
    if setting.kind == "hours" and _DAYS.fullmatch(text):
        return f"PT{int(text)}H"
    if setting.kind in ("number", "whole"):
        return _number(text)
    return text


def _pair(line: str) -> dict[str, str]:
    text = line.strip()
    case = "fold"
    if text.endswith("(exact)"):
        case, text = "exact", text.removesuffix("(exact)").strip()
    # `==` within an expression is no divider.
    parts = re.split(r"(?<![=!<>])=(?!=)", text, maxsplit=1)
    account, person = (parts[0].strip(), parts[1].strip()) if len(parts) == 2 else (text, "")
    return {"account": account, "person": person, "case": case}


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
