"""What is wrong with an expression, said so that the person who wrote it can mend it.

Turns the CEL engine's messages into ours. Knows no environment: names that exist are arguments.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_SHOWN = 200
_COMPILE = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): ([^\n]*)")
_STATUS = re.compile(r"^[A-Z_]+: |\s*\[[A-Z_]+\]\s*$")
_OVERLOAD = re.compile(r"found no matching overload for '(.+)' applied to '(.*)'")
_UNDECLARED = re.compile(r"undeclared reference to '([^']+)'")
_NO_VALUE = re.compile(r'No value with name "([^"]+)" found')
_NO_KEY = re.compile(r'Key not found in map : "(.*)"')
_UNEXPECTED = re.compile(r"(?:mismatched|extraneous) input '(.+?)' expecting")
_UNREADABLE = re.compile(r"token recognition error at: '(.*)'")
_INSTEAD = {
    "and": "&&",
    "or": "||",
    "not": "!",
    "=": "==",
    "True": "true",
    "False": "false",
}
_TYPES = {
    "string": "text",
    "int": "a whole number",
    "double": "a number",
    "bool": "true or false",
    "timestamp": "a date",
    "list(string)": "a list of texts",
}


class ExpressionError(ValueError):
    """An expression cannot be compiled, or gives no usable value. `line` and `column` count from 1
    and are None where no place is to blame; `target` is the attribute that it was for, if any."""

    def __init__(
        self,
        message: str,
        expression: str,
        line: int | None = None,
        column: int | None = None,
        target: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.expression = expression
        self.line = line
        self.column = column
        self.target = target

    def __str__(self) -> str:
        place = "" if self.line is None else f"line {self.line}, column {self.column}, "
        shown = self.expression
        if len(shown) > _SHOWN:
            shown = shown[:_SHOWN] + "..."
        return f"{self.message} ({place}in `{shown}`)"


class MissingAttribute(ExpressionError):
    """The expression needs an attribute (of a row: a column) that is not there. `name` is it."""

    def __init__(self, name: str, expression: str, *, what: str = "attribute") -> None:
        super().__init__(f"The {what} {name!r} has no value here", expression)
        self.name = name


def compile_error(
    text: str,
    expression: str,
    *,
    root: str,
    names: Iterable[str],
    functions: Iterable[str],
) -> ExpressionError:
    """The engine's refusal to compile, as ours. `names` are whole: `user.department`."""
    found = _COMPILE.search(text)
    if found is None or int(found[1]) < 1:
        if "recursion" in text:
            return ExpressionError(
                "The expression is nested too deeply: at most about 30 levels, and as many parts"
                ' of a sum. Join many texts with [a, b].join("")',
                expression,
            )
        return ExpressionError(_plain(text), expression)
    line, column, said = int(found[1]), int(found[2]), found[3]
    reference = _UNDECLARED.search(said)
    if reference:
        lines = expression.splitlines()
        if line <= len(lines) and lines[line - 1][column - 1 : column] == ".":
            column += 1
        message = _unknown(reference[1], root, names, functions)
    else:
        message = _overload(said) or _syntax(said) or _plain(said)
    return ExpressionError(message, expression, line, column)


def failure(text: str, expression: str, root: str) -> ExpressionError:
    """The engine's refusal to evaluate, as ours; `MissingAttribute` where that is the reason."""
    missing = _NO_VALUE.search(text)
    if missing:
        return MissingAttribute(missing[1].removeprefix(root + "."), expression)
    column = _NO_KEY.search(text)
    if column:
        return MissingAttribute(column[1], expression, what="column")
    if "budget" in text:
        return ExpressionError("The expression goes through too many items", expression)
    return ExpressionError(f"The expression gives no value: {_plain(text)}", expression)


def closest(name: str, known: Iterable[str]) -> str:
    """`: did you mean ...?`, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f": did you mean {near[0]}?" if near else ""


def _plain(text: str) -> str:
    return _STATUS.sub("", _STATUS.sub("", text.strip().split("\n")[0])).strip()


def _unknown(name: str, root: str, names: Iterable[str], functions: Iterable[str]) -> str:
    wanted = name.removeprefix("has.")
    if wanted == root:
        return f"{root!r} alone has no value: name one of its attributes, as in {root}.department"
    if wanted.startswith(root + "."):
        return f"There is no attribute {wanted}{closest(wanted, names)}"
    return f"There is no name or function {name!r}{closest(name, [*functions, *names])}"


def _overload(said: str) -> str:
    found = _OVERLOAD.search(said)
    if found is None:
        return ""
    function = found[1].strip("_").replace("@", "")
    types = [_TYPES.get(t.strip(), t.strip()) for t in found[2].strip("()").split(", ")]
    if found[1] == "_?_:_":
        return (
            "A choice (condition ? a : b) needs a true or false first and two values of one kind:"
            f" here are {', '.join(types)}"
        )
    hint = ""
    if {"int", "double"} <= set(re.findall(r"\w+", found[2])):
        hint = ". Write 1.0 for a number, 1 for a whole number"
    return f"`{function}` does not work with {' and '.join(types)}{hint}"


def _syntax(said: str) -> str:
    found = _UNEXPECTED.search(said) or _UNREADABLE.search(said)
    if found is None:
        return ""
    token = found[1].strip()
    if token == "<EOF>":
        return "The expression ends too early: something is missing here"
    if token[:1] in ("'", '"'):
        return f"The text that begins with {token} is not closed, or stands where none can be"
    instead = f": write {_INSTEAD[token]}" if token in _INSTEAD else ""
    return f"`{token}` cannot stand here{instead}"
