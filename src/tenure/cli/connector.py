"""Making a connector by specification: a beginning, a check, a recording, the editor's schema.

Thin, and without a database: what is checked is a file and an application, not a configuration.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from tenure.cli.connection import MARKS
from tenure.cli.connector_trial import Attempt, capabilities, given, pairs
from tenure.cli.output import AsJson, Failure, out, print_json, say

if TYPE_CHECKING:
    from tenure.connectors.rest.program import Program
    from tenure.connectors.rest.recording import Player
    from tenure.connectors.steps import Step

connector_app = typer.Typer(
    name="connector",
    help="Applications with an interface of their own, by a specification in YAML.\n\n"
    "Example: `tenure connector new Intranet`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

SpecFile = Annotated[Path, typer.Argument(metavar="FILE", help="The specification, a YAML file.")]
SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", help="A YAML file with `settings:` and `secrets:` (references)."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="One setting. May be given several times."),
]
Secrets = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        metavar="NAME=WHERE",
        help="Where one secret is: env:NAME or file:/path. Those left out are asked for.",
    ),
]
Write = Annotated[
    bool,
    typer.Option(
        "--write", help="Also make a canary account, change it, close it, and delete it again."
    ),
]
Group = Annotated[
    str,
    typer.Option("--group", metavar="KIND:ID", help="What the canary may be put into: group:42."),
]
Values = Annotated[
    list[str] | None,
    typer.Option(
        "--value",
        metavar="ATTRIBUTE=VALUE",
        help="An attribute of the canary; {canary} in it is its name.",
    ),
]
AllowHttp = Annotated[
    bool, typer.Option("--allow-http", help="Take http:// to another machine, too.")
]


def register(app: typer.Typer) -> None:
    app.add_typer(connector_app, name="connector")


@connector_app.command("new")
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the application is called.")],
    file: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file. Default: by the name.")
    ] = None,
    url: Annotated[
        str, typer.Option("--url", help="An example of its address.")
    ] = "https://app.example.com",
    auth: Annotated[
        str,
        typer.Option(
            "--auth",
            help="How it knows who asks: bearer, header, basic, session, client_credentials, none.",
        ),
    ] = "",
    paging: Annotated[
        str,
        typer.Option(
            "--paging", help="How lists are paged: number, offset, cursor, link, url, none."
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Write the beginning of a specification, with notes. Asks for what is not said.

    Example: `tenure connector new Intranet --auth bearer --paging number`
    """
    from typing import get_args

    from tenure.connectors.rest.skeleton import AuthKind, PagingKind, skeleton

    ask = sys.stdin.isatty() and not as_json
    auth = _choice("--auth", auth, get_args(AuthKind), "bearer", ask)
    paging = _choice("--paging", paging, get_args(PagingKind), "number", ask)
    slug = "-".join("".join(c if c.isalnum() else " " for c in name).lower().split())
    target = file or Path(f"{slug or 'connector'}.yaml")
    if target.exists():
        raise Failure(f"{target} is there already. Give another --output, or remove it.")
    text = skeleton(name, url=url, auth=auth, paging=paging)  # type: ignore[arg-type]
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{target} cannot be written: {error.strerror}.") from error
    if as_json:
        print_json({"file": str(target)})
    else:
        say(f"{target} is written. Fill it in, then: tenure connector check {target}")


@connector_app.command("schema")
def schema(as_json: AsJson = True) -> None:
    """Print the JSON Schema of specifications, for editors: always JSON.

    Example: `tenure connector schema > connector.schema.json`
    """
    from tenure.connectors.rest.spec import Spec

    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A specification of Tenure's REST connector",
        **Spec.model_json_schema(),
    }
    print(json.dumps(document, indent=2, ensure_ascii=False))


