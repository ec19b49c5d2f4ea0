"""Commands that do the work: import, plan, apply, reconcile."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli import imported
from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, err, out, print_json, say, table
from tenure.cli.progress import counting, waiting
from tenure.core.model import Situation

if TYPE_CHECKING:
    from tenure.people.models import Person
    from tenure.provisioning.questions.ahead import Turn
    from tenure.provisioning.questions.whatif import Answer, Stay

Application = Annotated[
    str | None,
    typer.Option("--application", "-a", help="Only this application, as tenure.yaml calls it."),
]


def register(app: typer.Typer) -> None:
    app.command("import")(import_people)
    app.command("plan")(plan)
    app.command("apply")(apply)
    app.command("reconcile")(reconcile)


def import_people(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="What tenure.yaml calls it, such as hr.")
    ],
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Read this file instead of the usual one.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and compare; change nothing.")
    ] = False,
    accept: Annotated[
        str,
        typer.Option(
            "--accept",
            help="Take what the guard holds (leavers, changes, missing records), for this reason.",
        ),
    ] = "",
    full: Annotated[
        bool, typer.Option("--full", help="All of it, even where it can say what changed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read people from a source. Rows that are wrong are told, the others are taken.

    Example: `tenure import hr --file people.csv`
    """
    with session():
        from tenure.sources.finding import source_named
        from tenure.sources.importing import import_source

        row = source_named(source)
        with counting(f"Reading {row.name}", "rows") as progress:
            result = import_source(
                row,
                file=file,
                dry_run=dry_run,
                accept=accept,
                full=full,
                progress=progress,
            )
        if as_json:
            print_json(imported.as_json(result, source, dry_run=dry_run))
        else:
            imported.show(result, dry_run=dry_run)
        if result.held:
            raise Failure(
                f"Held: {result.run.message} Look at the file. If it is right: "
                f"`tenure import {source}{f' --file {file}' if file else ''} --accept 'why'`.",
                told=as_json,
            )


