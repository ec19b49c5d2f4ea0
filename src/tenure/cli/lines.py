"""Lists of any length: rows come from the database some thousands at a time and are printed as
they come, so that a million of them need no more memory than a few. That there are more than were
asked for is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, TypeVar

import typer

from tenure.cli.output import out, print_json_list, say, table

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

    Row = TypeVar("Row", bound=Model)

Limit = Annotated[int, typer.Option("--limit", help="At most so many rows.", min=1)]
#: What a column is called, and what stands in it.
Columns: TypeAlias = Sequence[tuple[str, Callable[[dict[str, Any]], object]]]
#: Rows that are fetched, and printed in one table, at a time.
_FETCHED: Final = 2_000
_IN_A_TABLE: Final = 1_000


def show(
    rows: QuerySet[Row],
    document: Callable[[Row], dict[str, Any]],
    limit: int,
    as_json: bool,
    columns: Columns,
) -> None:
    """The first of the rows, so many, each as what `document` makes of it: as a list in JSON, or as
    lines, with a heading for every thousand."""
    found = rows[: limit + 1].iterator(chunk_size=_FETCHED)
    documents = (document(row) for row in islice(found, limit))
    if as_json:
        print_json_list(documents)
    else:
        out.print(f"[dim]{_tables(documents, columns):,} rows[/]")
    if next(found, None) is not None:
        more_than(limit)


def more_than(limit: int) -> None:
    """Says that the list was cut."""
    say(f"There are more than {limit:,}: `--limit` shows more of them.")


def _tables(documents: Iterator[dict[str, Any]], columns: Columns) -> int:
    """Prints them, with the heading even where there are none. Returns how many they were."""
    heads, count = [name for name, _ in columns], 0
    while True:
        some = list(islice(documents, _IN_A_TABLE))
        if some or not count:
            out.print(table("", heads, [[cell(one) for _, cell in columns] for one in some]))
        count += len(some)
        if len(some) < _IN_A_TABLE:
            return count
