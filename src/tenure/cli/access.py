"""Why somebody has what they have: explain, person show; and who may sign in: link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from tenure.cli.context import session
from tenure.cli.output import AsJson, out, print_json, table
from tenure.cli.proof import proof, show_line
from tenure.cli.reached import reached_at
from tenure.core.holdings import shown

if TYPE_CHECKING:
    from tenure.applications.models import Account
    from tenure.audit.models import Event
    from tenure.provisioning.questions.ahead import Turn
    from tenure.provisioning.questions.explain import ApplicationExplanation, Explanation
    from tenure.sso.receipt import Line

person_app = typer.Typer(
    help="One person.\n\nExample: `tenure person show 10482`", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    app.command("explain")(explain)
    app.command("link")(link)
    person_app.command("show")(show)
    person_app.command("proof")(proof)
    app.add_typer(person_app, name="person")


def explain(
    person: Annotated[
        str, typer.Argument(metavar="PERSON", help="Employee number, e-mail or full name.")
    ],
    application: Annotated[
        str | None,
        typer.Argument(metavar="[APPLICATION]", help="Only this one, as tenure.yaml calls it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Why this person has or lacks each application and entitlement, whether what they lost has
    really ended there, what is to come if nobody says otherwise, and what happened.

    Example: `tenure explain 10482 chat`
    """
    with session():
        from tenure.people.services import find_person
        from tenure.provisioning.questions.ahead import ahead
        from tenure.provisioning.questions.explain import explain as explained
        from tenure.sso.receipt import receipt_of

        who = find_person(person)
        found = explained(who, application)
        # Of one application, it says nothing of what is due in the others.
        known = found if found.whole else None
        ended = {line.application.slug: line for line in receipt_of(who, known).lines}
        turns = [turn for turn in (turn.of(application) for turn in ahead(who)) if turn]
        if as_json:
            document = found.as_json()
            for item in document["applications"]:
                line = ended.get(item["application"])
                item["ended"] = line.as_json() if line is not None else None
            document["ahead"] = [turn.as_json() for turn in turns]
            print_json(document)
            return
        _show(found, ended, turns)


