"""Making a connector by specification: a beginning, a check, a recording, the editor's schema.

Thin, and without a database: what is checked is a file and an application, not a configuration.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from tenure.cli.output import AsJson, Failure, out, print_json, say

if TYPE_CHECKING:
    from tenure.connectors.base import Check
    from tenure.connectors.rest.program import Program
    from tenure.connectors.rest.transport import Tape

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
    given = _given(program, settings, sets, secrets, played=replay is not None)
    if given is None:
        _tell_static(program, file, as_json)
        return
    if replay is not None:
        tape = _player(replay)
        trial = _Trial(program, file, given, allow_http=True, tape=tape, canary=tape.canary)
        write = write or bool(tape.canary)
    else:
        trial = _Trial(program, file, given, allow_http=allow_http)
    trial.run(write, group, _pairs("--value", values), None if as_json else _show)
    if as_json:
        print_json(trial.document())
    if not all(line.ok for line in trial.lines):
        raise Failure(
            "Not everything works. Each line that is wrong says what to do.", told=as_json
        )


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
    given = _given(program, settings, sets, secrets, played=False)
    if given is None:
        raise Failure("Give the application's settings, with --settings or --set.")
    trial = _Trial(program, file, given, allow_http=allow_http)
    recorder = Recorder(lambda: trial.secret_texts)
    trial.tape = recorder
    trial.run(write, group, _pairs("--value", values), None if as_json else _show)
    document = recorder.document(trial.canary if write else "")
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


@dataclass(slots=True)
class _Trial:
    """One try of a specification on an application."""

    program: Program
    file: Path
    given: tuple[dict[str, Any], dict[str, str]]
    allow_http: bool
    tape: Tape | None = None
    canary: str = ""
    lines: list[Check] = field(default_factory=list)
    secret_texts: set[str] = field(default_factory=set)

    def run(
        self,
        write: bool,
        group: str,
        values: Mapping[str, str],
        show: Callable[[Check], None] | None,
    ) -> None:
        from tenure.connectors.base import ConnectorError

        def tell(line: Check) -> None:
            self.lines.append(line)
            if show is not None:
                show(line)

        try:
            asyncio.run(self._run(write, group, values, tell))
        except ConnectorError as error:
            raise Failure(str(error)) from error
        except ValueError as error:
            raise Failure(f"{self.file}: {error}.") from error

    async def _run(
        self, write: bool, group: str, values: Mapping[str, str], tell: Callable[[Check], None]
    ) -> None:
        from tenure.connectors.base import ConnectorConfig
        from tenure.connectors.canary import Canary, new_name, sample
        from tenure.connectors.rest import RestConnector

        names = frozenset(self.program.account.attributes)
        settings = {
            "spec_file": str(self.file),
            "allow_http": self.allow_http,
            **self.given[0],
        }
        config = ConnectorConfig(self.program.spec.name, settings, self.given[1], names)
        connector = RestConnector(config, tape=self.tape)
        self.secret_texts = connector.secret_texts
        async with connector:
            for line in await connector.check():
                tell(line)
            if not write or not all(line.ok for line in self.lines):
                return
            self.canary = self.canary or new_name()
            kind, _, remote_id = group.partition(":")
            bird = Canary(
                connector,
                self.canary,
                sample(names, self.canary, {**self._examples(), **values}),
                (kind, remote_id) if remote_id else None,
            )
            await bird.fly(tell)

    def _examples(self) -> dict[str, Any]:
        return {
            name: one.example
            for name, one in self.program.spec.account.attributes.items()
            if one.example is not None
        }

    def document(self) -> dict[str, Any]:
        return {
            "name": self.program.spec.name,
            "can": _capabilities(self.program),
            "checks": [{"what": x.what, "ok": x.ok, "detail": x.detail} for x in self.lines],
        }


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
    can = _capabilities(program)
    if as_json:
        print_json({"name": program.spec.name, "can": can, "checks": []})
        return
    for what, how in can.items():
        out.print(f"{escape(what):<14} {escape(how)}", soft_wrap=True)
    needed = [*program.spec.settings, *program.spec.secrets]
    say(
        f"{file} is right in form. To try it on {program.spec.name}, give --set and --secret for: "
        f"{', '.join(needed) or 'nothing; say --set anything'}."
    )


def _capabilities(program: Program) -> dict[str, str]:
    """What it can do, in the words of a table."""
    found = {
        verb: " then ".join(call.spec.request for call in program.verb(verb))
        or program.spec.cannot.get(verb, "by hand")
        for verb in ("list", "get", "create", "update", "disable", "enable", "delete")
    }
    searches = [name.removeprefix("find ") for name in program.verbs if name.startswith("find ")]
    found["find"] = ", ".join(searches) or "by reading everything"
    for kind, one in program.spec.entitlements.items():
        ways = [w for w in ("add", "remove", "change", "create") if getattr(one, w) is not None]
        found[kind] = ", ".join(["list", *ways])
    return found


def _given(
    program: Program,
    file: Path | None,
    sets: list[str] | None,
    secrets: list[str] | None,
    *,
    played: bool,
) -> tuple[dict[str, Any], dict[str, str]] | None:
    """Settings and resolved secrets; None where nothing was given."""
    from tenure.infra.secrets import SecretError, resolve

    if played:
        return _for_player(program)
    written = _settings_file(file)
    settings = {**written.get("settings", {}), **_typed(program, _pairs("--set", sets))}
    places = {**written.get("secrets", {}), **_pairs("--secret", secrets)}
    if not settings and not places:
        return None
    resolved: dict[str, str] = {}
    for name, place in places.items():
        text = str(place)
        reference = text if text.startswith("${") else f"${{{text}}}"
        if not reference.startswith(("${env:", "${file:")):
            raise Failure(
                f"The secret {name} is never written here. Say where it is: env:NAME or file:/path."
            )
        try:
            resolved[name] = resolve(reference)
        except SecretError as error:
            raise Failure(str(error)) from error
    for name, secret in program.spec.secrets.items():
        if name not in resolved and not secret.optional:
            if not sys.stdin.isatty():
                raise Failure(
                    f"The secret {name} is missing. Say where it is: --secret {name}=env:NAME"
                )
            resolved[name] = typer.prompt(secret.title, hide_input=True, err=True)
    return settings, resolved


def _for_player(program: Program) -> tuple[dict[str, Any], dict[str, str]]:
    """Anything that has the right form: a recording does not know addresses or secrets."""
    settings: dict[str, Any] = {}
    for name, one in program.spec.settings.items():
        if one.default is not None:
            continue
        stand_in: Any = one.example or "https://played.invalid"
        if one.choices:
            stand_in = one.choices[0]
        settings[name] = {"number": 1, "yes_no": True}.get(one.kind, stand_in)
    return settings, dict.fromkeys(program.spec.secrets, "(hidden)")


def _settings_file(file: Path | None) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if file is None:
        return {}
    try:
        found = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    except (OSError, YAMLError, UnicodeDecodeError) as error:
        raise Failure(f"{file} cannot be read: {error}") from error
    if not isinstance(found, dict) or not found.keys() <= {"settings", "secrets"}:
        raise Failure(f"{file}: expected `settings:` and `secrets:` in it, and nothing else.")
    return found


def _typed(program: Program, pairs: Mapping[str, str]) -> dict[str, Any]:
    """Texts from the command line as the settings want them."""
    made: dict[str, Any] = dict(pairs)
    for name, text in pairs.items():
        one = program.spec.settings.get(name)
        if one is not None and one.kind == "yes_no":
            made[name] = text.casefold() in {"yes", "true", "1"}
        elif one is not None and one.kind == "number":
            made[name] = float(text) if "." in text else int(text) if text.isdigit() else text
    return made


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    made: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise Failure(f"{option} {text!r} is no NAME=VALUE.")
        made[name] = value
    return made


def _player(file: Path) -> Any:
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


def _show(line: Check) -> None:
    mark = "[green]ok[/]   " if line.ok else "[red]wrong[/]"
    out.print(f"{mark} {escape(line.what):<16} {escape(line.detail)}", soft_wrap=True)
