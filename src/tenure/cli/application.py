"""The group `tenure application`: what is done to one application as a whole. Here: how it is;
authorising it is in `authorization`."""

from __future__ import annotations

from typing import Annotated

import typer

from tenure.cli import authorization
from tenure.cli.context import session
from tenure.cli.output import AsJson, out, print_json

application_app = typer.Typer(
    name="application",
    help="One application: add it from the catalogue, check it, authorise it.\n\n"
    "Example: `tenure application add gitlab --set host=gitlab.example.com`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Slug = Annotated[
    str, typer.Argument(metavar="APPLICATION", help="The application, as tenure.yaml calls it.")
]


@application_app.command("show")
def show(application: Slug, as_json: AsJson = False) -> None:
    """How an application is: whether it accepts us, what waits, and at what pace it is asked.

    Example: `tenure application show chat`
    """
    with session():
        from tenure.applications import pacing
        from tenure.applications.finding import application_named
        from tenure.infra.clock import now
        from tenure.provisioning.questions import selectors
        from tenure.provisioning.records.stopping import standing_still

        found = application_named(application)
        told = pacing.told(found, now())
        document = {
            "application": found.slug,
            "name": found.name,
            "connector": found.connector,
            "mode": found.mode,
            "health": found.health,
            "not_sent": standing_still([found.slug]).get(found.name, ""),
            "stopped_at": found.stopped_at,
            "tried_again_at": found.probe_at,
            "operations": {s.value: n for s, n in selectors.unsettled(found).items()},
            "limits": found.limits,
            "learnt": {
                item.kind: {"rate": item.rate, "paused_until": item.paused_until} for item in told
            },
        }
        if as_json:
            print_json(document)
            return
        out.print(f"{found.name} ({found.connector}), {found.mode}", markup=False, style="bold")
        out.print(document["not_sent"] or "It accepts us.", markup=False)
        if found.probe_at is not None:
            out.print(f"It is tried again {found.probe_at:%-d %b %H:%M:%S %Z}.", markup=False)
        waiting = ", ".join(f"{n} {state}" for state, n in document["operations"].items())
        out.print(f"Operations: {waiting or 'none waits'}.", markup=False)
        limits = ", ".join(f"{name} {value}" for name, value in found.limits.items())
        out.print(f"Limits: {limits or 'those of the connector'}.", markup=False)
        for item in told:
            out.print(f"It said that we are too fast: {item} for now.", markup=False)


authorization.register(application_app, "application", example="chat")
