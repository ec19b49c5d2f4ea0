"""One run: how far it is, and pausing, resuming or cancelling it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json, say

Number = Annotated[
    int, typer.Argument(metavar="RUN", help="Its number, as `tenure runs list` shows it.")
]
Why = Annotated[str, typer.Option(help="Why: it is kept in the audit trail.")]


def register(runs: typer.Typer) -> None:
    """Into the `runs` group, beside `list`."""
    for command in (show, pause, resume, cancel):
        runs.command(command.__name__)(command)


def show(run: Number, as_json: AsJson = False) -> None:
    """How far it is, at what rate, how long it takes still, and what failed.

    Example: `tenure runs show 12`
    """
    with session():
        document = _document(run)
        if as_json:
            print_json(document)
            return
        of = f" of {document['total']}" if document["total"] is not None else ""
        pace = f", {document['rate']:.1f}/s" if document["rate"] else ""
        left = f", {document['seconds_left']:.0f} s left" if document["seconds_left"] else ""
        out.print(
            f"Run {run} ({document['kind']} {document['subject']}".rstrip()
            + f") is {document['state']}: {document['done']}{of} done{pace}{left}.",
            markup=False,
        )
        if document["message"]:
            out.print(document["message"], markup=False)
        if (again := document["sent_again"]) is not None:
            runs = ", ".join(map(str, again["runs"]))
            out.print(f"{again['says']} {f'In run {runs}.' if runs else ''}".strip(), markup=False)
        for wait in document["waits"]:
            out.print(wait["says"], markup=False)
        for state, count in document["states"].items():
            out.print(f"  {count} {state}", markup=False)
        for item in document["failures"]:
            out.print(f"{item['count']} in {item['name']}: {item['example']}", markup=False)


def pause(run: Number, reason: Why = "", as_json: AsJson = False) -> None:
    """Begin nothing more of it until it is resumed. Leavers' removals go all the same.

    Example: `tenure runs pause 12 --reason 'the vendor asked'`
    """
    with session(), _steerable():
        from tenure.provisioning.decisions import steering

        found = steering.pause(run, reason=reason)
        if as_json:
            document = _document(run)
            print_json({**document, "under_way": found.under_way, "waiting": found.waiting})
            return
        say(f"Run {run} is paused: {found} `tenure runs resume {run}` goes on.")


def resume(run: Number, reason: Why = "", as_json: AsJson = False) -> None:
    """Go on after a pause, or take a cancellation back.

    Example: `tenure runs resume 12`
    """
    with session(), _steerable():
        from tenure.provisioning.decisions import steering

        count = steering.resume(run, reason=reason)
        print_json(_document(run)) if as_json else say(
            f"Run {run} goes on with {count} operations."
        )


def cancel(run: Number, reason: Why = "", as_json: AsJson = False) -> None:
    """Send nothing more of it. What was begun is finished; leavers' removals go all the same. What
    is not sent is not planned again until what is due changes, or the run is resumed.

    Example: `tenure runs cancel 12 --reason 'wrong file'`
    """
    with session(), _steerable():
        from tenure.provisioning.decisions import steering

        found = steering.cancel(run, reason=reason)
        if as_json:
            print_json({**_document(run), "not_sent": found.not_sent, "going_on": found.going_on})
            return
        say(f"Run {run} is cancelled: {found} `tenure runs resume {run}` takes that back.")


@contextmanager
def _steerable() -> Iterator[None]:
    """What cannot be done to a run now is one sentence."""
    from tenure.provisioning.decisions.steering import RunRefused

    try:
        yield
    except RunRefused as error:
        raise Failure(str(error)) from error


def _document(number: int) -> dict[str, Any]:
    from tenure.infra.clock import now
    from tenure.provisioning.questions import selectors as provisioning
    from tenure.provisioning.questions.going import going, to_be_done
    from tenure.provisioning.questions.sent_again import sent_again
    from tenure.runs import selectors
    from tenure.runs.models import RunKind
    from tenure.runs.progress import progress

    run = selectors.run(number)
    if run is None:
        raise Failure(f"There is no run {number}. `tenure runs list` shows them.")
    executes = run.kind == RunKind.EXECUTE.value
    at = now()
    goes = going(run, at) if executes else None
    again = sent_again(run) if executes else None
    states = provisioning.states(run) if executes else {}
    run.total = to_be_done(run, states) if executes else run.total
    far = progress(run, at, rate=goes.rate, waiting=goes.waiting) if goes else progress(run, at)
    return {
        "id": run.pk,
        "kind": run.kind,
        "subject": run.subject,
        "state": run.state,
        "actor": run.actor,
        "reason": run.reason,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "done": run.done,
        "total": run.total,
        "rate": far.rate,
        "seconds_left": far.left,
        "waits": [
            {
                "application": w.slug,
                "count": w.count,
                "why": w.why,
                "until": w.until,
                "says": str(w),
            }
            for w in (goes.waits if goes else ())
        ],
        "message": run.message,
        "sent_again": None
        if again is None
        else {
            "count": again.count,
            "done": again.done,
            "failed": again.failed,
            "open": again.open,
            "not_due": again.not_due,
            "runs": again.runs,
            "says": str(again),
        },
        "counters": run.counters,
        "states": {state.value: n for state, n in states.items()},
        "failures": [
            {"application": f.application, "name": f.name, "example": f.example, "count": f.count}
            for f in provisioning.failures(run)
        ]
        if executes
        else [],
    }
