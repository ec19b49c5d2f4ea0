"""Tasks: what a person has to do by hand, and saying that it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tenure.cli.context import session
from tenure.cli.lines import Limit, more_than
from tenure.cli.output import AsJson, Failure, out, print_json, say, table
from tenure.cli.working import Application
from tenure.core.instants import told

if TYPE_CHECKING:
    from tenure.provisioning.decisions.byhand import Task

tasks_app = typer.Typer(
    name="tasks",
    help="What applications cannot do, for a person to do by hand.\n\nExample: `tenure tasks list`",
    no_args_is_help=True,
)
Key = Annotated[
    str, typer.Argument(metavar="TASK", help="As `tenure tasks list` shows it: 1204, or S12.")
]


@tasks_app.command("list")
def list_tasks(
    application: Application = None,
    person: Annotated[
        str | None, typer.Option("--person", "-p", help="Only this person: number, e-mail, name.")
    ] = None,
    limit: Limit = 1000,
    as_json: AsJson = False,
) -> None:
    """What waits to be done by hand, the oldest first: accounts, and (S and a number) people to be
    signed out where nothing of ours can do that.

    Example: `tenure tasks list --application chat`
    """
    with session():
        from tenure.infra.clock import now
        from tenure.people.services import find_person
        from tenure.provisioning.decisions import byhand
        from tenure.sso import by_hand

        whom = find_person(person) if person else None
        found = [
            *byhand.tasks(application=application, person=whom, limit=limit + 1),
            *by_hand.tasks(application=application, person=whom, limit=limit + 1),
        ]
        found.sort(key=lambda task: task.since)
        if len(found) > limit:
            more_than(limit)
            del found[limit:]
        if as_json:
            print_json({"tasks": [task.as_json() for task in found]})
            return
        if not found:
            say("Nothing waits to be done by hand.")
            return
        whose = byhand.whose(found)
        rows = [
            (
                task.key,
                task.what,
                whose[task.assignee],
                f"{(now() - task.since).days} days{_how_it_stands(task)}",
            )
            for task in found
        ]
        out.print(table("", [">Task", "What", "Whose", "Waits"], rows))


@tasks_app.command("show")
def show(
    task: Key,
    sensitive: Annotated[
        bool, typer.Option("--sensitive", help="Sensitive values too. It is recorded.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What to do, step by step, and what it is for.

    Example: `tenure tasks show 1204`
    """
    with session():
        from tenure.provisioning.decisions import byhand

        found = _found(task, sensitive=sensitive)
        if as_json:
            print_json(found.as_json())
            return
        out.print(found.what, markup=False, style="bold")
        if found.how and not found.looks:
            out.print(f"How: {found.how}", markup=False)
        for step in found.steps:
            out.print(f"  {step}", markup=False)
        then = "Then" if found.looks else "Then look"
        out.print(f"{then}: {found.check}", markup=False)
        if found.ends_at is not None:
            until = f"ends by itself by {told(found.ends_at)} at the latest."
            out.print(f"What was begun by Tenure {until}", markup=False)
        if found.could_not:
            out.print(found.could_not, markup=False)
        out.print(f"Why: {found.why}", markup=False)
        out.print(f"By hand, because: {found.cause}", markup=False)
        overdue = "; overdue" if found.overdue else ""
        whose = byhand.whose([found])[found.assignee]
        out.print(f"For {whose}, since {told(found.since)}{overdue}", markup=False)
        if found.sensitive:
            say("Sensitive values are not shown: --sensitive shows them, and that is recorded.")
        of = " [--account ID]" if found.makes else ""
        if found.looks:
            say(f"`tenure tasks done {task}{of}` if there is one, else `tenure tasks none {task}`.")
            return
        say(f"`tenure tasks done {task}{of}` when it is done, `tenure tasks cannot {task}` if not.")


@tasks_app.command("done")
def done(
    task: Key,
    note: Annotated[str, typer.Option(help="What was done: it is kept as the evidence.")] = "",
    account: Annotated[
        str, typer.Option(help="Id, in the application, of the account that was made.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """It is done. What it wanted counts as so until the application is read. A failed operation
    that closes a leaver's access, and is tried again by itself, can be settled like this too:
    then --note is needed, and nothing is proven until the application is read.

    Example: `tenure tasks done 1204 --note 'closed by Ada in the admin pages'`
    """
    with session():
        from tenure.provisioning.decisions import byhand
        from tenure.sso import by_hand

        if (number := by_hand.number_of(task)) is not None:
            by_hand.done(number, note=note)
        else:
            byhand.done(_number(task), note=note, account=account)
        print_json({"task": _shown(task), "state": "done"}) if as_json else say(
            f"Task {task} is done."
        )


@tasks_app.command("none")
def none_there(
    task: Key,
    note: Annotated[str, typer.Option(help="Where you looked: it is kept as the evidence.")],
    as_json: AsJson = False,
) -> None:
    """There is no such account. For tasks that ask to look for one that may have been made, and is
    no longer due.

    Example: `tenure tasks none 1204 --note 'not on the admin pages, deleted users included'`
    """
    with session():
        from tenure.provisioning.decisions import byhand

        byhand.none_there(_number(task), note=note)
        print_json({"task": _shown(task), "state": "cancelled"}) if as_json else say(
            f"Task {task} is settled: there is none."
        )


@tasks_app.command("cannot")
def cannot(
    task: Key,
    note: Annotated[str, typer.Option(help="Why: whoever looks next has to know.")],
    as_json: AsJson = False,
) -> None:
    """It cannot be done by hand either. It is listed as failed until it is planned anew; somebody
    who cannot be signed out stays in the list, and nobody is reminded of them.

    Example: `tenure tasks cannot 1204 --note 'the vendor has locked us out'`
    """
    with session():
        from tenure.provisioning.decisions import byhand
        from tenure.sso import by_hand

        if (number := by_hand.number_of(task)) is not None:
            by_hand.cannot(number, note=note)
            said = f"Task {task} stays in the list, as one that could not be done."
            print_json({"task": task, "state": "cannot"}) if as_json else say(said)
            return
        byhand.cannot(_number(task), note=note)
        print_json({"task": _shown(task), "state": "failed"}) if as_json else say(
            f"Task {task} is listed as failed. `tenure retry` makes it a task again."
        )


def _found(key: str, *, sensitive: bool) -> Task:
    from tenure.provisioning.decisions import byhand
    from tenure.sso import by_hand

    if (number := by_hand.number_of(key)) is not None:
        return by_hand.task(number)
    return byhand.task_in_clear(_number(key)) if sensitive else byhand.task(_number(key))


def _number(key: str) -> int:
    if not key.isdecimal() or len(key) > 18:
        raise Failure(f"{key!r} is no task. `tenure tasks list` shows those that wait.")
    return int(key)


def _shown(key: str) -> int | str:
    """As JSON has it, where a task of an account is a number."""
    return int(key) if key.isdecimal() else key


def _how_it_stands(task: Task) -> str:
    if task.could_not:
        return ", could not be done"
    return ", overdue" if task.overdue else ""
