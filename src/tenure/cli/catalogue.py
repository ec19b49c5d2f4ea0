"""The catalogue from the command line: search, read, and add an application from it. Only applying
needs a database."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markdown import Markdown

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json, say, table

if TYPE_CHECKING:
    from tenure.catalogue.entry import Entry
    from tenure.catalogue.parts import Common
    from tenure.catalogue.source_entry import SourceEntry

catalogue_app = typer.Typer(
    help="What Tenure can connect, with instructions.\n\nExample: `tenure catalogue search chat`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Slug = Annotated[
    str, typer.Argument(metavar="ENTRY", help="The entry's slug, as `catalogue search` shows it.")
]

# What `application add` and `source add` both take.
Name = Annotated[str, typer.Option("--name", help="What it is called here.")]
Key = Annotated[str, typer.Option("--as", help="Its slug in tenure.yaml. Default: the entry's.")]
Values = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="A setting, as NAME=VALUE: any that there is. What is missing is asked for."
    ),
]
Secrets = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        help="Where a secret is, as NAME=${env:VARIABLE}, NAME=${file:/path} or "
        "NAME=${box:NAME}. Default: an environment variable named after it.",
    ),
]
NewFile = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write to this new file, not the screen.")
]


def register(app: typer.Typer, application_app: typer.Typer) -> None:
    catalogue_app.command("search")(search)
    catalogue_app.command("show")(show)
    catalogue_app.command("schema")(schema)
    app.add_typer(catalogue_app, name="catalogue")
    application_app.command("add")(add)


def search(
    text: Annotated[
        str, typer.Argument(metavar="[TEXT]", help="Name, category or words. None: everything.")
    ] = "",
    category: Annotated[
        str, typer.Option("--category", help="Only this category, such as development.")
    ] = "",
    kind: Annotated[
        str, typer.Option("--kind", help="Only applications, or only sources of people.")
    ] = "",
    can: Annotated[
        list[str] | None,
        typer.Option(
            "--can",
            help="Only what has this: automatic, self-hosted, saml, oidc, import, create, update, "
            "disable, delete, groups, roles, licences; of sources full, delta, webhooks, "
            "write_back. May be given several times.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find applications and sources of people in the catalogue, the best match first.

    Example: `tenure catalogue search "version control" --can automatic`
    """
    from dataclasses import asdict

    from tenure.catalogue.entry import CAPABILITIES, CATEGORIES, PROTOCOLS
    from tenure.catalogue.index import listed, listed_sources
    from tenure.catalogue.search import search as find
    from tenure.catalogue.source_entry import SOURCE_CAPABILITIES, SOURCE_CATEGORIES

    known = {"automatic", "self-hosted", *CAPABILITIES, *PROTOCOLS, *SOURCE_CAPABILITIES}
    for name in sorted(set(can or ()) - known):
        raise Failure(f"There is nothing called {name!r} to ask for. There is {_list(known)}.")
    titles = {**CATEGORIES, **SOURCE_CATEGORIES}
    if category and category not in titles:
        raise Failure(f"There is no category {category!r}. There is {_list(titles)}.")
    if kind not in {"", "application", "source"}:
        raise Failure(f"There is no kind {kind!r}. There is application and source.")
    rows = find(
        text,
        category=category,
        can=can or (),
        rows=[row for row in (*listed(), *listed_sources()) if not kind or row.kind == kind],
    )
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    if not rows:
        say("Nothing in the catalogue is like this. Whatever speaks SCIM can be added by hand.")
        return
    lines = [
        (row.slug, row.name, row.kind, titles[row.category], "yes" if row.automatic else "by hand")
        for row in rows
    ]
    out.print(table("", ("entry", "name", "kind", "category", "automatic"), lines))


def show(slug: Slug, as_json: AsJson = False) -> None:
    """Everything about one application or source of people: what it can do, step-by-step
    instructions, the pages that this is from.

    Example: `tenure catalogue show gitlab`
    """
    from tenure.catalogue.entry import Entry
    from tenure.catalogue.pages import page
    from tenure.catalogue.source_pages import source_page

    found = _any_entry(slug)
    if as_json:
        print_json(found.model_dump(mode="json", by_alias=True))
        return
    text = page(found) if isinstance(found, Entry) else source_page(found)
    if out.is_terminal:
        out.print(Markdown(text))
    else:
        print(text, end="")


