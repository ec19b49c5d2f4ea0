"""What every command keeps to, taken from the program itself: a new command is held to it too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from tenure.cli.app import app
from tests.cli.conftest import Tenure


def commands(command: Any = None, names: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command with its words, groups included; no former names, which are hidden."""
    command = command or typer.main.get_command(app)
    yield " ".join(names), command
    for name, sub in getattr(command, "commands", {}).items():
        if not sub.hidden:
            yield from commands(sub, (*names, name))


ALL = dict(commands())
LEAVES = {words: command for words, command in ALL.items() if not hasattr(command, "commands")}
PROMISED = """
    up;web;worker;config apply;config diff;config export;config schema;config check;import;plan
    apply;reconcile;explain;terminate;people list;accounts list;operations list;runs list
    person show;doctor
"""


def test_the_promised_commands_are_there() -> None:
    promised = {words.strip() for words in re.split(r"[;\n]", PROMISED.strip())}
    assert promised <= set(LEAVES)


@pytest.mark.parametrize("words", ALL)
def test_help_has_an_example_that_is_a_command_line(words: str, anywhere: Tenure) -> None:
    help_text = ALL[words].help or ""
    examples = [line.split("`")[1] for line in help_text.splitlines() if "Example: `" in line]
    assert examples, f"`tenure {words} --help` shows no example"
    for example in examples:
        assert example.split()[0] == "tenure"
        assert example.startswith(f"tenure {words}".rstrip())
    shown = anywhere(*words.split(), "--help")
    assert (shown.code, shown.err) == (0, "")
    assert "Example: tenure" in " ".join(shown.out.split())


@pytest.mark.parametrize("words", LEAVES)
def test_every_command_takes_json_and_says_what_options_mean(words: str) -> None:
    options = {name for parameter in LEAVES[words].params for name in parameter.opts}
    assert "--json" in options
    for parameter in LEAVES[words].params:
        assert parameter.help, f"tenure {words}: {parameter.name} is not explained"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["plann"], "Did you mean 'plan'"),
        (["plan", "--aplication", "chat"], "--application"),
        (["people", "lst"], "list"),
        (["up", "--port", "99999"], "65535"),
        (["explain"], "PERSON"),
    ],
)
def test_a_typo_ends_with_1_never_with_2(arguments: list[str], hint: str, anywhere: Tenure) -> None:
    """2 says that there are changes: a script must not take a typo for it."""
    ended = anywhere(*arguments)
    assert (ended.code, ended.out) == (1, "")
    assert hint in ended.err
    ended = anywhere(*arguments, "--json")
    assert ended.code == 1
    assert list(ended.document) == ["error"]


def test_version(anywhere: Tenure) -> None:
    assert anywhere("--version").out.startswith("tenure 0.")
