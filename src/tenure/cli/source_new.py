"""Of the group `tenure source`: a source from the catalogue, and what its mapping makes of its
first rows. Only applying and previewing need a database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from tenure.cli.catalogue import Key, Name, NewFile, Secrets, Values, asked, pairs, write_new
from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json, say
from tenure.cli.source import Slug

if TYPE_CHECKING:
    from tenure.configuration.document_sources import Source
    from tenure.sources.previewing import Preview


def register(source_app: typer.Typer) -> None:
    source_app.command("add")(add)
    source_app.command("preview")(preview)
    source_app.command("schema")(schema)


def add(
    entry: Annotated[
        str, typer.Argument(metavar="ENTRY", help="As `catalogue search --kind source` shows it.")
    ],
    name: Name = "",
    key: Key = "",
    values: Values = None,
    secrets: Secrets = None,
    file: NewFile = None,
    now: Annotated[bool, typer.Option("--apply", help="Add it to what is configured.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a source of people from the catalogue: a block for tenure.yaml.

    Nobody is imported by that. Check it, look at a preview, then import it with --dry-run first.

    Example: `tenure source add bamboohr --set company=acme`
    """
    from tenure.catalogue.filling import WrongAnswers
    from tenure.catalogue.loading import UnknownEntry, source
    from tenure.configuration.problems import ConfigurationError
    from tenure.configuration.proposing_sources import prepare_source, source_block

    try:
        found = source(entry)
        answers = asked(found, pairs(values, "--set"), quiet=as_json)
        slug, made = prepare_source(
            found, slug=key, name=name, answers=answers, secrets=pairs(secrets, "--secret")
        )
        text = source_block(slug, made)
        changes = _apply(slug, made) if now else []
    except (UnknownEntry, WrongAnswers, ConfigurationError) as error:
        raise Failure(str(error)) from error
    if file is not None:
        write_new(file, text)
    if as_json:
        print_json({"slug": slug, "block": text, "changes": changes})
        return
    if file is None:
        print(text, end="")
    _what_next(slug, made, applied=now)


def _apply(slug: str, made: Source) -> list[object]:
    with session():
        from tenure.configuration.adding import add_source

        return [change.as_json() for change in add_source(slug, made)]


def _what_next(slug: str, made: Source, *, applied: bool) -> None:
    for name, reference in made.secrets.items():
        say(f"The secret {name} is read from {reference} by the process that runs `tenure up`.")
    if not applied:
        say("Put this into tenure.yaml, then: tenure config apply tenure.yaml")
        return
    if made.oauth is not None:
        say(f"Next: tenure source authorize {slug}.")
    say(f"Then: tenure source check {slug}; tenure source preview {slug}.")


def preview(
    source: Slug,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1000, help="How many rows are shown.")
    ] = 3,
    as_json: AsJson = False,
) -> None:
    """The first rows of a source, each as it comes and as it would be taken. Nothing is taken.

    Example: `tenure source preview hr --limit 20`
    """
    with session():
        from tenure.readers.base import ReaderError
        from tenure.sources.finding import source_named
        from tenure.sources.previewing import preview as look

        try:
            rows = look(source_named(source), limit)
        except (ReaderError, ValueError) as error:
            raise Failure(str(error)) from error
    if as_json:
        print_json([_as_json(row) for row in rows])
        return
    if not rows:
        say("There are no rows.")
    for row in rows:
        _show(row)


def _as_json(row: Preview) -> dict[str, Any]:
    return {
        "line": row.line,
        "id": row.id,
        "row": dict(row.row),
        "attributes": dict(row.attributes),
        "state": row.state,
        "warnings": list(row.warnings),
        "problem": row.problem,
    }


def _show(row: Preview) -> None:
    said = f"[red]{escape(row.problem)}[/]" if row.problem else escape(row.state)
    out.print(f"[bold]Row {row.line}[/] {escape(row.id)}: {said}", soft_wrap=True)
    for warning in row.warnings:
        out.print(f"  [yellow]{escape(warning)}[/]", soft_wrap=True)
    _pairs("comes", row.row)
    _pairs("taken", row.attributes)


def _pairs(title: str, values: Mapping[str, object]) -> None:
    shown = "; ".join(f"{name}: {value}" for name, value in values.items() if value not in ("", []))
    if shown:
        out.print(f"  {title}  {escape(shown)}", soft_wrap=True, highlight=False)


def schema(as_json: AsJson = False) -> None:
    """Print the JSON Schema of a specification for sources of kind `rest`, for editors: always
    JSON.

    Example: `tenure source schema > source.schema.json`
    """
    from tenure.readers.rest.spec import PeopleSpec

    print_json(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **PeopleSpec.model_json_schema(by_alias=True),
            "title": "A source of people, by a specification",
        }
    )
