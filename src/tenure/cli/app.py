"""All commands, put together."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tenure import __version__
from tenure.cli import access, changes, checking, listing, lives, serving, working
from tenure.cli.config import config_app
from tenure.cli.output import Failure, complain

app = typer.Typer(
    name="tenure",
    help="Accounts on day one, none after the last. `tenure COMMAND --help` shows an example.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(config_app, name="config")
for module in (serving, working, changes, access, lives, listing, checking):
    module.register(app)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"tenure {__version__}")
        raise typer.Exit


def main() -> None:
    """The `tenure` command. What an administrator can mend is one sentence, never a traceback."""
    try:
        app()
    except Failure as failure:
        complain(str(failure))
        sys.exit(1)
