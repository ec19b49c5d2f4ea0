"""Commands by which a person decides: terminate, approve, reject, stop, resume, retry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.context import session
from tenure.cli.lives import instant
from tenure.cli.output import AsJson, Failure, out, print_json, say
from tenure.cli.working import Application

if TYPE_CHECKING:
    from tenure.provisioning.services import Decided, Seen


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
        from tenure.core.model import LifecycleState
        from tenure.people.services import find_person, zone_of
        from tenure.provisioning.questions import selectors
        from tenure.provisioning.services import store, terminate_now

        found = find_person(person)
        when = instant(at, zone_of(found).key) if at else None
        if now and found.state == LifecycleState.LEFT.value:
            say(f"{found.display_name} has left already. What is still open is taken all the same.")
        stored = terminate_now(found, at=when, reason=reason)
        if stored is None:
            assert when is not None
            message = f"{found.display_name} loses every account at {when.isoformat()}."
            print_json({"person": found.employee_number, "at": when}) if as_json else say(message)
            return
        outcome = applying.follow(stored, wait=wait)
        if wait and (meanwhile := selectors.under_way(found)):
            if not as_json:
                say(f"{meanwhile}.")
            if applying.settled(lambda: not selectors.under_way(found)):
                outcome = applying.follow(store(person=found, reason=reason), wait=True)
        busy = selectors.under_way(found)
        if as_json:
            told = {"being_made": busy.made, "being_changed": busy.changed}
            print_json({"person": found.employee_number, **told, **outcome.as_json()})
        else:
            outcome.show()
            if busy:
                number = found.employee_number or found.uid
                out.print(f"{busy}: `tenure person proof {number}` says when.", markup=False)
        if busy or not outcome.complete(waited=wait):
            raise typer.Exit(1)


_SEEN = typer.Option(
    help="What you looked at, as `tenure plan` prints it: what is held since is not decided."
)


def approve(
    reason: Annotated[str, typer.Option(help="Why: it is kept in the audit trail.")],
    application: Application = None,
    operation: Annotated[
        list[int] | None,
        typer.Option("--operation", help="Only these operations, by number; rejected ones too."),
    ] = None,
    seen: Annotated[str | None, _SEEN] = None,
    as_json: AsJson = False,
) -> None:
    """Let operations go that a guard holds. What changed since it was held is planned anew: the
    same or less goes, what is new is held again. Exit code 2: something is.

    Example: `tenure approve --application chat --reason 'the branch in Porto closed'`
    """
    _decide("approve", reason, application, operation, seen, as_json=as_json)


def reject(
    reason: Annotated[str, typer.Option(help="Why: it is kept in the audit trail.")],
    application: Application = None,
    operation: Annotated[
        list[int] | None, typer.Option("--operation", help="Only these operations, by number.")
    ] = None,
    seen: Annotated[str | None, _SEEN] = None,
    as_json: AsJson = False,
) -> None:
    """Refuse operations that a guard holds. The same is not planned again until what is due
    changes: correct the source. `tenure approve --operation NUMBER` takes a rejection back.

    Example: `tenure reject --application chat --reason 'half of the file was missing'`
    """
    _decide("reject", reason, application, operation, seen, as_json=as_json)


def _decide(
    what: str,
    reason: str,
    application: str | None,
    operation: list[int] | None,
    seen: str | None,
    *,
    as_json: bool,
) -> None:
    if not reason.strip():
        raise Failure("A decision needs a reason: --reason 'why'.")
    with session():
        from tenure.applications.finding import application_named
        from tenure.provisioning import services

        looked = _seen(seen)
        decide = services.approve if what == "approve" else services.reject
        if application is not None:
            application_named(application)
        _held_or_fail(operation, rejected=what == "approve")
        done = decide(
            reason=reason, application=application, operations=operation or None, seen=looked
        )
        word = "approved" if what == "approve" else "rejected"
        if as_json:
            told = {"taken_over": list(done.taken_over)} if what == "approve" else {}
            told |= {"never": list(done.never)} if done.never else {}
            print_json({word: done.count, "held_since": done.again, "not_due": done.gone, **told})
        else:
            _show_decided(done, word, application)
        if done.again or done.never:
            raise typer.Exit(2)


def _seen(text: str | None) -> Seen | None:
    from tenure.provisioning.services import Seen

    try:
        return None if text is None else Seen.parse(text)
    except ValueError as error:
        raise Failure(str(error)) from error


def _show_decided(done: Decided, word: str, application: str | None) -> None:
    from tenure.provisioning.records.plan import REPORT_MODE
    from tenure.provisioning.records.stopping import standing_still

    if done == type(done)():
        out.print("No operation is held there.")
        return
    for name in done.taken_over:
        said = f"{name} is taken over: from here on the guards decide what is held."
        out.print(said, markup=False)
    more = f", {done.gone} not due any more" if done.gone else ""
    for why in done.never:
        out.print(f"Not approved: {why}", markup=False)
    if done.never and not done.count:
        return
    if done.count or done.gone or not done.taken_over:
        out.print(f"{done.count} operation{'' if done.count == 1 else 's'} {word}{more}.")
    else:
        out.print("No operation waited there: `tenure plan` shows what is due.")
    if done.again:
        out.print(
            f"{done.again} more {'is' if done.again == 1 else 'are'} held since you looked: "
            "`tenure plan` shows what, and it waits for a decision of its own."
        )
    still = standing_still([application] if application else None)
    stopped = {name: why for name, why in still.items() if why != REPORT_MODE}
    for which, why in stopped.items() if word == "approved" else ():
        say(f"Not sent to {which}: {why}")
    if done.count and word == "approved" and not stopped:
        say("A worker sends them now; `tenure apply` does it where none runs.")


def _held_or_fail(operations: list[int] | None, *, rejected: bool) -> None:
    """Nothing is decided when one of the operations that were named is not held (or rejected,
    where that can be taken back)."""
    from tenure.provisioning.models import Operation

    wanted = set(operations or ())
    states = ["held", "rejected"] if rejected else ["held"]
    rows = Operation.objects.filter(pk__in=wanted, state__in=states)
    held = set(rows.values_list("pk", flat=True))
    if wanted - held:
        numbers = ", ".join(str(number) for number in sorted(wanted - held))
        raise Failure(
            f"Not held: {numbers}. Nothing was done. `tenure operations list --filter state=held` "
            "shows those that are."
        )


def retry(
    application: Application = None,
    run: Annotated[int | None, typer.Option(help="Only what failed in this run.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send failed operations again, and nothing else.

    Example: `tenure retry --application tracker --run 12`
    """
    with session():
        from tenure.applications.finding import application_named
        from tenure.provisioning.services import retry_failed

        if application is not None:
            application_named(application)
        done = retry_failed(application, run=run)
        numbers = [row.pk for row in done.runs]
        if as_json:
            print_json({"people": done.people, "orphans": done.orphans, "runs": numbers})
            return
        where = f" in run {', '.join(map(str, numbers))}" if numbers else ""
        if not numbers:
            out.print("Nothing that failed waits to be sent again.")
            return
        out.print(f"Tried again for {done}{where}.")