def plan(
    application: Application = None,
    person: Annotated[
        str | None, typer.Option("--person", "-p", help="Only this person: number, e-mail, name.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every operation, not the first 20 of each application.")
    ] = False,
    given: Annotated[
        list[str] | None,
        typer.Option("--with", help="What if HR said attribute=value of --person? Repeatable."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            help="What would this configuration change, if it were applied? "
            "For everybody, or for --person.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What would be done and why. Exit code 0: nothing to do, 2: changes, 1: an error.

    An error is also when there is nothing to do but somebody could not be planned. Of one person
    it also says what is to come by itself, and when.

    Example: `tenure plan --application chat --json`

    Example: `tenure plan --person 10482 --with department=Sales`

    Example: `tenure plan --config tenure.yaml`

    Example: `tenure plan --config tenure.yaml --person 10482`
    """
    if given and not person:
        raise Failure("--with asks about one person: name them with --person.")
    if config and (given or application):
        raise Failure(
            "--config is about every application, and people as they are: leave out --with and "
            "--application."
        )
    with session():
        from tenure.applications.selectors import applications
        from tenure.cli.rendering import show_plan, show_stays, show_turns
        from tenure.people.services import find_person
        from tenure.provisioning.questions.ahead import ahead
        from tenure.provisioning.services import preview

        _read_first(application)
        who = find_person(person) if person else None
        turns: list[Turn] = []
        stays: Sequence[Stay] = ()
        with waiting("Planning…"):
            if config is not None:
                from tenure.cli.config import effect_of

                edit = effect_of(config, who)
                found = edit.plan
                say(
                    f"This edit changes {_counted_accounts(edit.accounts, who)}: "
                    f"{len(edit.added)} operations more than today's plan, {len(edit.dropped)} "
                    "fewer."
                )
            elif who and given:
                answer = _supposed(who, given, application)
                found, turns, stays = answer.effect.plan, list(answer.turns), answer.stays
            else:
                found = preview(application=application, person=who)
                turns = ahead(who) if who else []
        turns = [turn for turn in (turn.of(application) for turn in turns) if turn]
        if as_json:
            future = {"ahead": [turn.as_json() for turn in turns]} if who else {}
            future |= {"stays": [stay.as_json() for stay in stays]} if given else {}
            print_json(found.as_json() | future)
        elif config is None and not applications():
            out.print("There are no applications yet: `tenure config apply` adds them.")
        else:
            show_plan(out, found, everything=everything)
            show_stays(out, stays)
            if who:
                show_turns(out, turns, who.time_zone)
        if found.lines or any(not problem.notice for problem in found.problems):
            raise typer.Exit(2 if found.lines else 1)


def _counted_accounts(count: int, who: Person | None) -> str:
    of = f" of {who.display_name}" if who else ""
    return f"{count} account{'' if count == 1 else 's'}{of}"


def _supposed(who: Person, given: list[str], application: str | None) -> Answer:
    from tenure.provisioning.questions.whatif import what_if

    try:
        return what_if(who, _pairs(given), application=application)
    except ValueError as error:
        raise Failure(f"--with: {error}") from error


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign:
            raise Failure(f"{text!r} is no attribute=value, as in department=Sales.")
        pairs[name.strip()] = value.strip()
    return pairs


def apply(
    application: Application = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until everything is done.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Plan, ask, execute. Exit code 0 only when everything asked for is done.

    Example: `tenure apply --yes`
    """
    with session():
        from tenure.cli import applying
        from tenure.cli.rendering import show_plan
        from tenure.provisioning.services import preview, store

        _read_first(application)
        with waiting("Planning…"):
            found = preview(application=application)
        if found.lines and not yes:
            show_plan(err, found, everything=False)
            if not sys.stdin.isatty():
                raise Failure("Nothing was done: pass --yes to go ahead without being asked.")
            if not _agreed():
                raise Failure("Nothing was done.")
        applying.wake_stopped(found)
        stored = store(application=application, reason="tenure apply")
        outcome = applying.follow(
            stored, wait=wait, reported=found.reported, declined=found.declined
        )
        if as_json:
            print_json(outcome.as_json())
        else:
            outcome.show()
        if not outcome.complete(waited=wait) or (application and outcome.reported):
            raise typer.Exit(1)


def _agreed() -> bool:
    """Typer's own question would put a blank on standard output."""
    err.print("Go ahead? [y/N] ", end="", markup=False)
    err.file.flush()
    return sys.stdin.readline().strip().casefold() in {"y", "yes"}


def _read_first(application: str | None) -> None:
    """Applications that were never read are, so that the plan knows who is there."""
    from tenure.provisioning.reconciliation.first_reading import read_first

    with waiting("Reading accounts…"):
        unread = read_first(application)
    for one in unread:
        err.print(f"{one.name} could not be read: {one.message}", style="yellow", markup=False)


def reconcile(
    application: Annotated[
        str, typer.Argument(metavar="APPLICATION", help="What tenure.yaml calls it, such as chat.")
    ],
    accept_missing: Annotated[
        bool,
        typer.Option("--accept-missing", help="However many are gone, they really are."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read an application's accounts: what is new, changed, gone, nobody's (orphans) or drifted.

    Example: `tenure reconcile chat`
    """
    with session():
        from tenure.applications.finding import application_named
        from tenure.applications.selectors import situations
        from tenure.provisioning.reconciliation.reconcile import reconcile_by_slug

        row = application_named(application)
        with counting(f"Reading {row.name}", "accounts") as progress:
            result = asyncio.run(
                reconcile_by_slug(row.slug, progress, accept_missing=accept_missing)
            )
        if as_json:
            print_json(
                {
                    "run": result.run.pk,
                    "application": row.slug,
                    "counters": dict(result.counters),
                    "situations": {one.value: n for one, n in situations(row).items()},
                    "issues": [{"key": i.key, "message": i.message} for i in result.issues],
                }
            )
            return
        counters = result.counters
        out.print(
            table(
                "",
                ["What", ">Accounts"],
                [(_called(name), counters.get(name, 0)) for name in _counted(counters)],
            )
        )
        there = {one.value: n for one, n in situations(row).items() if one is not Situation.DELETED}
        whose = [
            *((_whose(name, counters), n) for name, n in there.items()),
            ("in all", sum(there.values())),
        ]
        out.print(table("", ["Whose they are", ">Accounts"], whose))
        for issue in result.issues[:50]:
            out.print(f"{issue.key}: {issue.message}", markup=False)


#: Every account that is there is one of these.
_WHOSE = {
    Situation.LINKED.value: "linked to their owner",
    Situation.UNLINKED.value: "not tied to their owner yet",
    Situation.UNMATCHED.value: "nobody's",
    Situation.DISPUTED.value: "disputed",
    Situation.IGNORED.value: "ignored",
}


#: Counted when an account becomes so, not each time that it is seen.
_NEWLY = {
    "linked": "newly linked",
    "orphans": "newly nobody's (orphans)",
    "disputed": "newly disputed",
    "ignored": "newly ignored",
}


def _called(counter: str) -> str:
    return _NEWLY.get(counter, counter)


def _whose(situation: str, counters: Mapping[str, int]) -> str:
    """Of orphans, how many of them are new."""
    if situation != Situation.UNMATCHED.value:
        return _WHOSE[situation]
    return f"{_WHOSE[situation]} (orphans), {counters.get('orphans', 0)} of them new"


def _counted(counters: Mapping[str, int]) -> list[str]:
    """What a reconcile always tells, and whatever else it counted."""
    always = ["seen", "unchanged", "changed", "new", "orphans", "drift", "gone"]
    told = {*always, "orphans_in_all"}
    return [*always, *(name for name in counters if name not in told)]
