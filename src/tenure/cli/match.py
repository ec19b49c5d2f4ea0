"""Records that may be somebody's who is known, from another source or from before: look and decide.

`tenure rehire` has the same answers for those of them who may be back under a new number.
"""

from __future__ import annotations

from typing import Annotated

import typer

from tenure.cli import rehires
from tenure.cli.output import AsJson
from tenure.cli.rehires import SourceSlug, Why

Number = Annotated[
    str, typer.Argument(metavar="NUMBER", help="That of the record: `tenure match list`.")
]

match_app = typer.Typer(
    help="Records that may be somebody's who is known already.\n\nExample: `tenure match list`",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    match_app.command("list")(list_matches)
    match_app.command("same")(same)
    match_app.command("other")(other)
    match_app.command("undo")(undo)
    app.add_typer(match_app, name="match")


def list_matches(
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that are answered.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Which records wait until somebody says whose they are, who it could be, and why.

    Example: `tenure match list`
    """
    rehires.show(everything=everything, as_json=as_json, also_elsewhere=True)


def same(
    number: Number,
    person: Annotated[
        str | None,
        typer.Option("--person", "-p", help="Who it is, if it could be several: number or e-mail."),
    ] = None,
    reason: Why = "",
    source: SourceSlug = "",
    as_json: AsJson = False,
) -> None:
    """It is the person who is known: the record becomes one more of theirs.

    Example: `tenure match same P-7 --reason 'she works for both'`
    """
    rehires.same(number, person, reason, source, as_json)


def other(
    number: Number, reason: Why = "", source: SourceSlug = "", as_json: AsJson = False
) -> None:
    """It is somebody else: a new person is made, with accounts of their own.

    Example: `tenure match other P-7 --reason 'another Anna Nagy'`
    """
    rehires.other(number, reason, source, as_json)


def undo(
    number: Number, reason: Why = "", source: SourceSlug = "", as_json: AsJson = False
) -> None:
    """Take back an answer, as long as nothing was done in any application. It is asked again.

    Example: `tenure match undo P-7 --reason 'the wrong Anna'`
    """
    rehires.undo(number, reason, source, as_json)
