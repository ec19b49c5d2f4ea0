"""What is wrong with a configuration, and where: a file, a line, a column and a path.

A path is the keys from the top of the document: `("rules", "everyone", "when")`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]


def dotted(path: Path) -> str:
    """`rules.everyone.when`, `applications.chat.matching[0].person`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


@dataclass(frozen=True, slots=True)
class Mark:
    """Where something is written. Lines and columns count from 1. `text` is the line at which a
    value starts, and `indent` the column at which the lines of a literal block start."""

    file: str
    line: int
    column: int
    text: str = ""
    indent: int = 0


Marks: TypeAlias = Mapping[Path, Mark]
NO_MARKS: Marks = MappingProxyType({})


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong. `message` says what, and what was expected. Line 0: nowhere."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = [self.file] if self.file else []
        if self.line:
            where += [str(self.line), str(self.column)]
        parts = [":".join(where), self.path, self.message]
        return ": ".join(part for part in parts if part)

    def as_json(self) -> dict[str, str | int]:
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "path": self.path,
            "message": self.message,
        }


@dataclass(slots=True)
class Problems:
    """Collects what is wrong, and finds where it is written."""

    marks: Marks = field(default_factory=lambda: NO_MARKS)
    found: list[Problem] = field(default_factory=list)

    def add(self, path: Path, message: str) -> None:
        """Something is wrong with what is at this path, or, where nothing is, above it."""
        mark = self._nearest(path)
        self.add_at(mark.file, mark.line, mark.column, path, message)

    def add_within(self, path: Path, message: str, line: int, column: int) -> None:
        """Something is wrong inside a piece of text at this path (an expression), on its own
        `line` and `column` from 1: exact where it is written as it reads, else its start."""
        mark = self._nearest(path)
        start = max(mark.column - 1, 0)
        head = mark.text[start : start + 1]
        if head in {"|"} and mark.indent:
            self.add_at(mark.file, mark.line + line, mark.indent + column - 1, path, message)
            return
        if head in {">", ""} or line > 1 or "\\" in mark.text[start:]:
            self.add_at(mark.file, mark.line, mark.column, path, message)
            return
        quote = 1 if head in {"'", '"'} else 0
        self.add_at(mark.file, mark.line, mark.column + quote + column - 1, path, message)

    def add_at(self, file: str, line: int, column: int, path: Path, message: str) -> None:
        self.found.append(Problem(file, line, column, dotted(path), message))

    def raise_any(self) -> None:
        """Raises `ConfigurationError` if anything was found."""
        if self.found:
            raise ConfigurationError(self.found)

    def _nearest(self, path: Path) -> Mark:
        for length in range(len(path), -1, -1):
            if path[:length] in self.marks:
                return self.marks[path[:length]]
        return Mark("", 0, 0)


class ConfigurationError(ValueError):
    """The configuration cannot be used. Nothing was changed. `str()` has one problem a line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Sequence[Problem] = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))
