"""YAML to a document, with the place of every value, and all that is wrong with its form at once.

One file, or a folder whose `*.yaml` files are merged: sections may be spread over files, but
nothing may be said twice. Text is all that is read: no tags, no merge keys, no environment. Knows
nothing of a database, nor whether what is said makes sense.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError as UnreadableError

from tenure.configuration.document import Document
from tenure.configuration.document_sources import Source
from tenure.configuration.problems import (
    ConfigurationError,
    Mark,
    Marks,
    Path,
    Problem,
    Problems,
)
from tenure.configuration.values import WrittenFloat
from tenure.core.nearest import near
from tenure.readers.base import ReaderError
from tenure.readers.registry import reader_class

#: Larger files are not configuration; a few hundred applications fit in one.
LARGEST_FILE = 8 * 1024 * 1024
#: Values in all, aliases counted as often as they are used.
MOST_VALUES = 500_000
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A document, and where its values are written."""

    document: Document
    marks: Marks


def read(path: FilePath) -> Loaded:
    """A file, or a folder of `*.yaml` files. Raises `ConfigurationError` with everything that is
    wrong with the form. Relative paths of files in it become absolute, from its folder."""
    tree = _Tree()
    for file in _files(path):
        _read_file(file, tree)
    return _loaded(tree)


def read_text(text: str, *, name: str = "", folder: FilePath | None = None) -> Loaded:
    """The same for text: `name` stands for the file in problems, relative paths are of `folder`."""
    tree = _Tree()
    _compose(text, name, folder or FilePath(), tree)
    return _loaded(tree)


@dataclass(slots=True)
class _Tree:
    """What was read so far: plain values, and marks by path."""

    values: dict[str, Any] = field(default_factory=dict)
    marks: dict[Path, Mark] = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)
    folders: dict[str, FilePath] = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        self.problems.marks = self.marks


def _files(path: FilePath) -> list[FilePath]:
    if not path.is_dir():
        return [path]
    files = sorted(f for f in path.iterdir() if f.suffix in {".yaml", ".yml"} and f.is_file())
    if not files:
        raise ConfigurationError(
            [Problem(str(path), 0, 0, "", "There is no *.yaml file in this folder.")]
        )
    return files


def _read_file(file: FilePath, tree: _Tree) -> None:
    try:
        size = file.stat().st_size
        if size > LARGEST_FILE:
            raise ValueError(f"The file has {size} bytes; at most {LARGEST_FILE} are read.")
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        tree.problems.add_at(str(file), line, 1, (), "This is not UTF-8. Save the file as UTF-8.")
    except OSError as error:
        reason = error.strerror or str(error)
        tree.problems.add_at(str(file), 0, 0, (), f"The file cannot be read: {reason}.")
    except ValueError as error:
        tree.problems.add_at(str(file), 0, 0, (), str(error))
    else:
        _compose(text, str(file), file.parent, tree)


def _compose(text: str, name: str, folder: FilePath, tree: _Tree) -> None:
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        tree.problems.add_at(name, line, column, (), _syntax(error))
    except UnreadableError as error:
        line = text[: error.position].count("\n") + 1
        message = f"The character {error.character!r} may not stand in YAML. Remove it."
        tree.problems.add_at(name, line, 1, (), message)
    except (YAMLError, RecursionError, ValueError) as error:
        tree.problems.add_at(name, 0, 0, (), f"This is not YAML: {error}")
    else:
        if root is None:
            return
        if not isinstance(root, MappingNode):
            message = "Expected sections (company:, applications:, ...) at the top of the file."
            tree.problems.add_at(name, root.start_mark.line + 1, 1, (), message)
            return
        tree.folders[name] = folder
        _FileWalk(name, text.splitlines(), tree).top(root)


def _syntax(error: MarkedYAMLError) -> str:
    what = str(error.problem or "it cannot be understood")
    message = f"This is not YAML: {f'{error.context}, ' if error.context else ''}{what}."
    snippet = error.problem_mark.get_snippet() if error.problem_mark else ""
    if "${" in (snippet or ""):
        message += ' Inside {...} write references in quotes: "${env:NAME}".'
    if "\\t" in what:
        message += " Indent with spaces."
    return message