@connector_app.command("check")
def check(
    file: SpecFile,
    settings: SettingsFile = None,
    sets: Sets = None,
    secrets: Secrets = None,
    write: Write = False,
    group: Group = "",
    values: Values = None,
    allow_http: AllowHttp = False,
    replay: Annotated[
        Path | None,
        typer.Option("--replay", help="Ask a recording and not the application: no network."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look for mistakes in a specification, then try it on the application.

    Without settings only the file is looked at. With them the application is read; with --write a
    canary account goes the whole way, and is taken away again whatever happens.

    Example: `tenure connector check intranet.yaml --set url=https://intranet.example.com`
    """
    program = _program(file, as_json)
    told = given(program, settings, sets, secrets, played=replay is not None)
    if told is None:
        _tell_static(program, file, as_json)
        return
    attempt = Attempt(program, file, told, allow_http=allow_http)
    if replay is not None:
        player = _player(replay)
        attempt.tape, attempt.canary, attempt.allow_http = player, player.canary, True
        write = write or bool(player.canary)
    found = attempt.run(write, group, pairs("--value", values), None if as_json else _show)
    if as_json:
        print_json(attempt.document())
    elif not write:
        say("Only read. --write tries the rest with an account of its own.")
    if not found.ok:
        raise Failure("Not everything works. Each line that fails says what to do.", told=as_json)


@connector_app.command("record")
def record(
    file: SpecFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to be written.")],
    settings: SettingsFile = None,
    sets: Sets = None,
    secrets: Secrets = None,
    write: Write = False,
    group: Group = "",
    values: Values = None,
    allow_http: AllowHttp = False,
    as_json: AsJson = False,
) -> None:
    """Do what `check` does, and keep what was said, without secrets, to be played in tests.

    Names and addresses of people are in it: record in an application for trials.

    Example: `tenure connector record intranet.yaml -o intranet.json --set url=https://trial.example`
    """
    from tenure.connectors.rest.recording import Recorder

    program = _program(file, as_json)
    told = given(program, settings, sets, secrets, played=False)
    if told is None:
        raise Failure("Give the application's settings, with --settings or --set.")
    attempt = Attempt(program, file, told, allow_http=allow_http)
    recorder = Recorder(lambda: attempt.secret_texts)
    attempt.tape = recorder
    attempt.run(write, group, pairs("--value", values), None if as_json else _show)
    document = recorder.document(attempt.canary if write else "")
    try:
        output.write_text(
            json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    except OSError as error:
        raise Failure(f"{output} cannot be written: {error.strerror}.") from error
    if as_json:
        print_json({"file": str(output), "exchanges": len(document["exchanges"])})
    else:
        say(
            f"{len(document['exchanges'])} exchanges are in {output}. "
            f"Play them: tenure connector check {file} --replay {output}"
        )


def _program(file: Path, as_json: bool) -> Program:
    from tenure.connectors.rest.compiling import SpecError
    from tenure.connectors.rest.reading import read_program

    try:
        return read_program(file)
    except SpecError as error:
        if as_json:
            print_json({"problems": str(error).splitlines()})
        raise Failure(str(error), told=as_json) from error


def _tell_static(program: Program, file: Path, as_json: bool) -> None:
    can = capabilities(program)
    if as_json:
        print_json({"name": program.spec.name, "can": can, "ok": True, "steps": [], "left": []})
        return
    for what, how in can.items():
        out.print(f"{escape(what):<14} {escape(how)}", soft_wrap=True)
    needed = [*program.spec.settings, *program.spec.secrets]
    say(
        f"{file} is right in form. To try it on {program.spec.name}, give --set and --secret for: "
        f"{', '.join(needed) or 'nothing; say --set anything'}."
    )


def _player(file: Path) -> Player:
    from tenure.connectors.rest.recording import Player

    try:
        return Player.of(file)
    except ValueError as error:
        raise Failure(str(error)) from error


def _choice(option: str, given: str, known: tuple[str, ...], usual: str, ask: bool) -> str:
    if not given and ask:
        given = typer.prompt(f"{option} ({', '.join(known)})", default=usual, err=True)
    given = given or usual
    if given not in known:
        raise Failure(f"{option} {given!r} is not known. Expected one of {', '.join(known)}.")
    return given


def _show(step: Step) -> None:
    mark = MARKS[step.outcome.value]
    out.print(f"{mark} {step.what:<36} {escape(step.detail)}", soft_wrap=True)
