"""Commands by which a person decides: terminate, approve, reject, stop, resume, retry."""

from __future__ import annotations

from typing import Annotated

import typer

from tenure.cli.context import session
from tenure.cli.lives import instant
from tenure.cli.output import AsJson, Failure, out, print_json, say
from tenure.cli.working import Application


def register(app: typer.Typer) -> None:
    app.command("terminate")(terminate)
    app.command("approve")(approve)
    app.command("reject")(reject)
    app.command("retry")(retry)
    app.command("stop")(stop)
    app.command("resume")(resume)


def terminate(
    person: Annotated[
        str, typer.Argument(metavar="PERSON", help="Employee number, e-mail or full name.")
    ],
    now: Annotated[bool, typer.Option("--now", help="At once: every application, first.")] = False,
    at: Annotated[
        str | None,
        typer.Option(help="When, ISO 8601; without an offset in the person's own time zone."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why: it is kept in the audit trail.")] = "",
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until every account is gone.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Take everything from a person, now or at a time. Guards do not hold this.

    Example: `tenure terminate 10482 --now --reason 'dismissed'`
    """
    if now == (at is not None):
        raise Failure("Say when: either --now, or --at TIME.")
    with session():
        from tenure.cli import applying
        from tenure.people.services import find_person
        from tenure.provisioning.services import terminate_now

        found = find_person(person)
        when = instant(at, found.time_zone) if at else None
        stored = terminate_now(found, at=when, reason=reason)
        if stored is None:
            assert when is not None
            message = f"{found.display_name} loses every account at {when.isoformat()}."
            print_json({"person": found.employee_number, "at": when}) if as_json else say(message)
            return
        outcome = applying.follow(stored, wait=wait)
        if as_json:
            print_json({"person": found.employee_number, **outcome.as_json()})
        else:
            outcome.show()
        if not outcome.complete(waited=wait):
            raise typer.Exit(1)


def approve(
    reason: Annotated[str, typer.Option(help="Why: it is kept in the audit trail.")],
    application: Application = None,
    operation: Annotated[
        list[int] | None, typer.Option("--operation", help="Only these operations, by number.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let operations go that a guard holds.

    Example: `tenure approve --application chat --reason 'the branch in Porto closed'`
    """
    _decide("approve", reason, application, operation, as_json=as_json)


def reject(
    reason: Annotated[str, typer.Option(help="Why: it is kept in the audit trail.")],
    application: Application = None,
    operation: Annotated[
        list[int] | None, typer.Option("--operation", help="Only these operations, by number.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Cancel operations that a guard holds. The same plan brings them back: correct the source.

    Example: `tenure reject --application chat --reason 'half of the file was missing'`
    """
    _decide("reject", reason, application, operation, as_json=as_json)


def _decide(
    what: str, reason: str, application: str | None, operation: list[int] | None, *, as_json: bool
) -> None:
    if not reason.strip():
        raise Failure("A decision needs a reason: --reason 'why'.")
    with session():
        from tenure.applications.finding import application_named
        from tenure.provisioning import services

        decide = services.approve if what == "approve" else services.reject
        if application is not None:
            application_named(application)
        _held_or_fail(operation)
        count = decide(reason=reason, application=application, operations=operation or None)
        done = "approved" if what == "approve" else "rejected"
        if as_json:
            print_json({done: count})
            return
        out.print(f"{count} operations {done}." if count else "No operation is held there.")
        if count and what == "approve":
            say("A worker sends them now; `tenure apply` does it where none runs.")


def _held_or_fail(operations: list[int] | None) -> None:
    """Nothing is decided when one of the operations that were named is not held."""
    from tenure.provisioning.models import Operation

    wanted = set(operations or ())
    held = set(Operation.objects.filter(pk__in=wanted, state="held").values_list("pk", flat=True))
    if wanted - held:
        numbers = ", ".join(str(number) for number in sorted(wanted - held))
        raise Failure(
            f"Not held: {numbers}. Nothing was done. `tenure operations list --filter state=held` "
            "shows those that are."
        )


def retry(application: Application = None, as_json: AsJson = False) -> None:
    """Send failed operations again.

    Example: `tenure retry --application tracker`
    """
    with session():
        from tenure.applications.finding import application_named
        from tenure.provisioning.services import retry_failed

        if application is not None:
            application_named(application)
        count = retry_failed(application)
        print_json({"people": count}) if as_json else out.print(f"Tried again for {count} people.")


def stop(
    reason: Annotated[str, typer.Option(help="Why: it is kept in the audit trail.")] = "",
    as_json: AsJson = False,
) -> None:
    """The emergency stop: nothing is sent to any application until `tenure resume`.

    Example: `tenure stop --reason 'HR sends nonsense'`
    """
    with session():
        from tenure.provisioning.services import stop_writes

        stop_writes(reason=reason)
        print_json({"writes": "stopped"}) if as_json else out.print(
            "All writes are stopped. `tenure resume` goes on."
        )


def resume(
    reason: Annotated[str, typer.Option(help="Why: it is kept in the audit trail.")] = "",
    as_json: AsJson = False,
) -> None:
    """Go on after an emergency stop.

    Example: `tenure resume --reason 'HR is right again'`
    """
    with session():
        from tenure.provisioning.services import resume_writes

        resume_writes(reason=reason)
        print_json({"writes": "on"}) if as_json else out.print("Writes go on.")