def schema(
    source: Annotated[
        bool, typer.Option("--source", help="Of a source of people, not of an application.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the JSON Schema of an entry, for whoever writes one: always JSON.

    Example: `tenure catalogue schema > entry.schema.json`
    """
    from tenure.catalogue import entry, source_entry

    print_json(source_entry.json_schema() if source else entry.json_schema())


def add(
    slug: Slug,
    name: Name = "",
    key: Key = "",
    values: Values = None,
    secrets: Secrets = None,
    file: NewFile = None,
    now: Annotated[
        bool, typer.Option("--apply", help="Add it to what is configured, in report mode.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make an application from the catalogue: a block for tenure.yaml, in report mode.

    Example: `tenure application add gitlab --name "Our GitLab" --set host=gitlab.example.com`
    """
    from tenure.catalogue.filling import WrongAnswers
    from tenure.configuration.problems import ConfigurationError
    from tenure.configuration.proposing import block, prepare

    found = _entry(slug)
    answers = pairs(values, "--set")
    try:
        answers = asked(found, answers, quiet=as_json)
        key, application = prepare(
            found, slug=key, name=name, answers=answers, secrets=pairs(secrets, "--secret")
        )
        text = block(key, application)
        changes = _apply(key, application) if now else []
    except (WrongAnswers, ConfigurationError) as error:
        raise Failure(str(error)) from error
    if file is not None:
        write_new(file, text)
    if as_json:
        print_json({"slug": key, "block": text, "changes": changes})
        return
    if file is None:
        print(text, end="")
    _what_next(key, application.secrets, applied=now)


def _entry(slug: str) -> Entry:
    from tenure.catalogue.loading import UnknownEntry, entry

    try:
        return entry(slug)
    except UnknownEntry as error:
        raise Failure(str(error)) from error


def _any_entry(slug: str) -> Entry | SourceEntry:
    from tenure.catalogue.index import listed_sources
    from tenure.catalogue.loading import UnknownEntry, source

    if slug not in {row.slug for row in listed_sources()}:
        return _entry(slug)
    try:
        return source(slug)
    except UnknownEntry as error:
        raise Failure(str(error)) from error


def _apply(key: str, application: object) -> list[object]:
    with session():
        from tenure.configuration.adding import add as add_now
        from tenure.configuration.document import Application

        assert isinstance(application, Application)
        return [change.as_json() for change in add_now(key, application)]


def pairs(given: Sequence[str] | None, option: str) -> dict[str, str]:
    """NAME=VALUE, as given with an option."""
    found = {}
    for item in given or ():
        name, equals, value = item.partition("=")
        if not equals or not name.strip():
            # The value is not shown: after --secret it may be the secret itself.
            raise Failure(f"{option} takes NAME=VALUE, and there is one without a name or a value.")
        found[name.strip()] = value
    return found


def asked(entry: Common, answers: dict[str, str], *, quiet: bool) -> dict[str, str]:
    """What is missing, asked for where somebody is there to answer."""
    from tenure.catalogue.entry import wrong_value

    if quiet or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return answers
    for setting in entry.settings:
        if setting.name in answers:
            continue
        say(f"{setting.title}: {setting.hint}")
        while True:
            form = ", ".join(setting.choices) or f"such as {setting.example}"
            value = typer.prompt(f"  {form}", default=setting.default or None, err=True).strip()
            wrong = None if "${" in value else wrong_value(setting, value)
            if value and not wrong:
                break
            say(f"  {value!r} {wrong}")
        answers[setting.name] = value
    return answers


def write_new(file: Path, text: str) -> None:
    """A file that is not there yet."""
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise Failure(f"{file} is there already, and is not written over. Name another.") from None
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}.") from error


def _what_next(key: str, secrets: dict[str, str], *, applied: bool) -> None:
    for name, reference in secrets.items():
        say(f"The secret {name} is read from {reference} by the process that runs `tenure up`.")
    if applied:
        say(f"Added, in report mode. Next: tenure application check {key}, then reconcile.")
    else:
        say("Put this into tenure.yaml, then: tenure config apply tenure.yaml")


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
