"""Decisions about one person: suspension, legal hold, taking a termination back; and exceptions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json, table
from tenure.core.lifecycle import midnight, zone

if TYPE_CHECKING:
    from tenure.people.models import Person
    from tenure.provisioning.planning.plans import StoredPlan
    from tenure.rules.models import AccessException

Who = Annotated[str, typer.Argument(metavar="PERSON", help="Employee number, e-mail or full name.")]
Why = Annotated[str, typer.Option("--reason", help="Why: it is kept in the audit trail.")]
Slug = Annotated[str, typer.Argument(metavar="APPLICATION", help="As tenure.yaml calls it.")]
Entitlement = Annotated[str, typer.Option(help="Only this entitlement, as in group:sales.")]
Until = Annotated[
    str | None,
    typer.Option(
        help="When it ends by itself: a day, which counts whole, or a time, ISO 8601; in the "
        "person's own time zone."
    ),
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until everything is done.")]

exceptions_app = typer.Typer(
    help="What one person has, or is not to have, whatever the rules say.\n\n"
    "Example: `tenure exceptions list`",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    from tenure.cli.access import person_app

    person_app.command("suspend")(suspend)
    person_app.command("resume")(resume)
    person_app.command("reinstate")(reinstate)
    person_app.command("hold")(hold)
    person_app.command("release")(release)
    exceptions_app.command("give")(give)
    exceptions_app.command("withhold")(withhold)
    exceptions_app.command("end")(end)
    exceptions_app.command("list")(list_exceptions)
    app.add_typer(exceptions_app, name="exceptions")


def suspend(person: Who, reason: Why, wait: Wait = True, as_json: AsJson = False) -> None:
    """Close every account of a person for a while. Nothing is deleted and no group is left.

    Example: `tenure person suspend 10482 --reason 'laptop stolen'`
    """
    _decide("suspend", person, reason, wait, as_json)


def resume(person: Who, reason: Why, wait: Wait = True, as_json: AsJson = False) -> None:
    """End a suspension: what is due is opened again.

    Example: `tenure person resume 10482 --reason 'laptop found'`
    """
    _decide("end_suspension", person, reason, wait, as_json)


def reinstate(person: Who, reason: Why, wait: Wait = True, as_json: AsJson = False) -> None:
    """Take back a termination: the same accounts are opened again, unless they were deleted.

    Example: `tenure person reinstate 10482 --reason 'the wrong Kim'`
    """
    _decide("reinstate", person, reason, wait, as_json)


def hold(person: Who, reason: Why, wait: Wait = True, as_json: AsJson = False) -> None:
    """Legal hold: nothing of this person is deleted until it is released.

    Example: `tenure person hold 10482 --reason 'case 2026-17'`
    """
    _decide("hold", person, reason, wait, as_json)


def release(person: Who, reason: Why, wait: Wait = True, as_json: AsJson = False) -> None:
    """End a legal hold: what is due for deletion is deleted.

    Example: `tenure person release 10482 --reason 'case 2026-17 closed'`
    """
    _decide("release", person, reason, wait, as_json)


def give(
    person: Who,
    application: Slug,
    reason: Why,
    entitlement: Entitlement = "",
    until: Until = None,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Give a person what no rule gives them.

    Example: `tenure exceptions give 10482 tracker --until 2026-12-31 --reason 'covers for Bo'`
    """
    _except(person, application, entitlement, until, reason, wait, as_json, gives=True)