def show(
    person: Annotated[
        str, typer.Argument(metavar="PERSON", help="Employee number, e-mail or full name.")
    ],
    sensitive: Annotated[
        bool, typer.Option("--sensitive", help="Sensitive attributes too. It is recorded.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """A person's attributes, where each came from, and their accounts.

    Example: `tenure person show anna.kovacs@acme.example`
    """
    with session():
        from tenure.people import looks
        from tenure.people.entered import as_entered
        from tenure.people.selectors import sensitive_attributes, shown_attributes
        from tenure.people.services import find_person
        from tenure.provisioning.questions.ahead import ahead
        from tenure.provisioning.questions.explain import explain as explained

        who = find_person(person)
        found, turns = explained(who), ahead(who)
        document = found.as_json() | {"ahead": [turn.as_json() for turn in turns]}
        if sensitive and (told := sensitive_attributes() & who.attributes.keys()):
            looks.record(who, told, where="tenure person show --sensitive")
        attributes = who.attributes if sensitive else shown_attributes(who.attributes)
        document["attributes"] = {
            name: {"value": value, "from": who.origins.get(name) or "made here"}
            for name, value in sorted(attributes.items())
        }
        if as_json:
            print_json(document)
            return
        _head(found)
        out.print(
            table(
                "",
                ["Attribute", "Value", "From"],
                [
                    (name, as_entered(item["value"]), item["from"])
                    for name, item in document["attributes"].items()
                ],
            )
        )
        out.print(table("\nAccounts", ["Application", "Account", "State", "Holds"], _rows(found)))
        _to_come(found, turns)


def link(
    name: Annotated[
        str, typer.Option(help="Which administrator; made, as an owner, if there is none.")
    ] = "owner",
    as_json: AsJson = False,
) -> None:
    """A one-time link that signs an administrator in to the console, for fifteen minutes.

    Example: `tenure link`
    """
    with session():
        from tenure.signin.services import issue_link

        address = reached_at(issue_link(name=name))
        print_json({"link": address}) if as_json else print(address)


def _show(found: Explanation, ended: Mapping[str, Line], turns: Sequence[Turn]) -> None:
    _head(found)
    for item in found.applications:
        _application(item)
        line = ended.get(item.application)
        if line is not None and not item.due:
            show_line(line)
    _to_come(found, turns)
    history = found.history()
    if history:
        out.print("\n[bold]History[/]")
    for event in history[:20]:
        reason = f" ({event.reason})" if event.reason else ""
        out.print(
            f"  [dim]{event.at:%Y-%m-%d %H:%M:%S %Z}[/] {escape(str(event))}{escape(reason)}"
            f" [dim]by {escape(event.actor)}[/]"
        )
        if differences := _differences(event):
            out.print(f"    [dim]{escape(differences)}[/]")


#: Of one event in the history.
_MOST_DIFFERENCES = 4


def _differences(event: Event) -> str:
    """What was another before, of events that only say that something was."""
    from tenure.people.entered import as_entered

    if not event.action.startswith("person.") or not event.before or not event.after:
        return ""
    before, after = dict(event.before), dict(event.after)
    names = [name for name in after if before.get(name) != after[name]]
    shown = [
        f"{name} {as_entered(before.get(name)) or '(empty)'} → "
        f"{as_entered(after[name]) or '(empty)'}"
        for name in names[:_MOST_DIFFERENCES]
    ]
    more = len(names) - len(shown)
    return ", ".join([*shown, f"and {more} more"] if more > 0 else shown)


def _head(found: Explanation) -> None:
    from tenure.people.selectors import lacks_end

    person = found.person
    since = f" since {_when(found, found.since)}" if found.since else ""
    out.print(
        f"[bold]{escape(person.display_name)}[/] {escape(person.employee_number or '')} "
        f"[dim]{escape(person.email)}[/]  {found.state.value.replace('_', ' ')}{since}"
    )
    if found.until:
        out.print(f"[dim]changes by itself at {_when(found, found.until)}[/]")
    if lacks_end(person):
        out.print("[yellow]no last day:[/] employment that ends by itself; give the source its end")
    if person.legal_hold_since is not None:
        since = _when(found, person.legal_hold_since)
        out.print(
            f"[yellow]legal hold since {since}, nothing is deleted:[/] "
            f"{escape(person.legal_hold_reason)}"
        )


def _to_come(found: Explanation, turns: Sequence[Turn]) -> None:
    # Rendering knows tables of the database, which a command has only within its session.
    from tenure.cli.rendering import show_turns
    from tenure.people.services import zone_of

    show_turns(out, turns, zone_of(found.person).key)


def _when(found: Explanation, instant: datetime) -> str:
    from tenure.cli.rendering import shown_instant
    from tenure.people.services import zone_of

    return shown_instant(instant, zone_of(found.person).key)


def _application(item: ApplicationExplanation) -> None:
    mark = "[green]+[/]" if item.due else "[dim]-[/]"
    out.print(f"\n{mark} [bold]{escape(item.name)}[/]  {escape(item.summary)}")
    for because in item.because:
        saw = ", ".join(f"{name} = {value!r}" for name, value in because.saw.items())
        out.print(f"    rule [bold]{escape(because.name)}[/]: {escape(because.condition)}")
        out.print(f"      [dim]saw {escape(saw or 'nothing')}[/]")
    for refusal in item.not_because:
        saw = ", ".join(f"{name} = {value!r}" for name, value in refusal.saw.items())
        missing = f"; missing {', '.join(refusal.missing)}" if refusal.missing else ""
        out.print(f"    [dim]not by {escape(refusal.name)}: {escape(refusal.condition)}[/]")
        out.print(f"      [dim]saw {escape(saw or 'nothing')}{escape(missing)}[/]")
    names = {because.rule: because.name for because in item.because}
    for key, rules in item.entitlements.items():
        by = ", ".join(names.get(rule, rule) for rule in rules)
        out.print(f"    {escape(key)} [dim]by {escape(by)}[/]")
    if item.problem:
        out.print(f"    [red]{escape(item.problem)}[/]")
    for notice in item.notices:
        out.print(f"    [yellow]{escape(notice)}[/]")
    for step in item.steps:
        out.print(
            f"    [magenta]{step.kind} {_STATES.get(step.state, step.state)}[/] "
            f"[dim](operation {step.operation})[/]: {escape(step.why)}"
        )
    if item.still and (item.due or item.account is not None):
        out.print(f"    [magenta]Nothing is sent there now:[/] {escape(item.still)}")
    if item.due and item.account is None and not (item.steps or item.notices or item.problem):
        out.print("    no account yet: the next plan makes it")
    if item.account is not None and item.due:
        out.print(f"    account {escape(item.account.user_name)}: {_state(item.account)}")


#: Of an operation, where the word alone does not say it.
_STATES = {"planned": "is to be sent", "manual": "is to be done by hand", "started": "is under way",
           "unknown": "is looked at: nobody knows whether it was done"}  # fmt: skip


def _state(account: Account) -> str:
    if account.situation == "deleted":
        return "deleted"
    return {True: "open", False: "closed", None: "not known"}[account.active]


def _rows(found: Explanation) -> list[tuple[str, str, str, str]]:
    return [
        (
            item.name,
            item.account.user_name,
            _state(item.account),
            shown(item.account.entitlements, gone=item.account.situation == "deleted"),
        )
        for item in found.applications
        if item.account is not None
    ]
