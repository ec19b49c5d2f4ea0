"""What an application can do, by trying it: `application check`; and what accounts have there."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, err, out, print_json, say, table

if TYPE_CHECKING:
    from tenure.applications.models import Application, ConnectionCheck
    from tenure.connectors.base import RemoteAttribute
    from tenure.connectors.steps import Step

Slug = Annotated[
    str, typer.Argument(metavar="APPLICATION", help="What tenure.yaml calls it, such as chat.")
]
MARKS = {
    "works": "[green]works[/]    ",
    "fails": "[red]fails[/]    ",
    "differs": "[yellow]differs[/]  ",
    "not tried": "[dim]not tried[/]",
}


def register(application: typer.Typer) -> None:
    """Into the `application` group, beside `authorize`."""
    application.command("check")(check)
    application.command("attributes")(attributes)


def check(
    application: Slug,
    write: Annotated[
        bool,
        typer.Option(
            "--write", help="Also make, change and remove an account called tenure-canary-..."
        ),
    ] = False,
    save: Annotated[
        bool, typer.Option("--save", help="Keep the settings that turn out to fit better.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Try what the application can do. It reads; with --write it also makes an account of its own,
    takes it through everything that Tenure will ever ask, and removes it, whatever happens.

    Exit code 1 if anything fails. Settings that fit better are shown; --save keeps them.

    Example: `tenure application check chat --write --save`
    """
    with session():
        from tenure.applications.finding import application_named
        from tenure.provisioning.reconciliation import connection

        row = application_named(application)
        asking = sys.stdin.isatty() and not as_json
        if not write and asking:
            say(f"An account called tenure-canary-... can be made in {row.name} and removed again.")
            write = _agreed("Try it with one?")
        begun = connection.begin(row, write=write)
        done = _conduct(begun, quiet=as_json)
        better = connection.fits_better(done)
        if better and not as_json:
            _show_better(row, better, done)
            save = save or (asking and _agreed("Keep these settings?"))
        saved = bool(connection.keep(done)) if save else False
        if as_json:
            print_json(_document(done, dict(better), saved=saved))
        else:
            _show_end(done, write=write, saved=saved, better=bool(better))
        if not connection.outcome(done):
            raise typer.Exit(1)


def attributes(application: Slug, as_json: AsJson = False) -> None:
    """What accounts have in the application, its own and extension attributes too, by the names
    that a mapping uses; and which of them are mapped.

    Example: `tenure application attributes chat`
    """
    with session():
        from tenure.applications.connecting import connector_for
        from tenure.applications.finding import application_named
        from tenure.connectors.base import DescribesAttributes

        row = application_named(application)
        connector = connector_for(row)
        if not isinstance(connector, DescribesAttributes):
            raise Failure(f"{row.name} ({row.connector}) does not say what accounts have there.")

        async def asked() -> list[RemoteAttribute]:
            async with connector:
                assert isinstance(connector, DescribesAttributes)
                return await connector.attributes()

        found = asyncio.run(asked())
        mapped = {item["attribute"] for item in row.mapping}
        if as_json:
            print_json([_described(one, one.name in mapped) for one in found])
            return
        out.print(
            table(
                "",
                ["Attribute", "Type", "Needed", "Can be written", "Mapped", "Values"],
                [
                    (
                        one.name,
                        f"{one.type}, many" if one.many else one.type,
                        "yes" if one.required else "",
                        _WRITTEN.get(one.mutability, one.mutability),
                        "yes" if one.name in mapped else "",
                        ", ".join(one.values),
                    )
                    for one in found
                ],
            )
        )
        unknown = sorted(mapped - {one.name for one in found})
        if unknown:
            say(f"Mapped, and not among these: {', '.join(unknown)}.")


_WRITTEN = {
    "": "",
    "readWrite": "yes",
    "readOnly": "no",
    "immutable": "when made",
    "writeOnly": "yes, not read",
}


def _conduct(begun: ConnectionCheck, *, quiet: bool) -> ConnectionCheck:
    """Does it, showing each step. Interrupted or told to stop, it cleans up and then ends."""
    from tenure.provisioning.reconciliation import connection

    async def tell(step: Step) -> None:
        if not quiet:
            mark = MARKS[step.outcome.value]
            out.print(f"{mark} {step.what:<36} {escape(step.detail)}", soft_wrap=True)

    async def work() -> ConnectionCheck:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await connection.conduct(begun, tell)

    try:
        return asyncio.run(work())
    except asyncio.CancelledError:
        raise Failure("Stopped. What was made there is removed.") from None
    except KeyboardInterrupt:
        raise Failure("Interrupted. What was made there is removed.") from None


def _show_better(row: Application, better: Any, done: ConnectionCheck) -> None:
    from tenure.configuration.exporting import yaml_of

    say("")
    for note in done.notes:
        say(f"- {note}")
    say(f"These settings of {row.slug} fit better:")
    out.print(yaml_of({"settings": dict(better)}).rstrip("\n"), markup=False)


def _show_end(done: ConnectionCheck, *, write: bool, saved: bool, better: bool) -> None:
    if saved:
        say("Kept. `tenure config export` shows them; put them into tenure.yaml too.")
    elif better:
        say("Not kept: --save does that, or put them into tenure.yaml.")
    if done.left:
        say(f"Left there: {', '.join(done.left)}. The next check with --write tries again.")
    if not write:
        say("Only read. --write tries the rest with an account of its own.")


def _document(done: ConnectionCheck, better: dict[str, Any], *, saved: bool) -> dict[str, Any]:
    from tenure.provisioning.reconciliation import connection

    return {
        "application": done.application.slug,
        "ok": connection.outcome(done),
        "write": done.write,
        "steps": done.steps,
        "settings": better,
        "notes": done.notes,
        "saved": saved,
        "left": done.left,
    }


def _described(one: RemoteAttribute, mapped: bool) -> dict[str, Any]:
    return {
        "name": one.name,
        "type": one.type,
        "many": one.many,
        "required": one.required,
        "mutability": one.mutability,
        "values": list(one.values),
        "description": one.description,
        "mapped": mapped,
    }


def _agreed(question: str) -> bool:
    """Typer's own question would put a blank on standard output."""
    err.print(f"{question} [y/N] ", end="", markup=False)
    err.file.flush()
    return sys.stdin.readline().strip().casefold() in {"y", "yes"}
