"""`make bench`: every benchmark in one run, a table, and `bench/results.json`."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import creates, importing, leaver, noop, pages, planning, pushing, termination
from bench.measure import MACHINE, Result, temporary_home

_BENCHMARKS = (
    "creates",
    "importing",
    "leaver",
    "noop",
    "pages",
    "planning",
    "pushing",
    "termination",
)


def main() -> None:
    """Run them all on an embedded PostgreSQL of their own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--accounts", type=int, default=3000)
    parser.add_argument("--outrunning", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--listed", type=int, default=100_000)
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--imported", default="200000,1000000")
    parser.add_argument("--pushed", type=int, default=10_000)
    parser.add_argument("--backlog", type=int, default=100_000)
    parser.add_argument("--leavers", type=int, default=30)
    parser.add_argument("--one-by-one", type=int, default=10)
    parser.add_argument("--people", type=int, default=100_000, help="of the company of pages")
    parser.add_argument("--times", type=int, default=5, help="that each page is asked for")
    parser.add_argument("--company", default="", help="folder where the company of pages is kept")
    parser.add_argument("--matching", default="", help="pages that are measured, an expression")
    parser.add_argument("--only", choices=list(_BENCHMARKS))
    arguments = parser.parse_args()
    os.environ["BENCH_TOKEN"] = "x"
    with temporary_home("tenure-bench-") as home:
        os.environ["TENURE_HOME"] = home
        from tenure.config.bootstrap import setup

        with setup(migrate=True):
            results: list[Result] = []
            for found in _run(arguments):
                results += found
                _keep(results, among_others=bool(arguments.only))
    _show(results)


def _keep(results: list[Result], *, among_others: bool) -> None:
    """After each benchmark: a run that is cut off leaves what it has measured. `among_others`: in
    place of what has the same name, beside what was measured before."""
    path = Path(__file__).with_name("results.json")
    rows = [r.as_json() for r in results]
    if among_others:
        mine = {row["name"]: row for row in rows}
        before = json.loads(path.read_text()) if path.exists() else []
        rows = [mine.pop(row["name"], row) for row in before] + list(mine.values())
    path.write_text(json.dumps(rows, indent=2) + "\n")


def _run(arguments: argparse.Namespace) -> Iterator[list[Result]]:
    """The results of each benchmark, the longest last."""
    if arguments.only in (None, "creates"):
        yield creates.run(arguments.accounts, arguments.outrunning, arguments.many, arguments.runs)
    if arguments.only in (None, "noop"):
        yield noop.run(arguments.listed, arguments.runs)
    if arguments.only in (None, "leaver"):
        yield leaver.run(arguments.one_by_one)
    if arguments.only in (None, "pages"):
        yield pages.run(
            arguments.people,
            arguments.times,
            home=arguments.company,
            matching=arguments.matching,
        )
    if arguments.only in (None, "termination"):
        yield termination.run(arguments.backlog, arguments.leavers)
    if arguments.only in (None, "pushing"):
        yield pushing.run(arguments.pushed)
    if arguments.only in (None, "planning"):
        sizes = [int(text) for text in arguments.sizes.split(",")]
        yield planning.run(sizes, arguments.runs)
    if arguments.only in (None, "importing"):
        yield importing.run([int(text) for text in arguments.imported.split(",")])


def _show(results: list[Result]) -> None:
    table = Table(title=f"On {MACHINE}; medians of interleaved runs", box=None)
    for name, justify in (
        ("Benchmark", "left"),
        ("Ours", "right"),
        ("Limit", "right"),
        ("Unit", "left"),
        ("Ratio", "right"),
        ("Runs", "right"),
        ("Notes", "left"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for r in results:
        table.add_row(
            r.name,
            f"{r.ours:,.2f}",
            "" if r.limit is None else f"{r.limit:,.2f}",
            r.unit,
            "" if r.ratio is None else f"{r.ratio:.2f}",
            str(r.runs),
            r.notes,
        )
    Console().print(table)


if __name__ == "__main__":
    main()
