"""The group `tenure source`: what is done to one source as a whole. Here: list them, check one.
Adding one and looking at its rows is in `source_new`, authorising it in `authorization`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape

from tenure.cli import authorization
from tenure.cli.context import session
from tenure.cli.output import AsJson, out, print_json, say, table

source_app = typer.Typer(
    name="source",
    help="One source of people: check it, authorise it.\n\nExample: `tenure source check hr`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Slug = Annotated[
    str, typer.Argument(metavar="SOURCE", help="What tenure.yaml calls it, such as hr.")
]


@source_app.command("list")
def list_sources(as_json: AsJson = False) -> None:
    """All sources in the order of their precedence: when each was imported and is due, and what is
    wrong with those that fail.

    Example: `tenure source list`
    """
    with session():
        from tenure.core.schedules import schedule_from
        from tenure.sources.selectors import sources

        listed = sources()
        rows = [
            {
                "source": row.source.slug,
                "name": row.source.name,
                "reader": row.source.reader,
                "records": row.records,
                "schedule": str(schedule_from(row.source.schedule)),
                "last": row.last.state if row.last else None,
                "last_at": row.last.touched_at if row.last else None,
                "read_at": row.read_at,
                "due_at": row.source.due_at,
                "failures": row.source.failures,
                "failed": row.source.failed_reason,
            }
            for row in listed
        ]
        if as_json:
            print_json(rows)
            return
        if not rows:
            say("There are no sources: `tenure config apply` adds them.")
            return
        cells = [
            (
                row.source.slug,
                row.records,
                str(schedule_from(row.source.schedule)),
                f"{row.last.state} {_shown(row.read_at)}" if row.last else "never",
                _shown(row.source.due_at),
            )
            for row in listed
        ]
        titles = ["Source", ">Records", "Imported", "Last (UTC)", "Next (UTC)"]
        out.print(table("", titles, cells))
        for row in rows:
            if row["failed"]:
                out.print(f"{row['source']}: {row['failed']}", markup=False, style="red")


def _shown(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""


@source_app.command("check")
def check(source: Slug, as_json: AsJson = False) -> None:
    """How far the source can be read, up to what fails. Nothing is taken. Exit code 1 if anything
    fails.

    Example: `tenure source check hr`
    """
    with session():
        from tenure.sources.finding import source_named
        from tenure.sources.trying import try_source

        checks = try_source(source_named(source))
        if as_json:
            print_json([asdict(item) for item in checks])
        else:
            for item in checks:
                mark = "[green]works[/]" if item.ok else "[red]fails[/]"
                out.print(f"{mark} {escape(item.what):<28} {escape(item.detail)}", soft_wrap=True)
        if not all(item.ok for item in checks):
            raise typer.Exit(1)


authorization.register(source_app, "source", example="hr")
