"""What every command shares: JSON to standard output, words to standard error, plain failures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from textwrap import indent
from typing import Annotated, Any

import typer
from rich.console import Console, ConsoleDimensions
from rich.table import Table


class _Console(Console):
    """A terminal is as wide as it is; elsewhere lines are as long as they are, because programs
    read them. COLUMNS is heeded by both."""

    @property
    def size(self) -> ConsoleDimensions:
        if self.is_terminal or self._width is not None:
            return super().size
        return ConsoleDimensions(_NO_WIDTH, 25)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size


_NO_WIDTH = 100_000
out = _Console(highlight=False)
err = _Console(stderr=True, highlight=False)

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document to standard output, nothing else.")
]


class Failure(Exception):
    """Ends the command with exit code 1 and this sentence on standard error. `told`: the JSON
    document that was asked for is printed already; otherwise it is `{"error": ...}`."""

    def __init__(self, message: str, *, told: bool = False) -> None:
        super().__init__(message)
        self.told = told


def complain(message: str) -> None:
    """A sentence to standard error, as it is: square brackets are no markup."""
    err.print(message, style="red", markup=False, soft_wrap=True)


def say(message: str) -> None:
    """A sentence to standard error."""
    err.print(message, markup=False, soft_wrap=True)


def print_json(document: Any) -> None:
    """One JSON document. Dates are ISO 8601, money is a string."""
    print(json.dumps(document, ensure_ascii=False, indent=2, default=_plain))


def print_json_list(documents: Iterable[Any]) -> None:
    """One JSON list, printed as it comes: however long it is, no more than one element of it is in
    memory."""
    before = "["
    for document in documents:
        text = json.dumps(document, ensure_ascii=False, indent=2, default=_plain)
        print(f"{before}\n{indent(text, '  ')}", end="")
        before = ","
    print("[]" if before == "[" else "\n]")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table without boxes. Columns whose name starts with `>` are right-aligned."""
    made = Table(title=title or None, box=None, header_style="dim", title_justify="left")
    for column in columns:
        right = column.startswith(">")
        # What does not fit goes on in the next line: half an address is of no use.
        made.add_column(column.lstrip(">"), justify="right" if right else "left", overflow="fold")
    for row in rows:
        made.add_row(*("" if cell is None else str(cell) for cell in row))
    return made


@contextmanager
def plainly() -> Iterator[None]:
    """Errors that an administrator can mend, as one sentence."""
    import psycopg
    from django.core.exceptions import ObjectDoesNotExist
    from django.db import InterfaceError, OperationalError

    from tenure.connectors.base import ConnectorError
    from tenure.core.expressions import ExpressionError
    from tenure.infra.machine_clock import ClockWrong
    from tenure.infra.postgres_place import PostgresError
    from tenure.readers.base import ReaderError

    mendable = (
        ConnectorError,
        ReaderError,
        ExpressionError,
        PostgresError,
        ClockWrong,
        LookupError,
        ObjectDoesNotExist,
    )
    gone = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
    try:
        yield
    except mendable as error:
        raise Failure(str(error)) from error
    except gone as error:
        what, way_out = _ailment(error)
        raise Failure(
            f"{what}: {_one_line(error)} Nothing is lost: what was committed is kept. {way_out} "
            "and repeat the command."
        ) from error


def _ailment(error: Exception) -> tuple[str, str]:
    """What is wrong with the database, and what is to be done about it. PostgreSQL's codes are of
    its appendix A; an attempt to connect has none, only its words."""
    cause = error.__cause__ or error
    code, words = getattr(cause, "sqlstate", None), str(error)
    if code == "53100" or "No space left on device" in words:
        return "The disk of the database is full", "Free some space there"
    if code == "53300" or "too many clients" in words or "connection slots" in words:
        return (
            "The database has no connection left for this command",
            "Raise max_connections of PostgreSQL, or end what has them,",
        )
    return "The database does not answer", "Start the database (or correct DATABASE_URL)"


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