def withhold(
    person: Who,
    application: Slug,
    reason: Why,
    entitlement: Entitlement = "",
    until: Until = None,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Take from a person what a rule gives them.

    Example: `tenure exceptions withhold 10482 chat --reason 'under investigation'`
    """
    _except(person, application, entitlement, until, reason, wait, as_json, gives=False)


def end(
    exception: Annotated[
        int, typer.Argument(metavar="EXCEPTION", help="Its number: `tenure exceptions list`.")
    ],
    reason: Why,
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """End an exception: the rules alone decide again.

    Example: `tenure exceptions end 3 --reason 'Bo is back'`
    """
    with session():
        from tenure.provisioning.decisions.lives import end_exception

        row, stored = end_exception(exception, reason=reason)
        _follow(row.person, stored, wait, as_json, {"exception": _document(row)})


def list_exceptions(
    everything: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """Who has an exception, to what, why, and until when.

    Example: `tenure exceptions list`
    """
    with session():
        from tenure.cli.rendering import shown_instant
        from tenure.people.services import zone_of
        from tenure.rules.models import AccessException

        rows = AccessException.objects.select_related("person")
        if not everything:
            rows = rows.filter(ended_at__isnull=True)
        documents = [_document(row) for row in rows]
        if as_json:
            print_json(documents)
            return
        columns = ["Number", "Person", "Decision", "Until", "By", "Reason"]
        out.print(
            table(
                "",
                columns,
                [
                    (
                        d["number"],
                        d["name"],
                        " ".join(
                            part
                            for part in (
                                "gives" if d["gives"] else "withholds",
                                str(d["application"]),
                                str(d["entitlement"]),
                            )
                            if part
                        ),
                        shown_instant(row.until, zone_of(row.person).key)
                        if row.until
                        else "ended by hand only",
                        d["decided_by"],
                        d["reason"],
                    )
                    for d, row in zip(documents, rows, strict=True)
                ],
            )
            if documents
            else "There are no exceptions: the rules alone decide."
        )


def _decide(what: str, person: str, reason: str, wait: bool, as_json: bool) -> None:
    with session():
        from tenure.people.decisions import DecisionRefused
        from tenure.people.services import find_person
        from tenure.provisioning.decisions import lives

        found = find_person(person)
        decision: Callable[..., StoredPlan] = getattr(lives, what)
        try:
            stored = decision(found, reason=reason)
        except DecisionRefused as error:
            raise Failure(str(error)) from error
        _follow(found, stored, wait, as_json, {})


def _except(
    person: str,
    application: str,
    entitlement: str,
    until: str | None,
    reason: str,
    wait: bool,
    as_json: bool,
    *,
    gives: bool,
) -> None:
    with session():
        from tenure.people.services import find_person, zone_of
        from tenure.provisioning.decisions.lives import decide_exception
        from tenure.rules.exceptions import ExceptionRefused

        found = find_person(person)
        try:
            row, stored = decide_exception(
                found,
                application=application,
                entitlement=entitlement,
                gives=gives,
                reason=reason,
                until=_end_of(until, zone_of(found).key) if until else None,
            )
        except ExceptionRefused as error:
            raise Failure(str(error)) from error
        _follow(found, stored, wait, as_json, {"exception": _document(row)})


def _follow(
    person: Person, stored: StoredPlan, wait: bool, as_json: bool, more: dict[str, object]
) -> None:
    from tenure.cli import applying

    outcome = applying.follow(stored, wait=wait)
    if as_json:
        print_json({"person": person.employee_number, **more, **outcome.as_json()})
    else:
        outcome.show()
    if not outcome.complete(waited=wait):
        raise typer.Exit(1)


def _document(row: AccessException) -> dict[str, object]:
    return {
        "number": row.pk,
        "person": row.person.employee_number or str(row.person.uid),
        "name": row.person.display_name,
        "application": row.application,
        "entitlement": row.entitlement,
        "gives": row.gives,
        "reason": row.reason,
        "decided_by": row.decided_by,
        "by_themselves": row.by_themselves,
        "created_at": row.created_at,
        "until": row.until,
        "ended_at": row.ended_at,
    }


def _end_of(text: str, place: str) -> datetime:
    """The end of a day, or a time. Raises `Failure`."""
    try:
        after = date.fromisoformat(text) + timedelta(days=1)
    except (ValueError, OverflowError):
        return instant(text, place)
    return midnight(after, zone(place)) or instant(text, place)


def instant(text: str, zone: str) -> datetime:
    """A time that somebody typed. Raises `Failure` that says what was expected."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Failure(
            f"{text!r} is no time. Expected ISO 8601, as in 2026-11-30T18:00 or with an offset."
        ) from error
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))
