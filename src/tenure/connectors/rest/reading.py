"""A specification from a YAML file or from what stands in a configuration, with the place of every
mistake. Sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tenure.connectors.rest.compiling import Place, SpecError, SpecProblem, compiled
from tenure.connectors.rest.program import Program
from tenure.connectors.rest.spec import Spec
from tenure.connectors.rest.spec_requests import ONE, SEVERAL

S = TypeVar("S", bound=BaseModel)
P = TypeVar("P")
_LARGEST = 1024 * 1024
_MOST = 20_000


class SpecFileError(SpecError):
    """A file cannot be used. `lines` are its mistakes as `file:line:column: place: message`."""

    def __init__(self, lines: list[str], problems: list[SpecProblem]) -> None:
        super().__init__(problems)
        self.lines = tuple(lines)

    def __str__(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class _Document:
    values: dict[str, Any]
    marks: Mapping[Place, tuple[int, int]]


def program_of(values: Any) -> Program:
    """From plain values. Raises `SpecError`."""
    return made_of(values, Spec, compiled)


def made_of(values: Any, kind: type[S], compile_it: Callable[[S], P]) -> P:
    """A specification of any kind, from plain values. Raises `SpecError`."""
    if isinstance(values, kind):
        return compile_it(values)
    try:
        spec = kind.model_validate(values)
    except ValidationError as error:
        raise SpecError(problems_of(error)) from None
    return compile_it(spec)


def read_program(file: Path) -> Program:
    """From a YAML file. Raises `SpecFileError`, with lines."""
    return read_made(file, program_of)


def read_made(file: Path, make: Callable[[Any], P]) -> P:
    """What `make` makes of the values in a YAML file. Raises `SpecFileError`, with lines."""
    document = _read(file)
    try:
        return make(document.values)
    except SpecError as error:
        lines = [_located(str(file), document.marks, one) for one in error.problems]
        raise SpecFileError(lines, list(error.problems)) from None


def problems_of(error: ValidationError) -> list[SpecProblem]:
    """What pydantic found, in our words."""
    found: dict[SpecProblem, None] = {}
    for item in error.errors(include_url=False):
        found[SpecProblem(_place(item["loc"]), _told(dict(item)))] = None
    return list(found)


def _place(loc: tuple[int | str, ...]) -> Place:
    """Without what pydantic puts in for the branch of a union that it tried."""
    if loc[:1] == ("auth",) and len(loc) > 1:
        loc = ("auth", *loc[2:])
    return tuple(part for part in loc if part not in {ONE, SEVERAL})


def _told(item: dict[str, Any]) -> str:
    given = item.get("input")
    shown = repr(given)[:60] if isinstance(given, str | int | float | bool) else "what is here"
    context = item.get("ctx", {})
    words = {
        "missing": "This is missing, and has to be given.",
        "extra_forbidden": "There is no such name here. Check its spelling.",
        "literal_error": f"{shown} is not taken. Expected {context.get('expected')}.",
        "value_error": str(context.get("error", "")),
        "string_type": f"{shown} is not text. Expected text; numbers go in quotes.",
        "model_type": "Expected names and values (`name: value`).",
        "dict_type": "Expected names and values (`name: value`).",
        "list_type": "Expected a list ([one, two]).",
        "union_tag_not_found": "`kind` is missing. Expected one such as bearer or header.",
        "union_tag_invalid": f"There is no such kind. Expected {context.get('expected_tags')}.",
    }
    return words.get(item["type"]) or f"{item['msg']}, got {shown}."


def _located(file: str, marks: Mapping[Place, tuple[int, int]], problem: SpecProblem) -> str:
    for length in range(len(problem.place), -1, -1):
        if problem.place[:length] in marks:
            line, column = marks[problem.place[:length]]
            return f"{file}:{line}:{column}: {problem}"
    return f"{file}: {problem}"


def _read(file: Path) -> _Document:
    try:
        if file.stat().st_size > _LARGEST:
            raise ValueError(f"larger than {_LARGEST // 1024} KiB")
        text = file.read_bytes().decode("utf-8-sig")
        root = YAML(typ="safe", pure=True).compose(text)
    except OSError as error:
        raise _refused(file, f"The file cannot be read: {error.strerror}.") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise _refused(file, f"This is not YAML: {error.problem}.", at) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise _refused(file, f"This is not YAML: {error}.") from None
    if not isinstance(root, MappingNode):
        raise _refused(file, "Expected name:, base_url: and what else a specification has.")
    marks: dict[Place, tuple[int, int]] = {}
    values = _plain(file, root, (), marks)
    assert isinstance(values, dict)
    return _Document(values, marks)


def _refused(file: Path, message: str, at: str = "") -> SpecFileError:
    return SpecFileError([f"{file}{at}: {message}"], [SpecProblem((), message)])


def _plain(file: Path, node: Node, place: Place, marks: dict[Place, tuple[int, int]]) -> Any:
    """Plain values; keys are text, so that statuses need no quotes."""
    marks.setdefault(place, (node.start_mark.line + 1, node.start_mark.column + 1))
    if len(marks) > _MOST:
        raise _refused(file, f"There are more than {_MOST} values.")
    if isinstance(node, MappingNode):
        made: dict[str, Any] = {}
        for key_node, child in node.value:
            key = str(key_node.value)
            mark = key_node.start_mark
            if not isinstance(key_node, ScalarNode) or key in made:
                raise _refused(
                    file,
                    f"{key!r} is here twice, or no name.",
                    f":{mark.line + 1}:{mark.column + 1}",
                )
            marks[(*place, key)] = (mark.line + 1, mark.column + 1)
            made[key] = _plain(file, child, (*place, key), marks)
        return made
    if isinstance(node, SequenceNode):
        return [_plain(file, one, (*place, i), marks) for i, one in enumerate(node.value)]
    return _scalar(node)


def _scalar(node: Node) -> Any:
    kind, text = str(node.tag).rpartition(":")[2], str(node.value)
    if kind == "null":
        return None
    if kind == "bool":
        return text.casefold() == "true"
    try:
        return int(text) if kind == "int" else float(text) if kind == "float" else text
    except ValueError:
        return text
