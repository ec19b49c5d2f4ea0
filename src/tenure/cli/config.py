"""The configuration from the command line: apply, compare, export, check, and the editor's schema.

Thin: reads a document, calls `tenure.configuration`, shows what it says. `check` and `schema` need
no database.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, print_json, say

if TYPE_CHECKING:
    from tenure.configuration.applying import ConfigChange
    from tenure.configuration.reading import Loaded
    from tenure.people.models import Person
    from tenure.provisioning.questions.whatif import Effect

config_app = typer.Typer(
    name="config",
    help="The configuration: one YAML file, or a folder of them.\n\n"
    "Example: `tenure config check tenure.yaml`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Document = Annotated[
    Path,
    typer.Argument(metavar="PATH", help="A YAML file, or a folder of *.yaml files."),
]
_SIGNS = {"added": "+", "changed": "~", "removed": "-"}


@config_app.command("apply")
def apply_configuration(path: Document, as_json: AsJson = False) -> None:
    """Make the configuration be what the document says. All of it, or nothing.

    Sections that the document does not give stay as they are; those that it gives are complete.

    Example: `tenure config apply tenure.yaml`
    """
    with _problems(as_json):
        loaded = _read(path)
        with session():
            from tenure.configuration.applying import apply

            tokens = _tokens()
            changes = apply(loaded.document, marks=loaded.marks)
        _show(changes, as_json)
        if not as_json:
            say(f"{_counted(changes)} applied." if changes else "Nothing to change.")
        for change in changes:
            if change.kind == "removed" and (words := tokens.get(change.path)):
                say(f"{change.path}: {words}")


def _tokens() -> dict[str, str]:
    """Path of an application or source that is authorised -> what becomes of its tokens, should it
    be removed."""
    from tenure.applications.authorizing import authorised as applications
    from tenure.sources.authorizing import authorised as sources
    from tenure.vault.giving_back import words

    parties = [*applications(), *sources()]
    return {f"{party.kind.word}s.{party.slug}": words(party) for party in parties}


def effect_of(path: Path, person: Person | None = None) -> Effect:
    """What the document would change in accounts, of everybody or of one person. Within a
    session."""
    from tenure.configuration.applying import preview

    with _problems(False):
        loaded = _read(path)
        return preview(loaded.document, marks=loaded.marks, person=person.pk if person else None)


@config_app.command("diff")
def diff_configuration(path: Document, as_json: AsJson = False) -> None:
    """Show what `tenure config apply` would change. Exit code 2 if there is anything.

    Example: `tenure config diff tenure.yaml`
    """
    with _problems(as_json):
        loaded = _read(path)
        with session():
            from tenure.configuration.applying import diff

            changes = diff(loaded.document, marks=loaded.marks)
        _show(changes, as_json)
        if not as_json:
            say(f"{_counted(changes)} would be applied." if changes else "Nothing to change.")
    if changes:
        raise typer.Exit(2)


@config_app.command("export")
def export_configuration(
    file: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write to this file, not to the screen."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the configuration as YAML. Applied again, it changes nothing. No secrets are in it.

    Example: `tenure config export > tenure.yaml`
    """
    with session():
        from tenure.configuration.exporting import as_written, export
        from tenure.configuration.translation import stored

        text = (
            json.dumps(as_written(stored()), ensure_ascii=False, indent=2) if as_json else export()
        )
    if file is None:
        print(text.rstrip("\n"))
        return
    try:
        file.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}.") from error


@config_app.command("schema")
def show_schema(as_json: AsJson = False) -> None:
    """Print the JSON Schema of the document, for editors: always JSON.

    Example: `tenure config schema > tenure.schema.json`, and as the first line of the document
    `# yaml-language-server: $schema=tenure.schema.json`
    """
    from tenure.configuration.schema import json_schema

    print_json(json_schema())


@config_app.command("check")
def check_configuration(path: Document, as_json: AsJson = False) -> None:
    """Look for mistakes, without a database: form, references, expressions, settings.

    Example: `tenure config check tenure.yaml`
    """
    with _problems(as_json):
        from tenure.configuration.checking import check
        from tenure.configuration.problems import ConfigurationError

        loaded = _read(path)
        checked = check(loaded.document, marks=loaded.marks)
        if checked.problems:
            raise ConfigurationError(checked.problems)
        if as_json:
            print_json({"problems": [], "notes": list(checked.notes)})
            return
        for note in checked.notes:
            say(note)
        say(f"{path} is right.")


def _read(path: Path) -> Loaded:
    from tenure.configuration.reading import read

    return read(path)


@contextmanager
def _problems(as_json: bool) -> Iterator[None]:
    """Everything that is wrong, one problem a line, and exit code 1."""
    from tenure.configuration.problems import ConfigurationError

    try:
        yield
    except ConfigurationError as error:
        if as_json:
            print_json({"problems": [problem.as_json() for problem in error.problems]})
        else:
            for problem in error.problems:
                # As it is, on one line: editors and other tools read these.
                typer.echo(str(problem), err=True)
        raise typer.Exit(1) from error


def _show(changes: Sequence[ConfigChange], as_json: bool) -> None:
    if as_json:
        print_json({"changes": [change.as_json() for change in changes]})
        return
    for change in changes:
        print(f"{_SIGNS[change.kind]} {change.path}{_values(change)}")


def _values(change: ConfigChange) -> str:
    if change.kind == "changed":
        return f": {_shown(change.before)} -> {_shown(change.after)}"
    value = change.after if change.kind == "added" else change.before
    return "" if isinstance(value, dict) else f": {_shown(value)}"


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _counted(changes: Sequence[ConfigChange]) -> str:
    return f"{len(changes)} change{'' if len(changes) == 1 else 's'}"
