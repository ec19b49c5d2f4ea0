"""One try of a specification on an application: what is given on the command line, and what is
found. Knows no command and no screen.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tenure.cli.output import Failure

if TYPE_CHECKING:
    from tenure.connectors.rest.program import Program
    from tenure.connectors.rest.transport import Tape
    from tenure.connectors.steps import Step, Trial


#: What a part of an attribute's name says about its value. The first that fits counts.
_VALUES = (
    ("mail", "{canary}@example.com"),
    ("given", "Tenure"),
    ("first", "Tenure"),
    ("family", "Canary"),
    ("last", "Canary"),
    ("display", "Tenure Canary {canary}"),
    ("full", "Tenure Canary {canary}"),
    ("user", "{canary}"),
    ("login", "{canary}"),
    ("nick", "{canary}"),
    ("title", "Canary"),
)


@dataclass(slots=True)
class Attempt:
    """One try of a specification on an application."""

    program: Program
    file: Path
    given: tuple[dict[str, Any], dict[str, str]]
    allow_http: bool
    tape: Tape | None = None
    canary: str = ""
    found: Trial | None = None
    secret_texts: set[str] = field(default_factory=set)

    def run(
        self,
        write: bool,
        group: str,
        values: Mapping[str, str],
        show: Callable[[Step], None] | None,
    ) -> Trial:
        """Tries it. Raises `Failure` where nothing can be tried."""
        from tenure.connectors.base import ConnectorError

        async def tell(step: Step) -> None:
            if show is not None:
                show(step)

        try:
            self.found = asyncio.run(self._run(write, group, values, tell))
        except (ConnectorError, ValueError) as error:
            raise Failure(f"{self.file}: {error}") from error
        except KeyboardInterrupt:
            raise Failure("Interrupted. What was made there is removed.") from None
        return self.found

    async def _run(
        self,
        write: bool,
        group: str,
        values: Mapping[str, str],
        tell: Callable[[Step], Awaitable[None]],
    ) -> Trial:
        from tenure.connectors import leftovers, trial
        from tenure.connectors.base import ConnectorConfig
        from tenure.connectors.rest import RestConnector

        names = frozenset(self.program.account.attributes)
        settings = {"spec_file": str(self.file), "allow_http": self.allow_http, **self.given[0]}
        config = ConnectorConfig(self.program.spec.name, settings, self.given[1], names)
        connector = RestConnector(config, tape=self.tape)
        self.secret_texts = connector.secret_texts
        kind, _, remote_id = group.partition(":")
        async with connector:
            if not write:
                return await trial.run(connector, tell)
            self.canary = self.canary or leftovers.mark()
            return await trial.run(
                connector,
                tell,
                canary=self._sample(values),
                name=self.canary,
                group=(kind, remote_id) if remote_id else None,
            )

    def _sample(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The canary's attributes: as given, as the specification's examples, or by what a name
        sounds like. `{canary}` in a text stands for its name."""
        values: dict[str, Any] = {}
        for name, one in self.program.spec.account.attributes.items():
            lowered = name.casefold()
            usual = next((value for part, value in _VALUES if part in lowered), None)
            value = given.get(name, usual if one.example is None else one.example)
            if isinstance(value, str):
                value = value.replace("{canary}", self.canary)
            if value is not None and name != "externalId":
                values[name] = value
        return values

    def document(self) -> dict[str, Any]:
        """As `--json` tells it."""
        steps = [] if self.found is None else [step.as_json() for step in self.found.steps]
        return {
            "name": self.program.spec.name,
            "can": capabilities(self.program),
            "ok": self.found is None or self.found.ok,
            "steps": steps,
            "left": [] if self.found is None else self.found.left,
        }


def capabilities(program: Program) -> dict[str, str]:
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


def given(
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
    settings = {**written.get("settings", {}), **_typed(program, pairs("--set", sets))}
    places = {**written.get("secrets", {}), **pairs("--secret", secrets)}
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


def pairs(option: str, given: list[str] | None) -> dict[str, str]:
    made: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise Failure(f"{option} {text!r} is no NAME=VALUE.")
        made[name] = value
    return made