@dataclass(slots=True)
class _FileWalk:
    """Turns the nodes of one file into plain values, into one tree for all files."""

    file: str
    lines: list[str]
    tree: _Tree

    def top(self, root: MappingNode) -> None:
        """Sections merge with those of other files; what is in them must be new."""
        for key, node, mark in self._entries(root, ()):
            before = self.tree.values.get(key)
            if isinstance(node, MappingNode) and isinstance(before, dict):
                for name, child, place in self._entries(node, (key,)):
                    self._once(before, (key, name), child, place)
            elif before is not None:
                self._twice((key,), mark)
            else:
                self.tree.values[key] = self._value(node, (key,), (), mark)
                if self.tree.values[key] is None:
                    self.tree.problems.add(
                        (key,),
                        "This section is empty. Leave it out to keep what there is, or write {} "
                        "for none at all.",
                    )

    def _once(self, into: dict[str, Any], path: Path, node: Node, mark: Mark) -> None:
        if path[-1] in into:
            self._twice(path, mark)
        else:
            into[str(path[-1])] = self._value(node, path, (), mark)

    def _twice(self, path: Path, mark: Mark) -> None:
        first = self.tree.marks[path]
        self.tree.problems.add_at(
            mark.file,
            mark.line,
            mark.column,
            path,
            f"This is said already in {first.file}, line {first.line}. Say it once.",
        )

    def _value(self, node: Node, path: Path, above: tuple[int, ...], mark: Mark) -> Any:
        self.tree.marks[path] = mark
        self.tree.count += 1
        if id(node) in above:
            self.tree.problems.add(path, "This alias contains itself.")
            return None
        if self.tree.count > MOST_VALUES:
            if self.tree.count == MOST_VALUES + 1:
                self.tree.problems.add(path, f"There are more than {MOST_VALUES} values.")
            return None
        above = (*above, id(node))
        if isinstance(node, MappingNode):
            return {
                key: self._value(child, (*path, key), above, place)
                for key, child, place in self._entries(node, path)
            }
        if isinstance(node, SequenceNode):
            return [
                self._value(child, (*path, i), above, self._mark(child))
                for i, child in enumerate(node.value)
            ]
        return self._scalar(node, path) if isinstance(node, ScalarNode) else None

    def _entries(self, node: MappingNode, path: Path) -> Iterator[tuple[str, Node, Mark]]:
        """Keys as they are written, each once, with their values. The mark is of a value that is
        text, and of the key where the value has parts of its own."""
        seen: dict[str, int] = {}
        for key_node, child in node.value:
            line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
            key = str(key_node.value)
            problem = ""
            if not isinstance(key_node, ScalarNode):
                key, problem = "?", "A key has to be a piece of text."
            elif key_node.tag == f"{_TAG}merge":
                problem = "Merge keys (<<) are not taken. Write out what is meant."
            elif key in seen:
                problem = f"{key!r} is here twice, first in line {seen[key]}. Keep one of them."
            if problem:
                self.tree.problems.add_at(self.file, line, column, (*path, key), problem)
                continue
            seen[key] = line
            is_text = isinstance(child, ScalarNode) and child.value
            yield key, child, self._mark(child if is_text else key_node)

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        kind, text = str(node.tag).removeprefix(_TAG), str(node.value)
        if kind == "null":
            return None
        if kind == "bool":
            return text.casefold() == "true"
        if kind == "int":
            return _integer(text)
        if kind == "float":
            return WrittenFloat(text) if re.search(r"\d", text) else text
        if kind not in {"str", "timestamp"}:
            self.tree.problems.add(path, f"The tag {node.tag} is not taken. Write plain text.")
        return text

    def _mark(self, node: Node) -> Mark:
        line, column = node.start_mark.line, node.start_mark.column
        text = self.lines[line] if line < len(self.lines) else ""
        indent = 0
        if getattr(node, "style", None) == "|" and line + 1 < len(self.lines):
            first = self.lines[line + 1]
            indent = len(first) - len(first.lstrip()) + 1
        return Mark(self.file, line + 1, column + 1, text, indent)


def _integer(text: str) -> int | str:
    try:
        return int(text.replace("_", ""), 0 if re.match(r"[-+]?0[xob]", text) else 10)
    except ValueError:
        return text


def _loaded(tree: _Tree) -> Loaded:
    tree.problems.raise_any()
    try:
        document = Document.model_validate(tree.values)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            path = tuple(p for p in item["loc"] if p != "[key]")
            if "secrets" in path:
                item["input"] = None  # it may be the secret itself
            tree.problems.add(path, explain(dict(item), model_at(path)))
        raise ConfigurationError(tree.problems.found) from error
    return Loaded(_absolute(document, tree), tree.marks)


