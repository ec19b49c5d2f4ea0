"""A plan in the terminal: by application, + ~ -, who and why and what, counts and cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from tenure.core.instants import told
from tenure.core.lifecycle import zone
from tenure.core.model import Change, OperationKind, OperationState, Value
from tenure.core.owners import told_of
from tenure.provisioning.questions.ahead import Turn
from tenure.provisioning.questions.whatif import Stay
from tenure.provisioning.records.plan import REPORT_MODE, FirstContact, Plan, PlanLine

SHOWN = 20
_SIGNS = {
    OperationKind.CREATE: ("+", "green"),
    OperationKind.ENABLE: ("+", "green"),
    OperationKind.GRANT: ("+", "green"),
    OperationKind.UPDATE: ("~", "yellow"),
    OperationKind.TRANSFER: ("~", "yellow"),
    OperationKind.DISABLE: ("-", "red"),
    OperationKind.DELETE: ("-", "red"),
    OperationKind.REVOKE: ("-", "red"),
}
_LONGEST_VALUE = 40


def show_plan(console: Console, plan: Plan, *, everything: bool) -> None:
    """Print the plan. Of many operations in an application 20, unless `everything`: first what
    takes something from somebody."""
    if not plan.lines and not plan.problems:
        as_it_should = "" if plan.declined else ": every account is as the rules say"
        console.print(f"Nothing to do{as_it_should}.")
    for name, group in groupby(plan.lines, key=lambda line: line.application_name):
        _application(console, name, list(group), everything=everything)
    for contact in plan.first_contact:
        _first_contact(console, contact)
    for one in plan.unread:
        console.print(f"[yellow]i[/] {escape(one.application_name)}: {escape(one.words)}")
    problems = plan.problems if everything else plan.problems[:SHOWN]
    for problem in problems:
        mark = "[yellow]i[/]" if problem.notice else "[red]![/]"
        console.print(
            f"{mark} {escape(problem.person_name)} ({escape(problem.person)}) in "
            f"{escape(problem.application)}: {escape(problem.message)}"
        )
    if more := len(plan.problems) - len(problems):
        console.print(f"  [dim]… and {more} more like these: --all shows them[/]")
    _not_planned(console, plan)
    _totals(console, plan)


def show_stays(console: Console, stays: Sequence[Stay]) -> None:
    """Where less is done than one might think, and why."""
    for stay in stays:
        console.print(f"[yellow]=[/] {escape(stay.name)}: {escape(' '.join(stay.reasons))}")


def show_turns(console: Console, turns: Sequence[Turn], place: str) -> None:
    """What happens to one person by itself, and when, if nobody says otherwise. `place`: their time
    zone, in which their first and last days begin and end."""
    if turns:
        console.print("\n[bold]To come[/]")
    for turn in turns:
        state = f"  {turn.state.value.replace('_', ' ')}" if turn.state else ""
        console.print(f"  {shown_instant(turn.at, place)}{state}")
        for change in turn.changes:
            keys = [f"+{key}" for key in change.grant] + [f"-{key}" for key in change.revoke]
            held = f"  {escape(', '.join(keys))}" if keys else ""
            console.print(
                f"    {change.kind.value} in {escape(change.name)}: {escape(change.reason)}{held}"
            )


def shown_instant(instant: datetime, place: str) -> str:
    """As in `5 Dec 2026 00:00 CET`, in that time zone."""
    return told(instant.astimezone(zone(place)))


def _not_planned(console: Console, plan: Plan) -> None:
    """What would be due and is not sent: rejected, or its application stands still."""
    for name, why in plan.still.items():
        console.print(f"[magenta]Not sent to {escape(name)}:[/] {escape(why)}")
    for one in plan.declined:
        console.print(f"[magenta]{escape(one.words)}[/] {escape(one.after_all)}")


def _application(console: Console, name: str, lines: list[PlanLine], *, everything: bool) -> None:
    console.print(f"\n[bold]{escape(name)}[/]  [dim]{_counts(lines)}[/]")
    shown = lines
    if len(lines) > SHOWN and not everything:
        shown = sorted(lines, key=lambda line: not line.kind.removes)[:SHOWN]
    for line in shown:
        console.print(_line(line, console.width))
    if len(shown) < len(lines):
        console.print(f"  [dim]… and {len(lines) - len(shown)} more: --all shows them[/]")


def _line(line: PlanLine, width: int) -> Text:
    sign, colour = _SIGNS[line.kind]
    text = Text("  ")
    text.append(f"{sign} {line.kind.value:<8} ", style=colour)
    text.append(f"{line.person_name or 'nobody'} ", style="bold")
    text.append(f"{line.account or line.person_email or line.person}", style="dim")
    fits = text.cell_len + 2 + len(line.reason) <= width
    text.append("  " if fits else f"\n{'':13}")
    text.append(line.reason)
    if line.kind is OperationKind.UPDATE:
        for name, change in line.attributes.items():
            text.append(f"\n{'':13}{name} ", style="dim")
            text.append_text(_change(change))
    for keys, mark, style in ((line.grant, "+", "green"), (line.revoke, "-", "red")):
        if keys:
            text.append(f"\n{'':13}" + " ".join(f"{mark}{key}" for key in keys), style=style)
    if line.state is OperationState.HELD:
        # That an application is in report mode is said once, below.
        if line.hold_reason != REPORT_MODE:
            number = f" (operation {line.operation_id})" if line.operation_id else ""
            text.append(f"\n{'':13}held{number}: {line.hold_reason}", style="magenta")
    elif line.state is not OperationState.PLANNED:
        text.append(f"  [{line.state.value}]", style="magenta")
    return text


def _change(change: Change) -> Text:
    text = Text()
    text.append(_value(change.before), style="red")
    text.append(" → ", style="dim")
    text.append(_value(change.after), style="green")
    return text


def _value(value: Value | None) -> str:
    if value is None:
        return "(empty)"
    if not isinstance(value, (str, bool, int, float)):
        value = ", ".join(value)
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _counts(lines: Iterable[PlanLine]) -> str:
    counts: dict[str, int] = {}
    for line in lines:
        counts[line.kind.value] = counts.get(line.kind.value, 0) + 1
    return " · ".join(f"{count} {kind}" for kind, count in counts.items())


def _first_contact(console: Console, contact: FirstContact) -> None:
    """What taking over an application means that was in use before us."""
    name = escape(contact.application_name)
    if not contact.read:
        console.print(
            f"[yellow]i[/] {name} was not read yet: this plan does not know who has an account "
            "there. It is read before anything is written to it."
        )
        return
    console.print(
        f"\n[bold]First contact with {name}:[/] {contact.found} accounts are there: "
        f"[green]{contact.adopted} adopted[/], [yellow]{contact.orphans} nobody's[/], "
        f"[magenta]{contact.disputed} disputed[/], {contact.ignored} ignored; and "
        f"{contact.to_create} to create. "
        + (
            "It is in report mode; when it is `mode: live`, all of this is held until you approve "
            "it."
            if contact.reporting
            else "Nothing is written before "
            f"`tenure approve --application {contact.application} --reason ...`."
        )
    )


def _for_whom(lines: Sequence[PlanLine]) -> str:
    people = len({line.person_id for line in lines if line.person_id is not None})
    accounts = sum(line.person_id is None for line in lines)
    whose = f"for {people} {'person' if people == 1 else 'people'}"
    nobodys = (
        f"on {accounts} {'account that is' if accounts == 1 else 'accounts that are'} nobody's"
    )
    return " and ".join([whose] * bool(people) + [nobodys] * bool(accounts))


def _totals(console: Console, plan: Plan) -> None:
    if not plan.lines:
        return
    console.print(
        f"\n[bold]{len(plan.lines)} operation{'' if len(plan.lines) == 1 else 's'}[/] "
        f"{_for_whom(plan.lines)}: "
        + ", ".join(f"{count} {kind}" for kind, count in plan.summary.items())
    )
    for currency, cost in sorted(plan.cost.items()):
        console.print(f"Cost a month: {currency} {cost.before:,} → [bold]{cost.after:,}[/]")
    for reason in plan.held_reasons:
        console.print(f"[magenta]Held:[/] {escape(reason)}")
    if plan.seen_in_all and any(not told_of(reason) for reason in plan.held_reasons):
        console.print(
            f"[dim]`tenure approve --seen {plan.seen_in_all} --reason ...` lets held operations "
            "go; `tenure reject` refuses them.[/]"
        )
    elif plan.held and not plan.seen_in_all:
        console.print("[dim]`tenure apply` keeps these for a decision, and sends the rest.[/]")
