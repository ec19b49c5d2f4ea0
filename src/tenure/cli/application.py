"""The group `tenure application`: what is done to one application as a whole."""

from __future__ import annotations

import typer

application_app = typer.Typer(
    name="application",
    help="One application: add it from the catalogue.\n\n"
    "Example: `tenure application add gitlab --set host=gitlab.example.com`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