def explain(item: dict[str, Any], fields: tuple[str, ...] = ()) -> str:
    """One pydantic error as a sentence that says what was expected."""
    kind, given, context = item["type"], item.get("input"), item.get("ctx", {})
    shown = repr(given)[:80] if isinstance(given, (str, int, float, bool)) else "what is here"
    messages = {
        "missing": "This is missing, and has to be given.",
        "extra_forbidden": "There is no such name here."
        + (near(str(item["loc"][-1]), fields) if item.get("loc") else "")
        + (f" Known: {', '.join(fields)}." if fields else ""),
        "literal_error": f"{shown} is not taken. Expected {context.get('expected')}.",
        "enum": f"{shown} is not taken. Expected {context.get('expected')}.",
        "string_type": f"{shown} is not text. Expected text; numbers go in quotes.",
        "dict_type": "Expected names and values (`name: value`).",
        "model_type": "Expected names and values (`name: value`).",
        "list_type": "Expected a list ([one, two]).",
        "value_error": str(context.get("error", "")),
        "string_pattern_mismatch": f"{shown} does not have the right form. Expected "
        f"{_forms(str(context.get('pattern')))}.",
    }
    return messages.get(kind) or f"{item['msg']}, got {shown}."


def _forms(pattern: str) -> str:
    known = {
        "^[a-z0-9][a-z0-9_-]": "lower-case letters, digits, - and _, such as chat or hr-2",
        "^[a-z][a-z0-9_]": "lower-case letters, digits and _, such as badge",
        "^[A-Z]{3}": "a currency by its three letters, such as EUR",
        "^(group|role|licence)": "kind:name, such as group:sales, role:admin or licence:pro",
        "^[#a-z": "a colour such as #4a7fd6",
    }
    return next((words for head, words in known.items() if pattern.startswith(head)), pattern)


def model_at(path: Path) -> tuple[str, ...]:
    """The names that may stand beside the last one of a path, as far as the schema says."""
    model: Any = Document
    for part in path[:-1]:
        model = _step(model, part)
    found = _models(model)
    return tuple(found[0].model_fields) if found else ()


def _step(model: Any, part: str | int) -> Any:
    for found in _models(model):
        if isinstance(part, str) and part in found.model_fields:
            return found.model_fields[part].annotation
    arguments = getattr(model, "__args__", ())
    for argument in arguments:
        if getattr(argument, "__origin__", None) in {dict, list}:
            return argument.__args__[-1]
    return arguments[-1] if arguments else None


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    origin = getattr(annotation, "__origin__", None)
    if origin in {dict, list}:
        return []
    return [m for a in getattr(annotation, "__args__", ()) for m in _models(a)]


def _absolute(document: Document, tree: _Tree) -> Document:
    """Paths of files in the settings of sources and applications are of the folder of the file
    that says them."""
    sources = {
        slug: source.model_copy(
            update={
                "settings": _absolute_in(
                    source.settings, ("sources", slug), _files_here(source), tree
                )
            }
        )
        for slug, source in (document.sources or {}).items()
    }
    applications = {
        slug: application.model_copy(
            update={
                "settings": _absolute_in(
                    application.settings, ("applications", slug), ("spec_file",), tree
                )
            }
        )
        for slug, application in (document.applications or {}).items()
    }
    update = {
        name: made for name, made in (("sources", sources), ("applications", applications)) if made
    }
    return document.model_copy(update=update)


def _files_here(source: Source) -> tuple[str, ...]:
    """Of a source whose file is on another machine, none."""
    return () if "sftp" in source.settings else file_settings(source.reader)


def _absolute_in(
    settings: Mapping[str, Any], path: Path, names: Iterable[str], tree: _Tree
) -> dict[str, Any]:
    made = dict(settings)
    for name in names:
        value = made.get(name)
        mark = tree.marks.get((*path, "settings", name))
        if isinstance(value, str) and value and "${" not in value and mark:
            made[name] = os.path.abspath(tree.folders[mark.file] / value)
    return made


def file_settings(reader: str) -> tuple[str, ...]:
    """Which settings of a kind of reader are paths of files."""
    try:
        fields = reader_class(reader).Settings.model_fields
    except ReaderError:
        return ()
    return tuple(
        name for name, info in fields.items() if name == "path" or "Path" in str(info.annotation)
    )
