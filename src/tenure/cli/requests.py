"""Requests of people for access that no rule gives them: look and decide, as an administrator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.context import session
from tenure.cli.lines import Limit, more_than
from tenure.cli.output import AsJson, Failure, out, print_json, say, table
from tenure.cli.working import Application
from tenure.core.instants import told

if TYPE_CHECKING:
    from datetime import timedelta

    from tenure.requests.selectors import Waiting

request_app = typer.Typer(
    help="What people ask for that no rule gives them.\n\nExample: `tenure request list`",
    no_args_is_help=True,
)
Number = Annotated[
    int, typer.Argument(metavar="REQUEST", help="Its number: `tenure request list`.")
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until everything is done.")]


def register(app: typer.Typer) -> None:
    request_app.command("list")(list_requests)
    request_app.command("show")(show)
    request_app.command("approve")(approve)
    request_app.command("reject")(reject)
    app.add_typer(request_app, name="request")


def list_requests(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    application: Application = None,
    person: Annotated[
        str | None, typer.Option("--person", "-p", help="Only this person: number, e-mail, name.")
    ] = None,
    limit: Limit = 1000,
    as_json: AsJson = False,
) -> None:
    """What waits for an answer, from whom, and who decides about it.

    Example: `tenure request list --application design`
    """
    with session():
        from tenure.applications.finding import application_named
        from tenure.people.services import find_person
        from tenure.requests import selectors
        from tenure.requests.words import length

        rows = selectors.everything(
            state="" if everything else "waiting",
            application=application_named(application).slug if application else "",
            person=find_person(person) if person else None,
        )
        found = selectors.with_deciders(rows[: limit + 1])
        if len(found) > limit:
            more_than(limit)
            del found[limit:]
        if as_json:
            print_json([selectors.as_json(one) for one in found])
            return
        if not found:
            out.print("Nobody waits for an answer.")
            return
        lines = [
            (
                one.request.pk,
                one.request.person.display_name,
                str(one.request),
                length(one.request.lasts),
                one.asks or f"{one.request.state} by {one.request.decided_by}",
                one.request.reason,
            )
            for one in found
        ]
        out.print(table("", [">Number", "Person", "What", "For", "Who decides", "Why"], lines))


def show(request: Number, as_json: AsJson = False) -> None:
    """One request: who asks, for what, why, who decides, and what came of it.

    Example: `tenure request show 17`
    """
    with session():
        found = _found(request)
        _show(found, as_json)


def approve(
    request: Number,
    reason: Annotated[str, typer.Option("--reason", help="What who asked is told.")] = "",
    lasts: Annotated[
        str | None,
        typer.Option("--for", help="For less than was asked for, ISO 8601, as in P7D."),
    ] = None,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Give it, until its end. It becomes an exception, and is carried out at once.

    Example: `tenure request approve 17 --for P14D`
    """
    with session():
        from tenure.cli import applying
        from tenure.requests import selectors
        from tenure.requests.services import RequestRefused, decide_as_administrator

        try:
            _, stored = decide_as_administrator(
                request, approve=True, reason=reason, lasts=_length(lasts)
            )
        except RequestRefused as error:
            raise Failure(str(error)) from error
        assert stored is not None
        outcome = applying.follow(stored, wait=wait)
        if as_json:
            print_json({"request": selectors.as_json(_found(request)), **outcome.as_json()})
        else:
            outcome.show()
        if not outcome.complete(waited=wait):
            raise typer.Exit(1)


def reject(
    request: Number,
    reason: Annotated[str, typer.Option("--reason", help="Why not: who asked reads it.")],
    as_json: AsJson = False,
) -> None:
    """Refuse it. Who asked is told why.

    Example: `tenure request reject 17 --reason 'the viewer is enough for that'`
    """
    with session():
        from tenure.requests.services import RequestRefused, decide_as_administrator

        try:
            decide_as_administrator(request, approve=False, reason=reason)
        except RequestRefused as error:
            raise Failure(str(error)) from error
        if as_json:
            _show(_found(request), as_json)
        else:
            say(f"Request {request} is rejected, and who asked is told.")


def _found(number: int) -> Waiting:
    from tenure.requests import selectors

    return selectors.with_deciders([selectors.by_number(number)])[0]


def _show(found: Waiting, as_json: bool) -> None:
    from tenure.requests import selectors
    from tenure.requests.words import length

    if as_json:
        print_json(selectors.as_json(found))
        return
    row = found.request
    out.print(f"{row.person.display_name} asks for {row}", markup=False, style="bold")
    out.print(f"For {length(row.lasts)}, asked on {told(row.asked_at)}", markup=False)
    out.print(f"Why: {row.reason}", markup=False)
    if found.asks:
        out.print(f"Decides: {found.asks}, by {told(row.expires_at)}", markup=False)
        return
    by = f" by {row.decided_by}" if row.decided_by else ""
    answer = f": {row.answer}" if row.answer else ""
    out.print(f"{row.get_state_display()}{by}{answer}", markup=False)


def _length(text: str | None) -> timedelta | None:
    from tenure.configuration.durations import parse_duration

    try:
        return parse_duration(text) if text else None
    except ValueError as error:
        raise Failure(str(error)) from error