def stop(
    application: Annotated[
        str | None, typer.Argument(help="Only this application (its slug). Without: all of them.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why: it is kept in the audit trail.")] = "",
    as_json: AsJson = False,
) -> None:
    """The emergency stop: nothing is sent to the application, or to any, until `tenure resume`.
    What is under way ends within about a second, and nothing is lost.

    Example: `tenure stop chat --reason 'HR sends nonsense'`
    """
    with session():
        from tenure.applications.finding import application_named
        from tenure.provisioning.services import stop_writes

        name = application_named(application).name if application else ""
        new = stop_writes(reason=reason, application=application)
        what = f"Writes to {name}" if name else "All writes"
        again = f"`tenure resume{f' {application}' if application else ''}` goes on."
        if as_json:
            print_json({"writes": "stopped", "application": application})
            return
        out.print(f"{what} {'are' if new else 'were already'} stopped. {again}", markup=False)


def resume(
    application: Annotated[
        str | None, typer.Argument(help="Only this application (its slug). Without: all of them.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why: it is kept in the audit trail.")] = "",
    as_json: AsJson = False,
) -> None:
    """Go on after an emergency stop. One application's own stop outlasts that of all.

    Example: `tenure resume --reason 'HR is right again'`
    """
    with session():
        from tenure.applications.finding import application_named
        from tenure.provisioning.records.stopping import NotBeforeRestored, standing_still
        from tenure.provisioning.services import resume_writes

        name = application_named(application).name if application else ""
        try:
            new = resume_writes(reason=reason, application=application)
        except NotBeforeRestored as error:
            raise Failure(str(error)) from error
        still = standing_still([application] if application else None)
        if as_json:
            print_json({"writes": "on", "application": application, "not_sent": still})
            return
        what = f"Writes to {name}" if name else "Writes"
        out.print(f"{what} {'go on' if new else 'were not stopped'}.", markup=False)
        for which, why in still.items():
            out.print(f"Still not sent to {which}: {why}", markup=False)
