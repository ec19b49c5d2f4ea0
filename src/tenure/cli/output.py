"""What every command shares: JSON to standard output, words to standard error, plain failures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document to standard output, nothing else.")
]


class Failure(Exception):
    """Ends the command with exit code 1 and this sentence on standard error."""


def complain(message: str) -> None:
    """A sentence to standard error, as it is: square brackets are no markup."""
    err.print(message, style="red", markup=False)


def say(message: str) -> None:
    """A sentence to standard error."""
    err.print(message, markup=False)


def print_json(document: Any) -> None:
    """One JSON document. Dates are ISO 8601, money is a string."""
    print(json.dumps(document, ensure_ascii=False, indent=2, default=_plain))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table without boxes. Columns whose name starts with `>` are right-aligned."""
    made = Table(title=title or None, box=None, header_style="dim", title_justify="left")
    for column in columns:
        right = column.startswith(">")
        made.add_column(column.lstrip(">"), justify="right" if right else "left")
    for row in rows:
        made.add_row(*("" if cell is None else str(cell) for cell in row))
    return made


@contextmanager
def plainly() -> Iterator[None]:
    """Errors that an administrator can mend, as one sentence."""
    from django.core.exceptions import ObjectDoesNotExist
    from django.db import OperationalError

    from tenure.connectors.base import ConnectorError
    from tenure.core.expressions import ExpressionError
    from tenure.readers.base import ReaderError

    try:
        yield
    except (ConnectorError, ReaderError, ExpressionError, LookupError) as error:
        raise Failure(str(error)) from error
    except ObjectDoesNotExist as error:
        raise Failure(str(error)) from error
    except OperationalError as error:
        raise Failure(
            f"The database does not answer: {str(error).strip()} Nothing is lost: what was "
            "committed is kept. Start it again and repeat the command."
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
