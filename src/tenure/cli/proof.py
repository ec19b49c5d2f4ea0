"""A leaver's receipt: person proof; and its lines within explain."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from tenure.cli.context import session
from tenure.cli.output import AsJson, out, print_json

if TYPE_CHECKING:
    from tenure.core.receipt import Part
    from tenure.sso.receipt import Line, Receipt

_MARKS = {
    "done": "[green]done[/]",
    "said": "[yellow]said[/]",
    "under_way": "[yellow]under way[/]",
    "by_itself": "[yellow]expires[/]",
    "by_hand": "[red]by hand[/]",
    "open": "[dim]open[/]",
    "nothing": "[dim]nothing[/]",
}
_SAID = {
    "done": "Everything has ended, and there is proof.",
    "said": "Everything has ended, but of some of it a person's word is all there is.",
    "under_way": "Not all of it has ended yet: it is being done.",
    "by_itself": "What could be ended has ended; the rest expires by itself.",
    "by_hand": "Somebody has to do something by hand.",
    "open": "They have access, as they are to.",
    "nothing": "There is, and was, no access of theirs.",
}


def proof(
    person: Annotated[
        str, typer.Argument(metavar="PERSON", help="Employee number, e-mail or full name.")
    ],
    as_json: AsJson = False,
) -> None:
    """Whether a leaver's access has ended: of each application the account and the sessions, with
    the proof or what is to be done by hand.

    Example: `tenure person proof 10482 --json`
    """
    with session():
        from tenure.people.services import find_person
        from tenure.sso.receipt import receipt_of

        found = receipt_of(find_person(person))
        print_json(found.as_json()) if as_json else _show(found)


def _show(found: Receipt) -> None:
    person = found.person
    out.print(
        f"[bold]{escape(person.display_name)}[/] {escape(person.employee_number or '')} "
        f"[dim]{escape(person.email)}[/]  {person.state.replace('_', ' ')}"
    )
    out.print(_SAID[found.verdict.value])
    if found.ended_at is not None:
        what = ", ".join(_counted(n, name.replace("_", " ")) for name, n in found.ended.items())
        out.print(f"[dim]{_at(found.ended_at)}[/] Access ended here: {escape(what or 'nothing')}.")
    if found.as_administrator:
        out.print(f"[red]by hand[/] {escape(found.as_administrator)}")
    for line in found.lines:
        out.print(f"\n[bold]{escape(line.application.name)}[/]")
        show_line(line)
    position, digest = found.sealed
    if position:
        out.print(
            f"\n[dim]Audit trail sealed to event {position}, {digest[:16]}…; "
            "checked by tenure audit verify.[/]"
        )


def show_line(line: Line) -> None:
    """The account and the sessions at one application."""
    for one in line.accounts:
        _part(f"account {escape(one.name)}", one.part)
    _part("sessions", line.sessions)
    if line.open_task is not None:
        out.print(f"    [dim]task S{line.open_task.pk}: tenure tasks show S{line.open_task.pk}[/]")


def _part(what: str, part: Part) -> None:
    at = f" [dim]{_at(part.at)}[/]" if part.at else ""
    event = f" [dim](event {part.event})[/]" if part.event else ""
    out.print(f"    {what}: {_MARKS[part.verdict.value]}{at} {escape(part.words)}{event}")


def _counted(count: int, what: str) -> str:
    return f"{count} {what.removesuffix('s') if count == 1 else what}"


def _at(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"
