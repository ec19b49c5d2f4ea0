"""All commands, put together."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from tenure import __version__
from tenure.cli import (
    access,
    backup,
    catalogue,
    changes,
    checking,
    coming_in,
    connection,
    connector,
    listing,
    lives,
    match,
    push,
    requests,
    secrets,
    serving,
    signals,
    source_new,
    source_show,
    sso,
    unions,
    working,
)
from tenure.cli.application import application_app
from tenure.cli.config import config_app
from tenure.cli.output import Failure, complain, print_json
from tenure.cli.source import source_app
from tenure.cli.tasks import tasks_app

app = typer.Typer(
    name="tenure",
    help="Accounts on day one, none after the last. `tenure COMMAND --help` shows an example.\n\n"
    "Example: `tenure plan`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(config_app, name="config")
for module in (
    serving,
    working,
    changes,
    access,
    lives,
    unions,
    requests,
    match,
    coming_in,
    listing,
    connector,
    secrets,
    push,
    signals,
    sso,
    checking,
    backup,
):
    module.register(app)
catalogue.register(app, application_app)
connection.register(application_app)
app.add_typer(application_app)
source_new.register(source_app)
source_show.register(source_app)
app.add_typer(source_app)
app.add_typer(tasks_app)


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
        app(prog_name="tenure")
    except Failure as failure:
        complain(str(failure))
        if not failure.told:
            _tell(str(failure))
        sys.exit(1)
    except SystemExit as ended:
        # Click ends with 2 for a command line that it does not understand, and here 2 says that
        # there are changes. What a command decided itself comes as `typer.Exit`.
        cause: Any = ended.__context__
        if ended.code == 2 and not isinstance(cause, typer.Exit):
            _tell(cause.format_message() if hasattr(cause, "format_message") else "")
            sys.exit(1)
        raise


def _tell(message: str) -> None:
    """Whoever asked for JSON gets JSON when there is nothing else to say, too."""
    if "--json" in sys.argv[1:] and message:
        print_json({"error": message})
